//! Files that builds of before wrote: carried over, with nothing lost, and kept beside.
//!
//! The three were made by such builds in front of a stand-in: people who are applied, renamed, shut out,
//! removed, held, parked, pending, and two of one `externalId`; a group, events, and removals that were
//! counted. `a` is by commit 00c66c0, `b` and `killed` by 2a3b915, the last by a process that was killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use connect_provisioner::event::Reason;
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::record::{
    ConnectUser, DesiredState, DueClass, Lifecycle, Phase, UserRecord,
};
use connect_provisioner::roster::{Guard, Roster as _};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde_json::{Value, json};

const FILES: [&str; 3] = ["form-1-a", "form-1-b", "form-1-killed"];

const RECORDS: TableDefinition<'_, &str, &str> = TableDefinition::new("records");

/// A copy of such a file, in a folder of its own.
struct Before {
    folder: PathBuf,
    file: PathBuf,
}

impl Before {
    fn new(name: &str, test: &str) -> Self {
        let folder = format!("roster-before-{name}-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("roster.redb");
        fs::copy(fixture(name), &file).unwrap();
        Self { folder, file }
    }

    fn copy(&self) -> PathBuf {
        self.folder.join("roster.redb.v1")
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/roster/{name}.redb"))
}

/// The records of a file, as they stand in it.
fn rows(file: &Path) -> BTreeMap<String, Value> {
    let database = Database::open(file).unwrap();
    let transaction = database.begin_read().unwrap();
    let table = transaction.open_table(RECORDS).unwrap();
    let rows = table.iter().unwrap().map(|row| {
        let (id, record) = row.unwrap();
        (id.value().to_owned(), serde_json::from_str(record.value()).unwrap())
    });
    rows.collect()
}

fn time(time: SystemTime) -> Value {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    json!({"secs_since_epoch": since.as_secs(), "nanos_since_epoch": since.subsec_nanos()})
}

/// A record as a build of before would have written it: what comes of it is what was carried over, so
/// whatever is the same was not lost.
fn written_before(record: &UserRecord) -> Value {
    let UserRecord { spec, status, lease, schedule, .. } = record;
    let held = |held: &Option<ConnectUser>| {
        held.as_ref().map(|held| json!({"ids": held.ids, "since": time(held.since)}))
    };
    let wanted = match record.desired_state() {
        DesiredState::Active => "Active",
        DesiredState::Inactive => "Inactive",
        DesiredState::Deleted => "Gone",
    };
    let state = match &schedule.phase {
        Phase::Applied => json!("Applied"),
        Phase::Pending => json!("Pending"),
        Phase::Parked(parked) => json!({"Parked": {
            "fault": parked.fault, "turn": parked.turn, "detail": parked.detail,
            "cause": parked.cause,
        }}),
    };
    let counted = status.removal_claim.as_ref();
    let counted = counted.map(|claim| (claim.removal.clone(), time(claim.time)));
    let stubborn = status.reapply_counts.iter();
    let stubborn = stubborn.map(|(name, tried)| (name, (tried.digest.as_str(), tried.times)));
    let wish = spec.awaited_name.as_ref();
    json!({
        "id": record.id, "version": record.row_version, "person": spec.person, "wanted": wanted,
        "stranger": spec.never_joined, "shares_external_id": spec.shares_external_id,
        "owner": record.owner,
        "wish": wish.map(|wish| json!({"name": wish.name, "since": time(wish.since)})),
        "freed": record.freed_names, "marks": spec.tombstone_keys, "user": held(&status.user),
        "former": held(&status.former_user), "tried": status.candidate_usernames,
        "revision": record.generation, "applied": status.observed_generation,
        "edition": spec.etag, "last_edition": record.etag_high_water, "fence": lease.fence,
        "leased_until": lease.until.map(time), "state": state, "attempts": schedule.attempts,
        "waits_for": schedule.waits_for, "pending_since": schedule.pending_since.map(time),
        "due": schedule.due.map(time), "as_of": time(spec.profile_time),
        "created": time(record.created), "modified": time(spec.modified),
        "rules": status.config_digest, "counted": counted, "released": schedule.guard_waived,
        "adopting": status.adopting, "stubborn": stubborn.collect::<BTreeMap<_, _>>(),
        "had_user": status.had_user,
    })
}

#[tokio::test]
async fn a_file_of_a_build_before_is_carried_over_and_nothing_of_it_is_lost() {
    for name in FILES {
        let before = Before::new(name, "whole");
        let elsewhere = before.folder.join("elsewhere.redb");
        fs::copy(&before.file, &elsewhere).unwrap();
        let old = rows(&elsewhere);
        assert!(old.len() >= 9, "{name}");
        for reopened in [false, true] {
            let roster = MemoryRoster::open(&before.file).unwrap();
            for (id, old) in &old {
                let record = roster.load(&Id::from_text(id)).await.unwrap().unwrap();
                let mut expected = old.clone();
                // The oldest rows do not say it; then it is taken for granted.
                let members = expected.as_object_mut().unwrap();
                for (name, missing) in [
                    ("had_user", json!(true)),
                    ("freed", json!([])),
                    ("wish", Value::Null),
                    ("pending_since", Value::Null),
                ] {
                    members.entry(name).or_insert(missing);
                }
                assert_eq!(written_before(&record), expected, "{name} {reopened}");
                said_now(&record);
            }
            // Whoever is not gone is found by what they go by, and the rest is there too.
            let named = roster.find(&Key::user_name("ANA@example.com")).await.unwrap().unwrap();
            let groups = roster.groups_of(named.id.as_str(), None, 999).await.unwrap();
            assert_eq!(groups[0].display_name(), "Agents", "{name}");
            let sharing = roster.find_all(&Key::external_id("00uC"), None, 999).await.unwrap();
            assert_eq!(sharing.len(), 2, "{name}");
            let left =
                roster.find_deleted(&[Key::user_name("eva@example.com")], 999).await.unwrap();
            assert!(left[0].is_tombstone() && left[0].status.had_user, "{name}");
            assert_eq!(roster.parked(None, 999).await.unwrap().len(), 3, "{name}");
            assert_eq!(
                roster.count_removal(Guard::Removals, "another", last(&old), 2).await,
                Ok(false),
                "{name}"
            );
            drop(roster);
            assert!(rows(&before.file).values().all(|row| row["form"] == 2), "{name}");
        }
    }
}

/// The newest time that the records say.
fn last(rows: &BTreeMap<String, Value>) -> SystemTime {
    let seconds = rows.values().map(|row| row["modified"]["secs_since_epoch"].as_u64().unwrap());
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.max().unwrap())
}

/// What a build of before did not say is what is known of it now, and no more.
fn said_now(record: &UserRecord) {
    let access = &record.spec.access;
    assert_eq!((access.time, access.lifecycle_time), (record.as_of(), record.as_of()));
    let (lifecycle, reasons): (_, &[Reason]) = match record.desired_state() {
        DesiredState::Active => (Lifecycle::Enabled, &[Reason::Unknown]),
        DesiredState::Inactive => (Lifecycle::Disabled, &[Reason::Unknown]),
        DesiredState::Deleted => (Lifecycle::Removed, &[]),
    };
    assert_eq!(access.lifecycle, lifecycle);
    assert!(access.reasons.keys().eq(reasons));
    assert!(record.spec.external_ids.is_empty() && record.history.is_empty());
    assert!(record.status.sessions_owed.is_empty() && !record.status.adoption_unconfirmed);
    let waits =
        record.desired_state() != DesiredState::Active && record.schedule.phase != Phase::Applied;
    let class = match record.schedule.due {
        Some(_) if waits => DueClass::Farewell,
        _ => DueClass::Ordinary,
    };
    assert_eq!(record.schedule.class, class);
}

#[tokio::test]
async fn the_file_of_before_is_kept_byte_for_byte_and_nobody_elses() {
    for name in FILES {
        let before = Before::new(name, "kept");
        let roster = MemoryRoster::open(&before.file).unwrap();
        let original = fs::read(fixture(name)).unwrap();
        assert!(fs::read(before.copy()).unwrap() == original, "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(before.copy()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert!(!before.folder.join("roster.redb.v1.part").exists(), "{name}");
        drop(roster);
        assert!(fs::read(&before.file).unwrap() != original, "{name}: it was carried over");

        // Going back: the copy takes the file's place, and is carried over as it was the first time.
        fs::rename(before.copy(), &before.file).unwrap();
        drop(MemoryRoster::open(&before.file).unwrap());
        assert!(fs::read(before.copy()).unwrap() == original, "{name}");
    }
}

#[tokio::test]
async fn a_copy_of_another_time_is_kept_beside_and_one_of_this_is_not_made_twice() {
    let original = fs::read(fixture("form-1-b")).unwrap();
    let before = Before::new("form-1-b", "there");
    // An upgrade that did not come to its end left it, and the build before wrote on since.
    fs::write(before.copy(), "of an earlier time").unwrap();
    let older = before.folder.join("roster.redb.v1.1");
    drop(MemoryRoster::open(&before.file).unwrap());
    assert!(fs::read(before.copy()).unwrap() == original);
    assert_eq!(fs::read_to_string(&older).unwrap(), "of an earlier time");
    assert!(rows(&before.file).values().all(|row| row["form"] == 2));

    // Once more from the same file: the copy is there.
    fs::copy(fixture("form-1-b"), &before.file).unwrap();
    drop(MemoryRoster::open(&before.file).unwrap());
    assert!(fs::read(before.copy()).unwrap() == original);
    assert!(!before.folder.join("roster.redb.v1.2").exists());
}

#[tokio::test]
async fn where_no_copy_can_be_made_the_file_stays_as_it_is() {
    let before = Before::new("form-1-b", "nocopy");
    // What the copy is first called is a folder.
    fs::create_dir(before.folder.join("roster.redb.v1.part")).unwrap();
    let refused = MemoryRoster::open(&before.file).unwrap_err();
    assert!(refused.text().contains("roster.redb.v1: the file of the build before"), "{refused:?}");
    assert!(fs::read(&before.file).unwrap() == fs::read(fixture("form-1-b")).unwrap());
    assert!(!before.copy().exists());
}

#[tokio::test]
async fn a_file_of_today_is_not_copied() {
    let before = Before::new("form-1-b", "today");
    fs::remove_file(&before.file).unwrap();
    drop(MemoryRoster::open(&before.file).unwrap());
    drop(MemoryRoster::open(&before.file).unwrap());
    assert!(!before.copy().exists());
}

#[tokio::test]
async fn what_a_newer_build_wrote_is_refused() {
    let before = Before::new("form-1-b", "newer");
    drop(MemoryRoster::open(&before.file).unwrap());
    {
        let notes: TableDefinition<'_, &str, &str> = TableDefinition::new("notes");
        let database = Database::open(&before.file).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(notes).unwrap().insert("form", "3").unwrap();
        transaction.commit().unwrap();
    }
    let refused = MemoryRoster::open(&before.file).unwrap_err();
    assert!(refused.text().contains("found one of form 3: a newer build wrote it"), "{refused:?}");
}
