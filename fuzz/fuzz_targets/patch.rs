//! Whatever is read as a PATCH leaves a resource of which a client may write every part, or is
//! refused.
#![no_main]

use connect_provisioner::json;
use connect_provisioner::scim::{patch, resource};
use connect_provisioner_fuzz::{scim_user, user_type};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(Value::Object(body)) = json::read(data) else { return };
    let types = user_type();
    let known = resource::take(&types, &scim_user(), false).expect("it is a user");
    for strict in [false, true] {
        let Ok(operations) = patch::read(&body, &types, strict) else { continue };
        if let Ok(kept) = patch::apply(&types, &known, &operations, strict) {
            assert_eq!(resource::take(&types, &kept, true).as_ref(), Ok(&kept));
        }
    }
});
