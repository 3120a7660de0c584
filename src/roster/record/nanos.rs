//! A time ⇄ one number: nanoseconds since 1970, so that what a store compares is what was written,
//! and nothing is rounded. A `u64` of them lasts until 2554.

use std::time::{Duration, SystemTime};

use serde::ser::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).map_err(S::Error::custom)?;
    let nanos = u64::try_from(since_1970.as_nanos());
    to.serialize_u64(nanos.map_err(|_| S::Error::custom("expected a time before 2554"))?)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
    u64::deserialize(from).map(time)
}

fn time(nanos: u64) -> SystemTime {
    // A `u64` of nanoseconds is within what a `SystemTime` holds.
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanos));
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The same of a time that may be missing.
pub(super) mod option {
    use super::{Deserializer, Duration, Serializer, SystemTime};
    use serde::Deserialize as _;

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let nanos = Option::<u64>::deserialize(from)?;
        Ok(nanos.and_then(|nanos| SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanos))))
    }
}
