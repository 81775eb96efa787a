use bytes::Bytes;
use kraken_link::{Handshake, ToProcess, ToSidecar};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

pub(crate) fn payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("[a-z-]{0,20}", ".{0,40}"), 0..5)
}

fn handshake() -> impl Strategy<Value = Handshake> {
    let optional = || option::of(".{0,150}");
    (
        ".{0,200}",
        optional(),
        optional(),
        optional(),
        optional(),
        ".{0,30}",
    )
        .prop_map(
            |(path, query, origin, bearer, user_agent, remote)| Handshake {
                path,
                query,
                origin,
                bearer,
                user_agent,
                remote,
            },
        )
}

pub(crate) fn to_process() -> impl Strategy<Value = ToProcess> {
    prop_oneof![
        (any::<u16>(), payload()).prop_map(|(version, key)| ToProcess::Hello { version, key }),
        (any::<u32>(), handshake()).prop_map(|(connection, handshake)| ToProcess::Open {
            connection,
            handshake
        }),
        (any::<u32>(), payload()).prop_map(|(connection, payload)| ToProcess::Binary {
            connection,
            payload
        }),
        (any::<u32>(), payload()).prop_map(|(connection, payload)| ToProcess::Text {
            connection,
            payload
        }),
        (any::<u32>(), any::<u16>())
            .prop_map(|(connection, code)| ToProcess::Closed { connection, code }),
        (
            any::<u32>(),
            "[A-Z]{1,8}",
            ".{0,99}",
            option::of(".{0,99}"),
            headers(),
            ".{0,9}",
            payload()
        )
            .prop_map(|(id, method, path, query, headers, remote, body)| {
                ToProcess::Request {
                    id,
                    method,
                    path,
                    query,
                    headers,
                    remote,
                    body,
                }
            }),
        Just(ToProcess::Drain),
        any::<u32>().prop_map(|connection| ToProcess::Marked { connection }),
        any::<bool>().prop_map(|is_up| ToProcess::EngineUp { is_up }),
        payload().prop_map(|payload| ToProcess::Engine { payload }),
    ]
}

pub(crate) fn to_sidecar() -> impl Strategy<Value = ToSidecar> {
    prop_oneof![
        any::<u16>().prop_map(|version| ToSidecar::Welcome { version }),
        accept(),
        (any::<u32>(), any::<u16>(), ".{0,99}", ".{0,99}").prop_map(
            |(connection, status, code, reason)| ToSidecar::Refuse {
                connection,
                status,
                code,
                reason,
            }
        ),
        (any::<u32>(), any::<u16>(), ".{0,99}").prop_map(|(connection, code, reason)| {
            ToSidecar::Close {
                connection,
                code,
                reason,
            }
        }),
        (any::<u32>(), payload()).prop_map(|(connection, payload)| ToSidecar::Binary {
            connection,
            payload
        }),
        (any::<u32>(), payload()).prop_map(|(connection, payload)| ToSidecar::Text {
            connection,
            payload
        }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(connection, topic)| ToSidecar::Subscribe { connection, topic }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(connection, topic)| ToSidecar::Unsubscribe { connection, topic }),
        (any::<u32>(), any::<u32>(), payload()).prop_map(|(topic, except, payload)| {
            ToSidecar::Publish {
                topic,
                except,
                payload,
            }
        }),
        (any::<u32>(), any::<u32>(), payload()).prop_map(|(topic, except, payload)| {
            ToSidecar::PublishText {
                topic,
                except,
                payload,
            }
        }),
        any::<u32>().prop_map(|connection| ToSidecar::Mark { connection }),
        (any::<u32>(), any::<u16>(), headers(), payload()).prop_map(
            |(id, status, headers, body)| ToSidecar::Response {
                id,
                status,
                headers,
                body
            }
        ),
        Just(ToSidecar::Drained),
        payload().prop_map(|payload| ToSidecar::Engine { payload }),
        ".{0,99}".prop_map(|reason| ToSidecar::Reset { reason }),
    ]
}

fn accept() -> impl Strategy<Value = ToSidecar> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let codes = (any::<u16>(), any::<u16>(), any::<u16>());
    (numbers, codes).prop_map(|(numbers, (too_large, overflow, too_fast))| {
        let (connection, max_message, messages_per_second, bytes_per_second) = numbers;
        ToSidecar::Accept {
            connection,
            max_message,
            too_large,
            overflow,
            messages_per_second,
            bytes_per_second,
            too_fast,
        }
    })
}
