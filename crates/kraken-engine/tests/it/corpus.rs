use kraken_engine::fuzz;
use std::fs;
use std::path::Path;

#[test]
fn en21_any_call_is_what_its_json_says_and_has_an_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test/fuzz/corpus/rpc");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        fuzz::rpc(&fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no corpus");
}
