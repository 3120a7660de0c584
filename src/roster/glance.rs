//! What a search looks at of a person: a few attributes of many people, and of who is found the whole
//! record afterwards.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::key::Id;
use super::record::{Access, DesiredState, Nanos, UserRecord};
use crate::pack::{Unpacked, members, unpack};
use crate::scim::resource::{Share, Sought};

/// A part of a [`UserRecord`].
#[derive(Clone, PartialEq)]
pub struct Glance {
    /// The permanent id.
    pub id: Id,
    /// Counts the writes of the record: as long as it is the same, so is the rest.
    pub version: u64,
    /// What should be.
    pub desired: DesiredState,
    /// Counts what a client sees changed.
    pub etag: u64,
    /// When it was first written.
    pub created: SystemTime,
    /// When a sender last changed it.
    pub modified: SystemTime,
    /// What was sought of the resource, and nothing else.
    pub resource: Map<String, Value>,
}

impl Glance {
    /// What is sought of a record.
    #[must_use]
    pub fn of(record: &UserRecord, sought: &Sought<'_>) -> Self {
        Self {
            id: record.id.clone(),
            version: record.row_version,
            desired: record.desired_state(),
            etag: record.spec.etag,
            created: record.created,
            modified: record.spec.modified,
            resource: sought.part(record.spec.person.resource()),
        }
    }

    /// The same of a record as it is packed: nothing else is unpacked.
    ///
    /// # Errors
    /// If it is no record.
    pub(super) fn unpacked(packed: &[u8], sought: &Sought<'_>) -> Result<Self, Unpacked> {
        let mut own = GlanceBuilder::default();
        for member in members(packed)?.into_iter().flatten() {
            let (name, value) = member?;
            match name.as_ref() {
                "id" => own.id = Some(unpack(value)?),
                "row_version" => own.version = Some(unpack(value)?),
                "created" => own.created = Some(unpack::<Nanos>(value)?.0),
                "spec" => own.read_spec(value, sought)?,
                _ => {}
            }
        }
        own.whole().ok_or_else(Unpacked::other)
    }
}

/// What was found of it so far.
#[derive(Default)]
struct GlanceBuilder {
    id: Option<Id>,
    version: Option<u64>,
    desired: Option<DesiredState>,
    etag: Option<u64>,
    created: Option<SystemTime>,
    modified: Option<SystemTime>,
    resource: Option<Map<String, Value>>,
}

impl GlanceBuilder {
    fn read_spec(&mut self, packed: &[u8], sought: &Sought<'_>) -> Result<(), Unpacked> {
        for member in members(packed)?.into_iter().flatten() {
            let (name, value) = member?;
            match name.as_ref() {
                "access" => self.desired = Some(unpack::<Access>(value)?.desired_state()),
                "etag" => self.etag = Some(unpack(value)?),
                "modified" => self.modified = Some(unpack::<Nanos>(value)?.0),
                "person" => self.resource = part_of_person(value, sought)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn whole(self) -> Option<Glance> {
        Some(Glance {
            id: self.id?,
            version: self.version?,
            desired: self.desired?,
            etag: self.etag?,
            created: self.created?,
            modified: self.modified?,
            resource: self.resource?,
        })
    }
}

fn part_of_person(
    packed: &[u8],
    sought: &Sought<'_>,
) -> Result<Option<Map<String, Value>>, Unpacked> {
    for member in members(packed)?.into_iter().flatten() {
        let (name, value) = member?;
        if name == "resource" {
            return part_of_resource(value, sought).map(Some);
        }
    }
    Ok(None)
}

fn part_of_resource(packed: &[u8], sought: &Sought<'_>) -> Result<Map<String, Value>, Unpacked> {
    let mut part = Map::new();
    for member in members(packed)?.into_iter().flatten() {
        let (name, value) = member?;
        let share = match sought.share(&name) {
            Share::Nothing => None,
            Share::All => Some(unpack(value)?),
            Share::Needed => part_of_extension(value, sought)?,
        };
        part.extend(share.map(|share| (name.into_owned(), share)));
    }
    Ok(part)
}

fn part_of_extension(packed: &[u8], sought: &Sought<'_>) -> Result<Option<Value>, Unpacked> {
    let Some(members) = members(packed)? else { return unpack(packed).map(Some) };
    let mut part = Map::new();
    for member in members {
        let (name, value) = member?;
        if sought.wants(&name) {
            part.insert(name.into_owned(), unpack(value)?);
        }
    }
    Ok(Some(part).filter(|part| !part.is_empty()).map(Value::Object))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::pack::pack;
    use crate::scim::schema::{Limits, ResourceType};
    use crate::scim::{CONNECT_SCHEMA, ENTERPRISE_SCHEMA, Person};

    fn object(
        value: impl Strategy<Value = Value> + 'static,
    ) -> impl Strategy<Value = Map<String, Value>> {
        let names = vec![
            "title",
            "TITLE",
            "userName",
            "emails",
            "active",
            "name.familyName",
            "manager.value",
            "department",
            "Department",
            ENTERPRISE_SCHEMA,
            CONNECT_SCHEMA,
        ];
        let name = proptest::sample::select(names).prop_map(str::to_owned);
        let members = prop::collection::btree_map(name, value, 0..6);
        members.prop_map(|members| members.into_iter().collect())
    }

    fn resources() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,70}".prop_map(Value::from),
            "[0-9a-f]{8,70}".prop_map(Value::from),
            Just(json!("0a1b2c3d-0000-4000-8000-000000000000")),
        ];
        object(leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                object(inner).prop_map(Value::Object),
            ]
        }))
    }

    proptest! {
        #[test]
        fn what_is_unpacked_of_a_record_is_what_is_sought_of_it(
            resource in resources(),
            names in proptest::sample::subsequence(vec!["title", "manager", "EMAILS", "active"], 0..4),
            seconds in any::<u32>(),
        ) {
            let now = Duration::from_millis(seconds.into());
            let now = SystemTime::UNIX_EPOCH.checked_add(now).unwrap();
            let person = Person::new(resource);
            let mut record = UserRecord::new(Id::of([7; 16]), person, DesiredState::Inactive, "owner", now);
            (record.row_version, record.spec.etag) = (seconds.into(), 2);
            record.spec.modified = SystemTime::UNIX_EPOCH;
            let types = ResourceType::user(&Limits::default());
            let sought = Sought::new(&types, names);
            let packed = pack(&record).unwrap();
            let glance = Glance::unpacked(&packed, &sought).unwrap();
            prop_assert!(glance == Glance::of(&record, &sought));
            for length in 0..packed.len() {
                prop_assert!(Glance::unpacked(&packed[..length], &sought).is_err());
            }
        }
    }
}
