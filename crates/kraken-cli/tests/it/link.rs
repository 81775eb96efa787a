use crate::rig::{Rig, SOON, gateway};
use kraken_sidecar::{Gateway, LinkStatus};
use tokio::time::timeout;

/// Waits until a gateway is refused for this reason.
async fn refused(gateway: &Gateway, expected: &str) {
    let mut status = gateway.status();
    let down = status
        .wait_for(|status| matches!(status, LinkStatus::Down(reason) if reason.contains(expected)));
    timeout(SOON, down).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lk10_a_sidecar_with_a_wrong_key_is_refused_and_told_so() {
    let rig = Rig::start().await;
    rig.gateway.shutdown().await;
    let stranger = gateway(&rig.node, b"wrong");
    refused(&stranger, "wrong link key").await;
    stranger.shutdown().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lk11_a_second_sidecar_is_refused_while_one_is_there() {
    let rig = Rig::start().await;
    let second = gateway(&rig.node, &rig.link_key());
    refused(&second, "another sidecar").await;
    let mut client = rig.client("room").await;
    client.next_like(&[0, 0]).await;
    second.shutdown().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nd3_a_busy_process_is_never_a_hazard_to_its_node() {
    const MESSAGES: usize = 2_000;
    let rig = Rig::start().await;
    let (mut busy, mut idle) = (rig.client("room").await, rig.client("room").await);
    // Each is answered; nobody reads until all are sent.
    for _ in 0..MESSAGES {
        busy.send(&[0, 0, 1, 0]).await;
    }
    for _ in 0..MESSAGES {
        busy.next_like(&[0, 1]).await;
    }
    idle.everything().await;
    rig.end().await;
}
