//! Large groups: what does not fit into one write is accepted whole, and written in parts by whoever
//! asks, also where those who began it were cut off.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use connect_provisioner::roster::group::{Affected, Group, GroupChange, Member};
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::record::{DesiredState, UserRecord};
use connect_provisioner::roster::{
    Roster, WriteConflict, all_groups_of, all_members, erase_group, settle_group, write_group,
};
use connect_provisioner::scim::Person;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use super::{TestFile, at};
use crate::simulation::chance::{Chance, cut_off};
use crate::simulation::unsteady::Unsteady;

fn id(kind: u8, number: usize) -> Id {
    let mut bytes = [kind; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Id::of(bytes)
}

/// Users who are there and as they should be.
async fn users(roster: &dyn Roster, kind: u8, count: usize) -> Vec<Id> {
    let made = (0..count).map(async |number| {
        let Value::Object(user) = json!({"userName": format!("u{kind}-{number}@example.com")})
        else {
            panic!("an object")
        };
        let (id, owner) = (id(kind, number), format!("owner-{kind}-{number}"));
        let person = Person::new(user);
        let mut record = UserRecord::new(id, person, DesiredState::Active, &owner, at(0));
        record.settle("rules", at(0));
        roster.write(&record).await.unwrap().unwrap();
        record.id
    });
    join_all(made).await
}

fn named(number: u8, name: &str) -> GroupChange {
    let Value::Object(resource) = json!({"displayName": name}) else { panic!("an object") };
    let group = Group::new(Id::of([number; 16]), at(1));
    GroupChange { resource: Some(resource), ..GroupChange::of(group, at(1)) }
}

fn members<'a>(values: impl IntoIterator<Item = &'a Id>) -> Vec<Member> {
    let member = |id: &Id| Member { value: id.as_str().to_owned(), rest: Map::new() };
    values.into_iter().map(member).collect()
}

fn values(ids: &[Id]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

/// Who is in a group, in their order.
async fn shown(roster: &dyn Roster, group: &Id) -> Vec<String> {
    let members = all_members(roster, group).await.unwrap();
    members.into_iter().map(|member| member.value).collect()
}

/// Whether a user is to be looked at since the group changed.
async fn is_marked(roster: &dyn Roster, id: &Id) -> bool {
    let record = roster.load(id).await.unwrap().unwrap();
    let marked = record.generation > record.status.observed_generation;
    assert_eq!(record.schedule.due.is_some(), marked, "{record:?}");
    marked
}

async fn are_marked(roster: &dyn Roster, ids: &[Id]) -> usize {
    let mut count = 0;
    for id in ids {
        count += usize::from(is_marked(roster, id).await);
    }
    count
}

/// A thousand members in one change, 250 changed of ten thousand, and ten thousand who lose their group.
pub(super) async fn large_groups_are_as_they_were_accepted(roster: &dyn Roster) {
    let people = users(roster, 11, 1000).await;
    let change = GroupChange {
        add: members(&people),
        affected: Affected::Changed,
        ..named(211, "A thousand")
    };
    let group = write_group(roster, &change, || true).await.unwrap().unwrap();
    assert_eq!((group.version, group.edition, group.fan_out_pending), (1, 1, false));
    assert_eq!(shown(roster, &group.id).await, values(&people));
    assert_eq!(are_marked(roster, &people).await, 1000);
    let (first, next) = roster.members(&group.id, 0, 300).await.unwrap();
    let (second, _) = roster.members(&group.id, next.unwrap(), 300).await.unwrap();
    let both: Vec<Member> = first.into_iter().chain(second).collect();
    assert_eq!(both, members(&people[..600]));
    let again = GroupChange { group: group.clone(), ..change };
    assert_eq!(
        write_group(roster, &again, || true).await.unwrap(),
        Ok(group.clone()),
        "nothing is new"
    );

    // Ten thousand, a thousand of whom are users.
    let strangers: Vec<Id> = (0..9000).map(|number| id(12, number)).collect();
    let others = users(roster, 13, 1000).await;
    let all: Vec<Id> = strangers.iter().chain(&others).cloned().collect();
    let made = GroupChange { add: members(&all), ..named(212, "Ten thousand") };
    let made = write_group(roster, &made, || true).await.unwrap().unwrap();
    assert_eq!(shown(roster, &made.id).await, values(&all));
    assert_eq!(are_marked(roster, &others).await, 0, "nothing is given to its members");
    let (add, remove) = (&people[..125], &all[8950..9075]);
    let change = GroupChange {
        add: members(add),
        remove: values(remove),
        affected: Affected::Changed,
        ..GroupChange::of(made.clone(), at(2))
    };
    let changed = write_group(roster, &change, || true).await.unwrap().unwrap();
    assert_eq!(changed.edition, made.edition + 1);
    let left = [&all[..8950], &all[9075..], add].concat();
    assert_eq!(shown(roster, &changed.id).await, values(&left));
    assert_eq!(are_marked(roster, &others).await, 75, "those who go, and nobody else");

    // Erased: it is nobody's group at once, and whom that concerns is marked in the end.
    let end = roster.erase_group(&changed.id, changed.version, true, at(3)).await.unwrap();
    assert_eq!(end, Ok(()));
    assert_eq!(roster.load_group(&changed.id).await.unwrap(), None);
    assert_eq!(all_groups_of(roster, all[0].as_str()).await.unwrap(), []);
    assert_eq!(shown(roster, &changed.id).await, [""; 0]);
    assert_eq!(are_marked(roster, &others).await, 75, "not before its rows are gone");
    let heir = write_group(roster, &named(213, "ten thousand"), || true).await.unwrap().unwrap();
    assert_eq!(roster.find_groups(&Key::group_name("Ten Thousand"), 9).await.unwrap(), [heir]);
    while roster.mend(None).await.unwrap() {}
    assert_eq!(are_marked(roster, &others).await, 1000);
    assert!(!roster.mend(Some(&changed.id)).await.unwrap(), "nothing is owed");
    let gone = erase_group(roster, &group.id, group.version, false, at(4), || true).await.unwrap();
    assert_eq!((gone, shown(roster, &group.id).await), (Ok(()), Vec::new()));
}

#[tokio::test]
async fn a_large_group_is_whole_in_memory() {
    large_groups_are_as_they_were_accepted(&MemoryRoster::default()).await;
}

#[tokio::test]
async fn a_large_group_is_whole_in_a_file() {
    let file = TestFile::new("large");
    large_groups_are_as_they_were_accepted(&MemoryRoster::open(&file.0).unwrap()).await;
    let again = MemoryRoster::open(&file.0).unwrap();
    assert!(!again.mend(None).await.unwrap());
    assert_eq!(again.page_groups(0, 9).await.unwrap().1, 1);
}

/// What one of two writers does to the group: reads it, and says who comes and who goes.
async fn writer(roster: &dyn Roster, group: &Id, add: &[Id], remove: &[Id]) {
    for _ in 0..64 {
        let known = roster.load_group(group).await.unwrap().unwrap();
        if known.fan_out_pending {
            settle_group(roster, group, || true).await.unwrap();
            continue;
        }
        let change = GroupChange {
            add: members(add),
            remove: values(remove),
            affected: Affected::Changed,
            ..GroupChange::of(known, at(5))
        };
        match write_group(roster, &change, || true).await.unwrap() {
            Ok(_) => return,
            Err(WriteConflict::StaleVersion) => {}
            Err(WriteConflict::DuplicateKey) => panic!("it keeps its name"),
        }
    }
    panic!("overtaken for ever");
}

/// Two writers of one group, each cut off somewhere, and a third who mends: each change is done whole
/// or not at all, and whoever is concerned is marked.
async fn two_are_cut_off_and_a_third_mends(seed: u64, roster: Arc<MemoryRoster>) -> [bool; 2] {
    let chance = Chance::of(seed);
    let slow = Unsteady::slow(Arc::clone(&roster));
    let cut = async |writer: Writer<'_>| cut_off(Some(chance.below(40)), writer).await;
    two_write_a_group_and_a_third_mends(seed, &*roster, &slow, cut).await
}

/// A writer of a group.
pub(super) type Writer<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The same, wherever they are cut off; they write by `slow`.
pub(super) async fn two_write_a_group_and_a_third_mends(
    seed: u64,
    roster: &dyn Roster,
    slow: &dyn Roster,
    cut: impl AsyncFn(Writer<'_>) -> Option<()>,
) -> [bool; 2] {
    let [first, second] = [users(roster, 21, 12).await, users(roster, 22, 12).await];
    let [comes, goes] = [&first[..7], &first[7..]];
    let [other_comes, other_goes] = [&second[..7], &second[7..]];
    let add = members(goes.iter().chain(other_goes));
    let made = GroupChange { add, ..named(221, "Two writers") };
    let group = write_group(roster, &made, || true).await.unwrap().unwrap().id;

    let one = cut(Box::pin(writer(slow, &group, comes, goes)));
    let other = cut(Box::pin(writer(slow, &group, other_comes, other_goes)));
    let ended = tokio::join!(one, other);
    // Whoever asks sees no mark whose rows are not there.
    for (ids, is_there) in [(comes, true), (goes, false), (other_comes, true), (other_goes, false)]
    {
        let seen: BTreeSet<String> = shown(roster, &group).await.into_iter().collect();
        for id in ids {
            let has_moved = seen.contains(id.as_str()) == is_there;
            assert!(has_moved || !is_marked(roster, id).await, "{seed}: marked before its row");
        }
    }
    while roster.mend(None).await.unwrap() {}

    let seen: BTreeSet<String> = shown(roster, &group).await.into_iter().collect();
    let mut done = [false; 2];
    let writers = [(ended.0, comes, goes), (ended.1, other_comes, other_goes)];
    for (done, (ended, comes, goes)) in done.iter_mut().zip(writers) {
        let is_in = |id: &Id| seen.contains(id.as_str());
        *done = comes.iter().any(is_in);
        assert!(comes.iter().all(|id| is_in(id) == *done), "{seed}: in part");
        assert!(goes.iter().all(|id| is_in(id) != *done), "{seed}: in part");
        assert!(ended.is_none() || *done, "{seed}: acknowledged and not done");
        let concerned = [comes, goes].concat();
        let marked = are_marked(roster, &concerned).await;
        assert_eq!(marked, if *done { concerned.len() } else { 0 }, "{seed}: marks");
    }
    let left = roster.load_group(&group).await.unwrap().unwrap();
    assert!(!left.fan_out_pending);
    assert_eq!(left.edition, 1 + done.iter().map(|done| u64::from(*done)).sum::<u64>());
    done
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_in_a_large_change_is_mended_by_another() {
    let mut ends = BTreeSet::new();
    for seed in 0..300 {
        let parts = usize::try_from(1 + seed % 6).unwrap();
        let roster = Arc::new(MemoryRoster::fanning_out_by(parts));
        ends.insert(two_are_cut_off_and_a_third_mends(seed, roster).await);
    }
    assert_eq!(ends.len(), 4, "none, one, the other, and both: {ends:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_in_a_large_change_of_a_file_is_mended_by_another() {
    for seed in 0..8 {
        let file = TestFile::new(&format!("cut-{seed}"));
        let roster = MemoryRoster::open_fanning_out_by(&file.0, 3).unwrap();
        two_are_cut_off_and_a_third_mends(seed, Arc::new(roster)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_file_owes_is_paid_after_it_was_opened_again() {
    // Nine rows and nine marks, in twos: begun anew amid the rows, and amid the marks.
    for seed in 0..9 {
        let file = TestFile::new(&format!("owed-{seed}"));
        let people = {
            let roster = MemoryRoster::open_fanning_out_by(&file.0, 2).unwrap();
            let people = users(&roster, 31, 9).await;
            let change = GroupChange {
                add: members(&people),
                affected: Affected::Changed,
                ..named(231, "Owed")
            };
            let group = roster.write_group(&change).await.unwrap().unwrap();
            assert!(group.fan_out_pending);
            for _ in 0..seed {
                assert!(roster.mend(Some(&group.id)).await.unwrap());
            }
            people
        };
        let again = MemoryRoster::open_fanning_out_by(&file.0, 2).unwrap();
        let group = again.load_group(&Id::of([231; 16])).await.unwrap().unwrap();
        assert!(group.fan_out_pending, "{seed}");
        let late = GroupChange { remove: values(&people), ..GroupChange::of(group.clone(), at(9)) };
        assert_eq!(
            again.write_group(&late).await.unwrap(),
            Err(WriteConflict::StaleVersion),
            "it owes"
        );
        settle_group(&again, &group.id, || true).await.unwrap();
        assert_eq!(shown(&again, &group.id).await, values(&people));
        assert_eq!(are_marked(&again, &people).await, 9);
        let group = again.load_group(&group.id).await.unwrap().unwrap();
        assert!(!group.fan_out_pending && group.fan_out_version == 1);
        let late = GroupChange { group, ..late };
        assert!(write_group(&again, &late, || true).await.unwrap().is_ok());
    }
}
