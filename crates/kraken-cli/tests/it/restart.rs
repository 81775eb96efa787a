use crate::rig::Rig;
use yrs::{Doc, Text, Transact};

/// An update message that inserts `text` into an empty document.
fn insert(client: u64, text: &str) -> Vec<u8> {
    let doc = Doc::with_client_id(client);
    let shared = doc.get_or_insert_text("t");
    let mut transaction = doc.transact_mut();
    shared.insert(&mut transaction, 0, text);
    let update = transaction.encode_update_v1();
    assert!(update.len() < 128, "a length of one byte");
    [&[0, 2, update.len() as u8], &update[..]].concat()
}

fn holds(message: &[u8], text: &str) -> bool {
    message
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn nd1_a_killed_process_comes_back_with_what_was_stored_and_its_clients_start_anew() {
    let rig = Rig::start().await;
    let mut writer = rig.client("room").await;
    let mut reader = rig.client("room").await;
    reader.next_like(&[0, 0]).await;
    writer.next_like(&[0, 0]).await;
    writer.send(&insert(7, "written before")).await;
    writer.next_like(&[0, 2]).await;
    reader.next_like(&[0, 2]).await;

    rig.kill_process().await;
    // Nobody has to say anything: the link finds out.
    assert_eq!(writer.closed().await, 1012);
    assert_eq!(reader.closed().await, 1012);

    crate::rig::linked(&rig.gateway).await;
    let mut back = rig.client("room").await;
    assert!(holds(&back.everything().await, "written before"));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nd2_hundreds_of_rooms_are_stored_and_loaded_whatever_order_storage_answers_in() {
    const ROOMS: usize = 300;
    let rig = Rig::start().await;
    for room in 0..ROOMS {
        let mut client = rig.client(&format!("room-{room}")).await;
        client.send(&insert(7, &format!("content {room}"))).await;
        client.next_like(&[0, 2]).await;
    }
    let mut last = rig.client("room-0").await;
    rig.kill_process().await;
    assert_eq!(last.closed().await, 1012);
    crate::rig::linked(&rig.gateway).await;
    for room in 0..ROOMS {
        let mut client = rig.client(&format!("room-{room}")).await;
        assert!(holds(
            &client.everything().await,
            &format!("content {room}")
        ));
    }
    rig.end().await;
}
