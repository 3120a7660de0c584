//! How a record moves from state to state.

use serde_json::json;

use super::*;
use crate::connect::UserIds;
use crate::event::Reason;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap()
}

fn record() -> UserRecord {
    UserRecord::new(Id::of([1; 16]), Person::default(), DesiredState::Active, "o", at(0))
}

fn pauses(kind: Kind, times: usize) -> Vec<u64> {
    let mut record = record();
    let pause = |_| {
        record.fail(&Fault::new(kind, "x"), at(0));
        record.schedule.due.map_or(0, |due| due.duration_since(at(0)).unwrap().as_secs())
    };
    (0..times).map(pause).collect()
}

#[test]
fn what_time_mends_is_tried_soon_and_then_less_often() {
    let expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900];
    assert_eq!(pauses(Kind::Throttled, 12), expected);
    assert_eq!(pauses(Kind::Unavailable, 7), [30, 30, 30, 30, 30, 32, 64], "and not at once");
}

#[test]
fn what_the_operator_mends_is_tried_less_often_and_what_he_decides_never() {
    for kind in [Kind::Configuration, Kind::QuotaFull] {
        assert_eq!(pauses(kind, 6), [300, 600, 1200, 2400, 3600, 3600], "{kind:?}");
    }
    for kind in [
        Kind::RemovalHeld,
        Kind::Missing,
        Kind::Renamed,
        Kind::Unconfirmed,
        Kind::Unequal,
        Kind::Uniqueness,
        Kind::InvalidValue,
        Kind::Bug,
    ] {
        assert_eq!(pauses(kind, 2), [0, 0], "{kind:?}");
    }
}

#[test]
fn nobody_looks_while_a_call_may_still_have_its_effect() {
    let mut record = record();
    record.take_lease(at(0));
    record.fail(&Fault::new(Kind::Unavailable, "x"), at(5));
    assert!(record.is_leased(at(34)) && !record.is_leased(at(35)));
    record.fail(&Fault::new(Kind::Throttled, "x"), at(40));
    assert!(!record.is_leased(at(40)), "a throttled call did nothing");
    assert_eq!(record.schedule.phase, Phase::Pending);
}

#[test]
fn a_record_is_pending_since_connect_ceased_to_follow() {
    let mut record = record();
    assert_eq!(record.pending_since(), Some(at(0)));
    record.changed(at(5));
    record.fail(&Fault::new(Kind::Throttled, "x"), at(9));
    assert_eq!(record.pending_since(), Some(at(0)), "however often it was tried or changed");
    for settled in [true, false] {
        match settled {
            true => record.settle("rules", at(20)),
            false => record.fail(&Fault::new(Kind::Uniqueness, "x"), at(20)),
        }
        assert_eq!(record.pending_since(), None, "applied or parked");
        record.bump_generation(at(40));
        assert_eq!(record.pending_since(), Some(at(40)));
    }
}

#[test]
fn a_lease_outlasts_what_is_begun_under_it() {
    assert!(WORK + QUIET < LEASE);
    let mut record = record();
    record.take_lease(at(0));
    assert_eq!((record.lease.fence, record.schedule.due), (1, record.lease.until));
    assert_eq!(record.lease.until, Some(at(60)));
}

#[test]
fn a_lease_that_was_long_in_coming_leaves_less_time() {
    let mut record = record();
    assert_eq!(record.time_to_work(at(0)), Duration::ZERO);
    record.take_lease(at(0));
    for (now, left) in [(0, 25), (10, 15), (25, 0), (59, 0)] {
        assert_eq!(record.time_to_work(at(now)), Duration::from_secs(left), "{now}");
    }
}

#[test]
fn who_is_gone_is_known_again_also_after_another_look() {
    let user = serde_json::json!({"userName": "ana@example.com", "externalId": "e1"});
    let serde_json::Value::Object(user) = user else { panic!("an object") };
    let mut gone = record();
    (gone.spec.person, gone.spec.never_joined) = (Person::new(user), true);
    gone.mark_deleted(at(1));
    gone.settle("rules", at(1));
    let marks = gone.spec.tombstone_keys.clone();
    assert_eq!(marks.len(), 2);
    gone.reopen(at(2));
    gone.settle("rules", at(3));
    assert_eq!(gone.spec.tombstone_keys, marks);
}

#[test]
fn a_former_user_is_remembered_until_it_is_gone() {
    let held = |id: &str| ConnectUser {
        ids: UserIds { id: id.to_owned(), arn: String::new() },
        since: at(0),
        username: None,
    };
    let mut record = record();
    record.set_user(held("a"));
    record.set_user(held("a"));
    assert_eq!(record.status.former_user, None);
    record.set_user(held("b"));
    assert_eq!(
        (&record.status.user, &record.status.former_user),
        (&Some(held("b")), &Some(held("a")))
    );
    assert!(
        !record.status.is_unknown_user(&held("a").ids)
            && record.status.is_unknown_user(&held("c").ids)
    );
}

#[test]
fn reasons_are_written_as_words_and_ids() {
    let reasons = [
        (Reason::Activated, "activated"),
        (Reason::Application("0oa:1".to_owned()), "app:0oa:1"),
        (Reason::Group("00g1".to_owned()), "group:00g1"),
        (Reason::Unknown, "unknown"),
    ];
    for (reason, text) in reasons {
        assert_eq!(serde_json::to_value(&reason).unwrap(), text);
        assert_eq!(serde_json::from_value::<Reason>(text.into()).unwrap(), reason);
    }
    let refused = serde_json::from_value::<Reason>("ana@example.com".into()).unwrap_err();
    assert!(!refused.to_string().contains("ana"), "{refused}");
}

#[test]
fn a_farewell_is_due_first_until_connect_has_carried_it_out() {
    let mut record = record();
    record.reopen(at(1));
    assert_eq!(record.schedule.class, DueClass::Ordinary);
    record.spec.access.set(DesiredState::Inactive, at(2), None);
    record.changed(at(2));
    assert_eq!((record.schedule.class, record.schedule.due), (DueClass::Farewell, Some(at(62))));
    record.take_lease(at(3));
    assert_eq!(record.schedule.class, DueClass::Farewell);
    record.fail(&Fault::new(Kind::Throttled, "x"), at(4));
    assert_eq!(record.schedule.class, DueClass::Farewell);
    record.mark_deleted(at(5));
    record.changed(at(5));
    record.settle("rules", at(6));
    assert!(record.is_tombstone() && record.schedule.due.is_some());
    assert_eq!(record.schedule.class, DueClass::Ordinary, "there is nothing more to lose");
    // A user of theirs came after all.
    record.set_pending(at(7));
    record.set_due(Some(at(7)));
    assert_eq!(record.schedule.class, DueClass::Farewell);
}

/// A record of which every part has been written.
fn changed() -> UserRecord {
    let user = serde_json::json!({"userName": "ana@example.com", "externalId": "e1"});
    let serde_json::Value::Object(user) = user else { panic!("an object") };
    let now = at(1_800_000_000).checked_add(Duration::from_nanos(123_456_789)).unwrap();
    let mut record =
        UserRecord::new(Id::of([7; 16]), Person::new(user), DesiredState::Active, "o", now);
    record.spec.note_own_external_id("okta");
    let ids = UserIds { id: "u1".to_owned(), arn: "a1".to_owned() };
    record.set_user(ConnectUser { ids, since: now, username: Some("ana@example.com".to_owned()) });
    record.take_lease(now);
    record
}

#[test]
fn what_senders_said_is_taken_back_whole_and_what_connect_holds_stays() {
    let former = changed();
    let mut record = former.clone();
    record.spec.person.rename("bea@example.com".to_owned());
    record.spec.access.set(DesiredState::Inactive, at(3), None);
    (record.spec.never_joined, record.spec.shares_external_id) = (true, true);
    record.changed(at(3));
    record.status.had_user = true;
    record.status.candidate_usernames.push("bea@example.com".to_owned());
    let mut back = record.clone();
    back.roll_back_to(&former, at(4));
    assert!(back.spec == former.spec, "with its time and the number that clients see");
    assert_eq!(back.status, record.status);
    assert_eq!(back.generation, record.generation + 1, "Connect may follow what is taken back");
    assert!(back.etag_high_water > record.etag_high_water, "no two states have one number");
    assert_eq!(back.freed_names, [Key::user_name("bea@example.com")]);
}

#[test]
fn what_is_known_of_connect_is_carried_over_whole_and_what_senders_said_stays() {
    let ours = changed();
    let mut newer = ours.clone();
    newer.status = Status::default();
    newer.lease.until = None;
    newer.spec.person.rename("bea@example.com".to_owned());
    newer.changed(at(3));
    let mut carried = newer.clone();
    carried.carry_status_from(&ours);
    assert_eq!((&carried.status, carried.lease), (&ours.status, ours.lease));
    assert!(carried.spec == newer.spec && carried.schedule == newer.schedule);
    assert_eq!(carried.generation, newer.generation);
}

#[test]
fn a_record_is_stored_in_form_2() {
    let stored = serde_json::to_string(&changed()).unwrap();
    assert_eq!(stored, STORED);
    assert!(UserRecord::from_stored(&stored).unwrap() == changed());
    assert_eq!(UserRecord::form_of(&stored).unwrap(), 2);
    let later = stored.replace("\"form\":2", "\"form\":3");
    let refused = UserRecord::from_stored(&later).unwrap_err().to_string();
    assert!(refused.contains("it was written by a newer build"), "{refused}");
    assert!(UserRecord::from_stored("{}").is_err() && UserRecord::from_stored("[").is_err());
}

const STORED: &str = concat!(
    r#"{"form":2,"id":"07070707070707070707070707070707","row_version":0,"owner":"o","#,
    r#""created":1800000000123456789,"generation":1,"etag_high_water":1,"#,
    r#""spec":{"person":{"resource":{"externalId":"e1","userName":"ana@example.com"},"#,
    r#""displayed":false},"profile_time":1800000000123456789,"#,
    r#""access":{"time":1800000000123456789,"lifecycle":"enabled","#,
    r#""lifecycle_time":1800000000123456789,"enabled":{"time":1800000000123456789},"#,
    r#""reasons":{"activated":{"time":1800000000123456789}}},"#,
    r#""external_ids":{"okta":"e1"},"etag":1,"modified":1800000000123456789},"#,
    r#""status":{"user":{"ids":{"id":"u1","arn":"a1"},"since":1800000000123456789,"username":"ana@example.com"},"#,
    r#""candidate_usernames":["ana@example.com"],"create_reserved":1800000000123456789,"observed_generation":0,"had_user":true},"#,
    r#""lease":{"fence":1,"until":1800000060123456789},"#,
    r#""schedule":{"phase":"pending","pending_since":1800000000123456789,"#,
    r#""due":1800000060123456789}}"#,
);

/// The names of a document's members, at any depth; but not of what was sent, nor of maps by name.
fn names(document: &serde_json::Value, found: &mut Vec<String>) {
    let free = ["resource", "reasons", "external_ids", "reapply_counts"];
    for (name, value) in document.as_object().into_iter().flatten() {
        found.push(name.clone());
        match value.as_object().filter(|_| free.contains(&name.as_str())) {
            Some(entries) => entries.values().for_each(|entry| names(entry, found)),
            None => names(value, found),
        }
        value.as_array().into_iter().flatten().for_each(|element| names(element, found));
    }
}

#[test]
fn every_member_that_is_stored_is_told_in_the_paper() {
    let mut record = changed();
    record.spec.access.set(DesiredState::Inactive, at(1), None);
    (record.spec.never_joined, record.spec.shares_external_id) = (true, true);
    record.spec.awaited_name = Some(AwaitedName { name: "b".to_owned(), since: at(1) });
    record.spec.tombstone_keys = vec![Key::user_name("a")];
    record.freed_names = vec![Key::user_name("a")];
    record.history = vec![Past { time: at(1), what: "left".to_owned() }];
    record.status = Status {
        former_user: record.status.user.clone(),
        config_digest: "00".to_owned(),
        removal_claim: Some(RemovalClaim { removal: "DeleteUser u1".to_owned(), time: at(1) }),
        adopting: true,
        adoption_unconfirmed: true,
        reapply_counts: BTreeMap::from([(
            "X".to_owned(),
            Reapplied { digest: "0".to_owned(), times: 1 },
        )]),
        sessions_owed: vec!["u1".to_owned()],
        ..record.status
    };
    record.lease.quiet_until = Some(at(1));
    record.schedule = Schedule {
        phase: Phase::Parked(Parked::from(&Fault::new(Kind::Bug, "x").caused_by("y"))),
        attempts: 1,
        waits_for: Some("z".to_owned()),
        class: DueClass::Farewell,
        guard_waived: true,
        adoption_confirmed: true,
        ..record.schedule
    };
    let stored = serde_json::to_value(&record).unwrap();
    let mut found = Vec::new();
    names(&stored, &mut found);
    assert!(found.len() > 60, "every part is written: {}", found.len());
    let paper = include_str!("../../../docs/record.md");
    for name in found {
        let ways = [format!("`{name}`"), format!(".{name}`"), format!("`{name}.")];
        assert!(ways.iter().any(|way| paper.contains(way)), "{name}");
    }
    assert!(UserRecord::from_stored(&stored.to_string()).unwrap() == record);
}

#[test]
fn no_part_of_a_record_shows_a_name() {
    let now = SystemTime::UNIX_EPOCH;
    let person = json!({"userName": "ana@example.com"}).as_object().unwrap().clone();
    let person = Person::new(person);
    let record = UserRecord::new(Id::of([1; 16]), person, DesiredState::Active, "owner", now);
    assert_eq!(record.status.candidate_usernames, ["ana@example.com"]);
    let shown = format!("{record:?} {:?} {:?} {:?}", record.status, record.lease, record.schedule);
    assert!(!shown.contains("ana"), "{shown}");
}

#[test]
fn an_external_id_that_its_source_takes_back_is_kept_no_more() {
    let now = SystemTime::UNIX_EPOCH;
    let person = |sent: serde_json::Value| Person::new(sent.as_object().unwrap().clone());
    let first = person(json!({"userName": "a", "externalId": "1"}));
    let mut spec = Spec::new(first, DesiredState::Active, now);
    spec.note_own_external_id("okta");
    spec.note_own_external_id("scim/v2");
    spec.person = person(json!({"userName": "a"}));
    spec.note_own_external_id("scim/v2");
    assert!(spec.external_ids.iter().eq([(&"okta".to_owned(), &"1".to_owned())]));
}
