//! Any bytes for a body, rightly signed: a well-formed answer.
#![no_main]

use connect_provisioner::http::Request;
use connect_provisioner::http::gateway::Gateway;
use connect_provisioner_fuzz::{NOW, answer, config};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let config = config();
    for source in config.hooks.iter().map(|hook| &hook.source) {
        let headers = source.sign("msg_1", NOW, data).into_iter().collect();
        let (method, path) = ("POST".to_owned(), format!("/hooks/{}", source.name));
        let request = Request { method, path, headers, body: data.to_vec(), ..Request::default() };
        let status = answer(config, Ok(request), Gateway::LoadBalancerMultiValue);
        // A body can be too old to be believed where it alone has a time.
        let believed = status != 401 || source.scheme.is_dated_by_its_body();
        assert!(believed, "{}", source.name);
    }
});
