use std::fs;
use std::path::Path;

use kraken_sidecar::fuzz;

fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../test/fuzz/corpus")
        .join(target);
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        body(&fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus for {target}");
}

#[test]
fn gw15_whatever_a_request_says_its_client_is_nobody_else() {
    replay("handshakes", fuzz::handshakes);
}

#[test]
fn what_a_client_sends_is_what_another_implementation_reads() {
    replay("websocket", fuzz::websocket);
}
