use std::collections::VecDeque;

use bytes::Bytes;
use kraken_link::{Endpoint, MAX_FRAME, Record, ToProcess, ToSidecar};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use crate::strategies::{to_process, to_sidecar};

/// What the sidecar may have on its way: 4 MiB and the frame that passes them.
const DOWN_BOUND: usize = 4 * 1024 * 1024 + MAX_FRAME;
/// The same for the process.
const UP_BOUND: usize = 8 * 1024 * 1024 + MAX_FRAME;

#[derive(Debug, Clone)]
enum Step {
    QueueDown(ToProcess),
    QueueUp(ToSidecar),
    /// Puts what the endpoint has to send on the wire.
    SendDown,
    SendUp,
    /// Delivers one frame.
    DeliverDown,
    DeliverUp,
    /// Takes at most so many records.
    TakeDown(usize),
    TakeUp(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let large = 1024..3_000_000usize;
    prop_oneof![
        6 => to_process().prop_map(Step::QueueDown),
        6 => to_sidecar().prop_map(Step::QueueUp),
        1 => large.clone().prop_map(|size| Step::QueueDown(ToProcess::Binary {
            connection: 1,
            payload: Bytes::from(vec![1; size]),
        })),
        1 => large.prop_map(|size| Step::QueueUp(ToSidecar::Publish {
            topic: 1,
            except: 0,
            payload: Bytes::from(vec![2; size]),
        })),
        4 => Just(Step::SendDown),
        4 => Just(Step::SendUp),
        4 => Just(Step::DeliverDown),
        4 => Just(Step::DeliverUp),
        4 => (1..20usize).prop_map(Step::TakeDown),
        4 => (1..20usize).prop_map(Step::TakeUp),
    ]
}

/// One direction: what was queued and has not come out, and frames on the wire.
struct Direction<R> {
    expected: VecDeque<R>,
    wire: VecDeque<Bytes>,
}

impl<R: Record + PartialEq + std::fmt::Debug> Direction<R> {
    fn new() -> Self {
        Self {
            expected: VecDeque::new(),
            wire: VecDeque::new(),
        }
    }

    fn in_flight(&self) -> usize {
        self.wire.iter().map(Bytes::len).sum()
    }

    fn take<Out: Record>(&mut self, endpoint: &mut Endpoint<Out, R>, count: usize) -> usize {
        for taken in 0..count {
            match endpoint.next().unwrap() {
                Some(record) => assert!(Some(record) == self.expected.pop_front(), "wrong record"),
                None => return taken,
            }
        }
        count
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn everything_arrives_once_and_in_order_within_the_windows(
        steps in vec(step(), 1..200),
        drain_up_first: bool,
        chunk in any::<u8>(),
    ) {
        let mut sidecar = Endpoint::sidecar();
        let mut process = Endpoint::process();
        let mut down = Direction::new();
        let mut up = Direction::new();

        for step in steps {
            match step {
                Step::QueueDown(record) => {
                    sidecar.queue(&record);
                    down.expected.push_back(record);
                }
                Step::QueueUp(record) => {
                    process.queue(&record);
                    up.expected.push_back(record);
                }
                Step::SendDown => {
                    down.wire.extend(std::iter::from_fn(|| sidecar.poll_frame()).map(Bytes::from));
                }
                Step::SendUp => {
                    up.wire.extend(std::iter::from_fn(|| process.poll_frame()).map(Bytes::from));
                }
                Step::DeliverDown => {
                    if let Some(frame) = down.wire.pop_front() {
                        process.receive(frame).unwrap();
                    }
                }
                Step::DeliverUp => {
                    if let Some(frame) = up.wire.pop_front() {
                        sidecar.receive(frame).unwrap();
                    }
                }
                Step::TakeDown(count) => {
                    down.take(&mut process, count);
                }
                Step::TakeUp(count) => {
                    up.take(&mut sidecar, count);
                }
            }
            assert!(down.in_flight() <= DOWN_BOUND);
            assert!(process.inbox() <= DOWN_BOUND + 3_100_000, "with an unfinished long record");
            assert!(up.in_flight() <= UP_BOUND);
            assert!(sidecar.inbox() <= UP_BOUND + 3_100_000, "with an unfinished long record");
        }

        let mut rounds = 0;
        while !(down.expected.is_empty() && up.expected.is_empty()) {
            rounds += 1;
            assert!(rounds < 10_000, "the endpoints wait for each other");
            down.wire.extend(std::iter::from_fn(|| sidecar.poll_frame()).map(Bytes::from));
            up.wire.extend(std::iter::from_fn(|| process.poll_frame()).map(Bytes::from));
            for _ in 0..1 + chunk / 32 {
                if let Some(frame) = down.wire.pop_front() {
                    process.receive(frame).unwrap();
                }
                if let Some(frame) = up.wire.pop_front() {
                    sidecar.receive(frame).unwrap();
                }
            }
            if drain_up_first {
                while up.take(&mut sidecar, 100) > 0 {}
            }
            down.take(&mut process, 1 + usize::from(chunk));
            up.take(&mut sidecar, 1 + usize::from(chunk));
        }
        assert_eq!((sidecar.queued(), process.queued()), (0, 0));
    }
}
