//! What is known after an event, and after one that comes too late.

use serde_json::{Value, json};

use super::*;

fn at(seconds: u64) -> SystemTime {
    let start = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1_800_000_000)).unwrap();
    start.checked_add(Duration::from_secs(seconds)).unwrap()
}

fn person(user: Value) -> Person {
    let Value::Object(user) = user else { panic!("an object") };
    Person::new(user)
}

fn ana(family_name: &str) -> Person {
    person(json!({
        "userName": "ana@example.com", "externalId": "e1", "password": "Secret123",
        "name": {"givenName": "Ana", "familyName": family_name},
    }))
}

/// What an event of second 10 makes of what is known.
fn after(
    known: Option<&UserRecord>,
    gone: &[UserRecord],
    intent: &Intent,
    as_of: u64,
) -> MergeResult {
    merge_into(known, gone, intent, as_of).unwrap()
}

fn merge_into(
    known: Option<&UserRecord>,
    gone: &[UserRecord],
    intent: &Intent,
    as_of: u64,
) -> Result<MergeResult, Fault> {
    let (id, owner) = (Id::of([7; 16]), "owner");
    let access = &AccessStatement::of(intent);
    let (as_of, now, latest) = (at(as_of), at(20), at(20));
    let (is_in_doubt, source) = (false, "okta");
    MergeInput { intent, access, is_in_doubt, as_of, now, latest, id, owner, source }
        .merge_into(known, gone)
}

fn written(change: MergeResult) -> UserRecord {
    match change {
        MergeResult::Changed(record) => *record,
        other => panic!("{other:?}"),
    }
}

/// Ana, known as of second 10, and followed.
fn known() -> UserRecord {
    let mut record = written(after(None, &[], &Intent::Join(ana("Ruiz")), 10));
    record.settle("rules", at(11));
    UserRecord { row_version: 3, ..record }
}

#[test]
fn who_was_unknown_joins_without_the_password_and_is_due() {
    let record = written(after(None, &[], &Intent::Join(ana("Ruiz")), 10));
    assert_eq!(
        (record.desired_state(), record.generation, record.row_version),
        (DesiredState::Active, 1, 0)
    );
    assert_eq!(record.spec.person, ana("Ruiz").without_password());
    assert_eq!(record.spec.person.password(), Ok(None));
    assert_eq!((record.as_of(), record.schedule.due), (at(10), Some(at(80))));
    assert!(!record.spec.never_joined);
}

#[test]
fn each_intent_says_what_should_be() {
    let inactive = person(json!({"userName": "ana@example.com", "active": "False"}));
    for (intent, desired) in [
        (Intent::Join(inactive.clone()), DesiredState::Inactive),
        (Intent::Change(inactive), DesiredState::Inactive),
        (Intent::Change(ana("Gil")), DesiredState::Active),
        (Intent::Leave(ana("Ruiz")), DesiredState::Inactive),
        (Intent::Remove(ana("Ruiz")), DesiredState::Deleted),
    ] {
        let record = written(after(Some(&known()), &[], &intent, 12));
        assert_eq!((record.desired_state(), record.generation), (desired, 2), "{intent:?}");
        assert_eq!((record.as_of(), record.row_version), (at(12), 3), "{intent:?}");
    }
    let left = written(after(Some(&known()), &[], &Intent::Leave(ana("x")), 12));
    assert_eq!(left.spec.person, known().spec.person, "who leaves is otherwise as before");
    let changed = written(after(Some(&left), &[], &Intent::Change(ana("Gil")), 13));
    assert_eq!(
        changed.desired_state(),
        DesiredState::Inactive,
        "a change without active lets nobody in"
    );
    let back = written(after(Some(&left), &[], &Intent::Return(ana("x")), 13));
    assert_eq!(
        (back.desired_state(), back.spec.person),
        (DesiredState::Active, known().spec.person)
    );
}

#[test]
fn what_is_older_changes_nothing_and_what_says_the_same_only_the_time() {
    let gil = Intent::Change(ana("Gil"));
    assert_eq!(after(Some(&known()), &[], &gil, 9), MergeResult::Ignored(OLDER));
    let MergeResult::Unchanged(same) = after(Some(&known()), &[], &Intent::Join(ana("Ruiz")), 12)
    else {
        panic!("it is the same")
    };
    let mut expected = known();
    let said = Said { time: at(12), now: at(20), source: "okta" };
    assert_eq!(expected.spec.access.hear(&AccessStatement::Activated, said), Heard::Taken);
    expected.spec.profile_time = at(12);
    assert_eq!(*same, expected);
}

#[test]
fn what_is_older_waits_while_what_is_newer_may_be_taken_back() {
    let mut newer = written(after(Some(&known()), &[], &Intent::Change(ana("Gil")), 15));
    newer.take_lease(at(19));
    let older = Intent::Change(ana("Ng"));
    let waits = merge_into(Some(&newer), &[], &older, 12).unwrap_err();
    assert_eq!(waits.kind, Kind::Unavailable);
    // Known to have been tried, it will not be taken back any more.
    newer.fail(&Fault::new(Kind::Unavailable, "x"), at(19));
    assert!(newer.is_leased(at(20)));
    assert_eq!(after(Some(&newer), &[], &older, 12), MergeResult::Ignored(OLDER));
}

#[test]
fn who_is_gone_comes_back_by_what_is_newer_alone() {
    let mut gone = written(after(Some(&known()), &[], &Intent::Remove(ana("Ruiz")), 15));
    gone.settle("rules", at(16));
    let join = Intent::Join(ana("Ruiz"));
    for as_of in [14, 15] {
        let change = after(None, &[gone.clone()], &join, as_of);
        assert_eq!(change, MergeResult::Ignored(OLDER));
    }
    let again = written(after(None, &[gone.clone()], &join, 16));
    assert_eq!(
        (again.row_version, again.desired_state()),
        (0, DesiredState::Active),
        "a new record"
    );
}

#[test]
fn somebody_unknown_who_leaves_is_looked_for() {
    for (intent, desired) in [
        (Intent::Leave(ana("Ruiz")), DesiredState::Inactive),
        (Intent::Remove(ana("Ruiz")), DesiredState::Deleted),
    ] {
        let record = written(after(None, &[], &intent, 10));
        assert_eq!((record.desired_state(), record.spec.never_joined), (desired, true));
        assert_eq!(record.status.candidate_usernames, ["ana@example.com"]);
        let mut settled = record;
        settled.settle("rules", at(11));
        assert!(settled.is_tombstone(), "nothing personal is kept of who was never here");
        assert_eq!(
            (settled.spec.person, settled.spec.tombstone_keys.len()),
            (Person::default(), 2)
        );
    }
}

#[test]
fn that_somebody_unknown_works_is_presumed_and_whatever_is_said_of_it_holds() {
    let change = Intent::Change(ana("Gil"));
    let presumed = written(after(None, &[], &change, 15));
    assert_eq!((presumed.desired_state(), presumed.as_of()), (DesiredState::Active, at(15)));
    // Said before the change, and heard behind it.
    for (intent, desired) in [
        (Intent::Leave(ana("Ruiz")), DesiredState::Inactive),
        (Intent::Remove(ana("Ruiz")), DesiredState::Deleted),
    ] {
        let left = written(after(Some(&presumed), &[], &intent, 12));
        assert_eq!(left.desired_state(), desired, "{intent:?}");
        // The same, of somebody who was forgotten by then.
        let mut gone = written(after(None, &[], &intent, 12));
        gone.settle("rules", at(13));
        assert!(gone.spec.is_forgotten || desired == DesiredState::Deleted);
        let after = after(None, &[gone], &change, 15);
        assert!(matches!(after, MergeResult::Ignored(_)), "{intent:?}: {after:?}");
    }
}

#[test]
fn an_event_hook_takes_nothing_away_that_others_told() {
    let hook =
        || Person::displayed("ana@example.com".to_owned(), "e1".to_owned(), json!("Somebody Else"));
    let MergeResult::Unchanged(same) = after(Some(&known()), &[], &Intent::Join(hook()), 12) else {
        panic!("nothing changes")
    };
    assert_eq!(same.spec.person, known().spec.person);
    for intent in [Intent::Change(hook()), Intent::Return(hook())] {
        assert_eq!(after(None, &[], &intent, 10), MergeResult::Ignored(UNKNOWN));
    }
}

#[test]
fn a_name_is_one_persons() {
    let other = person(json!({"userName": "ana@example.com", "externalId": "e2"}));
    for intent in [Intent::Join(other.clone()), Intent::Change(other.clone())] {
        assert_eq!(
            merge_into(Some(&known()), &[], &intent, 12).unwrap_err().kind,
            Kind::Uniqueness
        );
    }
    let back = merge_into(Some(&known()), &[], &Intent::Return(other), 12).unwrap_err();
    assert_eq!(back.kind, Kind::Uniqueness);
}

#[test]
fn whose_a_farewell_is_says_what_its_source_said_before() {
    let mut record = known();
    let of = |id: Option<&str>| {
        let id = id.map_or(Value::Null, Value::from);
        person(json!({"userName": "ana@example.com", "externalId": id}))
    };
    let whose = |record: &UserRecord, id, source| Whose::of(record, &of(id), source).unwrap();
    assert_eq!(whose(&record, Some("e1"), "okta"), Whose::Theirs);
    assert_eq!(whose(&record, None, "okta"), Whose::Theirs, "by the name");
    assert_eq!(whose(&record, Some("e2"), "okta"), Whose::Anothers);
    assert_eq!(whose(&record, Some("e1"), "hr"), Whose::Theirs, "by another's id");
    assert_eq!(whose(&record, Some("e2"), "hr"), Whose::InDoubt);
    record.spec.external_ids.clear();
    assert_eq!(whose(&record, Some("e2"), "okta"), Whose::InDoubt, "who was carried over");
    record.spec.person = of(None);
    assert_eq!(whose(&record, Some("e2"), "okta"), Whose::Theirs, "nothing to compare with");
}

#[test]
fn of_two_at_once_the_one_that_takes_access_away_holds() {
    let left = written(after(Some(&known()), &[], &Intent::Leave(ana("Ruiz")), 12));
    for intent in [Intent::Return(ana("Ruiz")), Intent::Join(ana("Ruiz"))] {
        let MergeResult::Unchanged(same) = after(Some(&left), &[], &intent, 12) else {
            panic!("nobody is let in")
        };
        assert_eq!(same.desired_state(), DesiredState::Inactive);
        assert_eq!(
            written(after(Some(&left), &[], &intent, 13)).desired_state(),
            DesiredState::Active
        );
    }
}

#[test]
fn who_never_joined_stays_a_stranger_to_an_event_hook() {
    let hook = || Person::displayed("ana@example.com".to_owned(), "e1".to_owned(), json!("Ana R"));
    let left = written(after(None, &[], &Intent::Leave(hook()), 10));
    assert!(written(after(Some(&left), &[], &Intent::Return(hook()), 12)).spec.never_joined);
    assert!(!written(after(Some(&left), &[], &Intent::Join(hook()), 12)).spec.never_joined);
    assert!(!written(after(Some(&left), &[], &Intent::Return(ana("Ruiz")), 12)).spec.never_joined);
}

#[test]
fn a_time_may_be_a_little_ahead() {
    let (intent, owner) = (Intent::Join(ana("Ruiz")), "owner");
    let said = |access, as_of| MergeInput {
        intent: &intent,
        access,
        is_in_doubt: false,
        as_of,
        now: at(0),
        latest: at(0),
        id: Id::of([7; 16]),
        owner,
        source: "s",
    };
    let next_year = at(365 * 86_400);
    let access = &AccessStatement::Activated;
    assert_eq!(said(access, at(300)).check_time(), Ok(()));
    for ahead in [at(300) + Duration::from_millis(1), next_year] {
        let refused = said(access, ahead).check_time().unwrap_err();
        assert_eq!(refused.kind, Kind::InvalidValue);
    }
    assert_eq!(said(&AccessStatement::Disabled, next_year).check_time(), Ok(()), "who leaves");
}
