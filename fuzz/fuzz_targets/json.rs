//! What our reader takes, `serde_json` takes too and reads alike; nothing else is taken.
#![no_main]

use connect_provisioner::json;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    if let Ok(ours) = json::read(data) {
        let theirs: Value = serde_json::from_slice(data).expect("theirs is the laxer reader");
        assert_eq!(ours, theirs);
    }
});
