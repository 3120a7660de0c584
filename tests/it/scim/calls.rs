//! What a request asks of the roster: in memory that is free, and over a network each costs.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use connect_provisioner::roster::group::{Group, GroupChange, Member};
use connect_provisioner::roster::key::{Id, Key};
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::roster::parked::Counts;
use connect_provisioner::roster::record::UserRecord;
use connect_provisioner::roster::{
    Guard, Place, Roster, RosterError, RosterFuture, Stored, WriteConflict,
};
use serde_json::json;

use super::{client_of, user};

/// A roster that notes what it is asked for.
#[derive(Debug, Default)]
struct Counting {
    inner: Arc<MemoryRoster>,
    asked: Mutex<Vec<&'static str>>,
}

impl Counting {
    fn note(&self, name: &'static str) -> &MemoryRoster {
        self.asked.lock().unwrap().push(name);
        &self.inner
    }

    /// What it was asked for since this was asked last.
    fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Roster for Counting {
    fn load<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<UserRecord>> {
        self.note("load").load(id)
    }

    fn find<'a>(&'a self, key: &'a Key) -> RosterFuture<'a, Option<UserRecord>> {
        self.note("find").find(key)
    }

    fn find_all<'a>(
        &'a self,
        key: &'a Key,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.note("find_all").find_all(key, after, count)
    }

    fn find_deleted<'a>(
        &'a self,
        keys: &'a [Key],
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.note("find_gone").find_deleted(keys, count)
    }

    fn write<'a>(
        &'a self,
        record: &'a UserRecord,
    ) -> RosterFuture<'a, Result<Stored, WriteConflict>> {
        self.note("write").write(record)
    }

    fn erase<'a>(&'a self, record: &'a UserRecord) -> RosterFuture<'a, Result<(), WriteConflict>> {
        self.note("erase").erase(record)
    }

    fn load_group<'a>(&'a self, id: &'a Id) -> RosterFuture<'a, Option<Group>> {
        self.note("load_group").load_group(id)
    }

    fn find_groups<'a>(&'a self, key: &'a Key, count: usize) -> RosterFuture<'a, Vec<Group>> {
        self.note("find_groups").find_groups(key, count)
    }

    fn page_groups(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<Group>, usize)> {
        self.note("page_groups").page_groups(start, count)
    }

    fn members<'a>(
        &'a self,
        group: &'a Id,
        from: u64,
        count: usize,
    ) -> RosterFuture<'a, (Vec<Member>, Option<u64>)> {
        self.note("members").members(group, from, count)
    }

    fn groups_of<'a>(
        &'a self,
        member: &'a str,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<Group>> {
        self.note("groups_of").groups_of(member, after, count)
    }

    fn write_group<'a>(
        &'a self,
        change: &'a GroupChange,
    ) -> RosterFuture<'a, Result<Group, WriteConflict>> {
        self.note("write_group").write_group(change)
    }

    fn erase_group<'a>(
        &'a self,
        id: &'a Id,
        version: u64,
        mark: bool,
        now: SystemTime,
    ) -> RosterFuture<'a, Result<(), WriteConflict>> {
        self.note("erase_group").erase_group(id, version, mark, now)
    }

    fn mend<'a>(&'a self, group: Option<&'a Id>) -> RosterFuture<'a, bool> {
        self.note("mend").mend(group)
    }

    fn due(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        self.note("due").due(now, count)
    }

    fn due_farewells(&self, now: SystemTime, count: usize) -> RosterFuture<'_, Vec<Id>> {
        self.note("due_farewells").due_farewells(now, count)
    }

    fn page(&self, start: usize, count: usize) -> RosterFuture<'_, (Vec<UserRecord>, usize)> {
        self.note("page").page(start, count)
    }

    fn before<'a>(
        &'a self,
        place: Option<&'a Place>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.note("before").before(place, count)
    }

    fn parked<'a>(
        &'a self,
        after: Option<&'a Id>,
        count: usize,
    ) -> RosterFuture<'a, Vec<UserRecord>> {
        self.note("parked").parked(after, count)
    }

    fn counts(&self) -> RosterFuture<'_, Counts> {
        self.note("counts").counts()
    }

    fn first_seen<'a>(&'a self, event: &'a str, now: SystemTime) -> RosterFuture<'a, SystemTime> {
        self.note("first_sight").first_seen(event, now)
    }

    fn count_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
        most: usize,
    ) -> RosterFuture<'a, bool> {
        self.note("count_removal").count_removal(guard, what, now, most)
    }

    fn note_removal<'a>(
        &'a self,
        guard: Guard,
        what: &'a str,
        now: SystemTime,
    ) -> RosterFuture<'a, ()> {
        self.note("note_removal").note_removal(guard, what, now)
    }

    fn paused(&self) -> RosterFuture<'_, Option<SystemTime>> {
        // Asked at most once a second, whatever is written.
        self.inner.paused()
    }

    fn set_paused(&self, since: Option<SystemTime>) -> RosterFuture<'_, ()> {
        self.note("set_paused").set_paused(since)
    }

    fn begin_drain<'a>(
        &'a self,
        who: &'a str,
        now: SystemTime,
        until: SystemTime,
    ) -> RosterFuture<'a, bool> {
        self.note("begin_drain").begin_drain(who, now, until)
    }

    fn end_drain<'a>(&'a self, who: &'a str) -> RosterFuture<'a, ()> {
        self.note("end_drain").end_drain(who)
    }

    fn backlog(&self) -> RosterFuture<'_, Option<SystemTime>> {
        self.note("backlog").backlog()
    }

    fn set_backlog(&self, until: Option<SystemTime>) -> RosterFuture<'_, ()> {
        self.note("set_backlog").set_backlog(until)
    }

    fn health(&self) -> Result<(), RosterError> {
        self.inner.health()
    }
}

/// What a PATCH of one user asks for, where nothing else moves and it was looked for a backlog within
/// the last second.
#[tokio::test]
async fn a_patch_of_one_user_asks_the_roster_four_times() {
    let groups = r#"{"Leads": {"securityProfiles": ["CallCenterManager"]}}"#;
    // Where groups give something, Connect is asked to follow them, and the answer shows the same ones.
    for (changes, asked) in [
        (vec![], ["load", "write", "write", "groups_of"]),
        (vec![("GROUP_PROFILES", groups)], ["load", "write", "groups_of", "write"]),
    ] {
        let counting = Arc::new(Counting::default());
        let client = client_of(counting.clone(), counting.inner.clone(), &changes).await;
        let made = client.post("/Users", &user("ana@example.com")).await.is(201);
        let at = format!("/Users/{}", made["id"].as_str().unwrap());
        counting.asked();
        let title = |title: &str| json!([{"op": "replace", "path": "title", "value": title}]);
        let mut tries = 0..20;
        let patched = loop {
            let number = tries.next().expect("a second is long enough some time").to_string();
            let patched = client.patch(&at, title(&number)).await.is(200);
            let own = counting.asked();
            // On a slow machine more than a second may have passed since.
            if !own.contains(&"backlog") {
                assert_eq!(own, asked);
                break patched;
            }
        };
        // What the answer shows is what is read after it.
        assert_eq!(patched, client.get(&at).await.is(200));
        counting.asked();
        // Who changes nothing has nothing to follow.
        client.patch(&at, title(patched["title"].as_str().unwrap())).await.is(200);
        assert_eq!(counting.asked(), ["load", "groups_of"], "nothing new was said");
    }
}
