use crate::rig::{Rig, gateway};
use kraken_sidecar::LinkStatus;
use tokio::time::timeout;

async fn refused(gateway: &kraken_sidecar::Gateway) -> String {
    let mut status = gateway.status();
    let down = status.wait_for(|status| matches!(status, LinkStatus::Down(_)));
    match &*timeout(crate::rig::SOON, down).await.unwrap().unwrap() {
        LinkStatus::Down(reason) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lk10_a_sidecar_with_a_wrong_key_is_refused_and_told_so() {
    let rig = Rig::start().await;
    rig.gateway.shutdown().await;
    let stranger = gateway(&rig.node, b"wrong");
    let reason = refused(&stranger).await;
    assert!(reason.contains("wrong link key"), "{reason}");
    stranger.shutdown().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lk11_a_second_sidecar_is_refused_while_one_is_there() {
    let rig = Rig::start().await;
    let second = gateway(&rig.node, &rig.link_key());
    let reason = refused(&second).await;
    assert!(reason.contains("another sidecar"), "{reason}");
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
