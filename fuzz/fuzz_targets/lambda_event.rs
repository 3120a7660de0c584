//! Any bytes for a Lambda event: refused as no HTTP request, or given a well-formed answer.
#![no_main]

use connect_provisioner::http::gateway::Arrival;
use connect_provisioner_fuzz::{answer, config};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(arrival) = Arrival::read(text, "/base") {
        answer(config(), arrival.request, arrival.gateway);
    }
});
