//! Whatever is read as a filter is written so that it reads back, and says yes or no of a user.
#![no_main]

use connect_provisioner::scim::filter::Filter;
use connect_provisioner_fuzz::{scim_user, user_type};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let types = user_type();
    for strict in [false, true] {
        let Ok(filter) = Filter::parse(text, &types, strict) else { continue };
        // What is written may be longer than what was read, and so than what may be read.
        if let Ok(again) = Filter::parse(&filter.to_string(), &types, strict) {
            assert_eq!(again.to_string(), filter.to_string());
            assert_eq!(again.matches(&scim_user(), &types), filter.matches(&scim_user(), &types));
        }
        let _ = filter.lookups(&types);
    }
});
