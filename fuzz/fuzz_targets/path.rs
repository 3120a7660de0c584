//! Whatever is read as a path reads back from what is written of its parts.
#![no_main]

use connect_provisioner::scim::path::{AttributePath, Path};
use connect_provisioner_fuzz::user_type;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let types = user_type();
    if let Ok(path) = AttributePath::parse(text, &types) {
        assert_eq!(AttributePath::parse(&path.to_string(), &types).as_ref(), Ok(&path));
    }
    for path in
        [false, true].into_iter().filter_map(|strict| Path::parse(text, &types, strict).ok())
    {
        let front = AttributePath::parse(&path.attribute.to_string(), &types);
        assert_eq!(front.as_ref(), Ok(&path.attribute));
        assert!(path.attribute.sub.is_none());
    }
});
