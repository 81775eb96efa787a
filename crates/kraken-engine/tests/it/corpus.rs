use kraken_engine::fuzz;
use std::fs;
use std::path::Path;

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
fn en21_any_call_is_what_its_json_says_and_has_an_answer() {
    replay("rpc", fuzz::rpc);
}

#[test]
fn en11_frames_come_out_of_a_stream_however_it_is_cut() {
    replay("streams", fuzz::streams);
}
