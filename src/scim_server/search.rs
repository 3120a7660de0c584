//! Lists and queries (RFC 7644 §3.4.2): by an index where there is one, else page by page up to a
//! bound.
//!
//! The newest come first, so that what was just made is on the first page, however much there is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tokio::task::yield_now;

use super::render::{Extent, tell_active};
use super::{ScimCall, ScimServer, TOO_LONG};
use crate::fault::{Fault, Kind};
use crate::http::MAX_ANSWER;
use crate::outcome::resource::ScimResponse;
use crate::roster::RosterError;
use crate::roster::glance::Glance;
use crate::roster::group::Group;
use crate::roster::key::{Id, Key};
use crate::roster::record::{DesiredState, UserRecord};
use crate::roster::{Place, all_groups_of, find_everybody};
use crate::scim::filter::lookup::Lookup;
use crate::scim::filter::{Compiled, Filter};
use crate::scim::list::{Page, Query};
use crate::scim::projection::Projection;
use crate::scim::resource::Sought;
use crate::scim::route::Endpoint;
use crate::scim::schema::ResourceType;

/// The most resources that a filter without an index looks through; beyond that it is refused (RFC
/// 7644 §3.4.2.2, tooMany) instead of holding up everybody.
const SCAN: usize = 10_000;

/// The most members of groups that it looks through, but for those of the first group.
const SCAN_MEMBERS: usize = 100_000;

/// The resources that are read at a time: a millisecond, in which nobody else has the roster.
const STEP: usize = 250;

/// After this many resources other requests have their turn, so a search holds up nobody for more
/// than some milliseconds.
const TURN: usize = 50;

/// The same after a group of more members than this.
const TURN_MEMBERS: usize = 5000;

/// A resource as the roster has it.
enum Item {
    User(Box<UserRecord>),
    Group(Group),
}

impl Item {
    /// When it was created: the order of lists.
    fn made(&self) -> SystemTime {
        match self {
            Self::User(record) => record.created,
            Self::Group(group) => group.created,
        }
    }

    /// Its id, which breaks ties.
    fn id(&self) -> &Id {
        match self {
            Self::User(record) => &record.id,
            Self::Group(group) => &group.id,
        }
    }
}

/// The page that is wanted: `startIndex` and `count` of RFC 7644 §3.4.2.4, from zero.
#[derive(Clone, Copy)]
struct Window {
    /// Matches before the page.
    skip: usize,
    count: usize,
}

impl Window {
    /// The same page counted from the oldest, as the roster does: where it begins and how long it
    /// is.
    const fn counted_from_the_oldest(self, total: usize) -> (usize, usize) {
        let end = total.saturating_sub(self.skip);
        let start = end.saturating_sub(self.count);
        (start, end.saturating_sub(start))
    }
}

/// A query of one endpoint.
struct SearchTarget<'a> {
    /// The endpoint: users or groups.
    endpoint: Endpoint,
    types: &'a ResourceType,
    /// The filter, judged by the endpoint's attribute table; `None` for all resources.
    filter: Option<Filter>,
    /// What the filter looks at besides the record.
    looked_at: Extent,
}

/// The result: the items of the page, and how many match in all (`totalResults`).
#[derive(Default)]
struct Found {
    /// The matches that belong to the page, in its order.
    items: Vec<Item>,
    /// How many match in all.
    total: usize,
    /// Members of groups that were read for it.
    members: usize,
    /// Items that were looked at.
    seen: usize,
}

impl Found {
    /// Counts an item that was looked at, with so many members; now and then others have their
    /// turn.
    async fn look(&mut self, members: usize) {
        self.seen = self.seen.saturating_add(1);
        if self.seen.is_multiple_of(TURN) || members > TURN_MEMBERS {
            yield_now().await;
        }
    }

    /// True if the next match belongs to the page.
    const fn lacks_next(&self, window: Window) -> bool {
        self.total >= window.skip && self.items.len() < window.count
    }

    /// Counts a match, and keeps it if it belongs to the page.
    fn take(&mut self, item: Option<Item>) {
        self.items.extend(item);
        self.total = self.total.saturating_add(1);
    }
}

/// A filter, compiled once and held against one resource after the other.
struct Matcher<'a> {
    filter: Compiled<'a>,
    /// What it looks at besides the record.
    extent: Extent,
    /// The attributes of a user that it names, if the record has them all: then no more is
    /// unpacked.
    sought: Option<Sought<'a>>,
}

impl<'a> Matcher<'a> {
    /// Compiles the filter of a query.
    fn of(search_target: &'a SearchTarget<'a>, filter: &'a Filter) -> Self {
        let extent = search_target.looked_at;
        let is_of_a_record = search_target.endpoint == Endpoint::Users && extent.is_of_the_record();
        let names = if is_of_a_record { filter.names() } else { None };
        let sought = names.map(|names| Sought::new(search_target.types, names));
        Self { filter: filter.compile(search_target.types), extent, sought }
    }
}

impl ScimServer {
    /// Answers GET on an endpoint and POST `/.search` (RFC 7644 §3.4.2, §3.4.3); without an
    /// endpoint, over users and groups.
    ///
    /// # Errors
    /// [`Kind::TooMany`] if there is more to look through than one request may; the filter's own
    /// faults; and [`Kind::Unavailable`] if the time ran out.
    pub(super) async fn search(
        &self,
        call: &ScimCall<'_>,
        endpoint: Option<Endpoint>,
        query: &Query,
    ) -> Result<ScimResponse, Fault> {
        let start = query.paging.start_index.max(1);
        let window = Window { skip: start.saturating_sub(1), count: query.paging.count };
        let (only, without) = (query.attributes.as_deref(), query.excluded.as_deref());
        let shown = |endpoint| {
            let projection = Projection::parse(only, without, self.types(endpoint));
            let extent = Extent::desired(&projection, links(endpoint));
            (projection, extent)
        };
        let (users, groups) = (shown(Endpoint::Users), shown(Endpoint::Groups));
        if endpoint == Some(Endpoint::Users) && query.filter.is_none() && users.0.is_everything() {
            return self.list_users(call, window, start).await;
        }
        let found = match endpoint {
            Some(endpoint) => {
                self.find(call, &self.search_target(endpoint, None, query)?, window).await?
            }
            None => self.find_in_both(call, query, window).await?,
        };
        let mut page = Page::default();
        for (number, item) in found.items.iter().enumerate() {
            if number % TURN == TURN.saturating_sub(1) {
                yield_now().await;
            }
            let (projection, extent) = match item {
                Item::User(_) => &users,
                Item::Group(_) => &groups,
            };
            let resource = projection.apply(self.whole(call, item, *extent).await?);
            // The page ends where the answer would be too long; the client asks on from there, as
            // `itemsPerPage` says.
            if !page.add(&serde_json::to_string(&resource).unwrap_or_default()) {
                break;
            }
        }
        listed(&page, found.total, start)
    }

    /// Users and groups in one list, by the time at which they were made.
    async fn find_in_both(
        &self,
        call: &ScimCall<'_>,
        query: &Query,
        window: Window,
    ) -> Result<Found, Fault> {
        // Each may have all that is wanted.
        let count = window.skip.saturating_add(window.count);
        check_amount(count)?;
        let mut both = Found::default();
        let (users, groups) = (Endpoint::Users, Endpoint::Groups);
        let search_targets = [(users, groups), (groups, users)];
        let search_targets =
            search_targets.map(|(own, other)| self.search_target(own, Some(other), query));
        // A filter may be about the one type or the other; about neither it is none.
        let search_targets = match search_targets {
            [Err(fault), Err(_)] => return Err(fault),
            search_targets => search_targets.into_iter().flatten(),
        };
        for search_target in search_targets {
            let own = self.find(call, &search_target, Window { skip: 0, count }).await?;
            both.total = both.total.saturating_add(own.total);
            both.items.extend(own.items);
        }
        both.items.sort_by_key(|item| Reverse(item.made()));
        both.items = both.items.into_iter().skip(window.skip).take(window.count).collect();
        Ok(both)
    }

    /// The matches in one endpoint: by indexes if the filter allows it, else by looking through
    /// all.
    async fn find(
        &self,
        call: &ScimCall<'_>,
        search_target: &SearchTarget<'_>,
        window: Window,
    ) -> Result<Found, Fault> {
        let Some(filter) = &search_target.filter else {
            return call.list(search_target.endpoint, window).await;
        };
        let matcher = Matcher::of(search_target, filter);
        let mut found = Found::default();
        if let Some(lookups) = filter.lookups(search_target.types) {
            let candidates = call.look_up(search_target.endpoint, &lookups).await?.into_values();
            self.sift(call, &matcher, window, candidates.rev(), &mut found).await?;
            return Ok(found);
        }
        if let (Endpoint::Users, Some(sought)) = (search_target.endpoint, &matcher.sought) {
            check_amount(call.roster().page_versions(0, 0).await?.1)?;
            let mut place = None;
            loop {
                let glances = call.roster().glances(place.as_ref(), STEP, sought).await?;
                let Some(last) = glances.last() else { return Ok(found) };
                place = Some(Place { created: last.created, id: last.id.clone() });
                self.glance(call, &matcher, sought, window, glances, &mut found).await?;
            }
        }
        let (_, total) = call.page(search_target.endpoint, 0, 0).await?;
        // Others write meanwhile: where somebody went, those behind come one place nearer, and nobody
        // is looked at twice for that.
        let mut known = HashSet::new();
        for start in steps(total)? {
            let mut items = call.page(search_target.endpoint, start, STEP).await?.0;
            items.retain(|item| known.insert(item.id().clone()));
            self.sift(call, &matcher, window, items.into_iter().rev(), &mut found).await?;
        }
        Ok(found)
    }

    /// Holds resources against the filter; counts the matches and keeps those of the page.
    async fn sift(
        &self,
        call: &ScimCall<'_>,
        matcher: &Matcher<'_>,
        window: Window,
        items: impl Iterator<Item = Item>,
        found: &mut Found,
    ) -> Result<(), Fault> {
        for item in items {
            call.check_time()?;
            if found.members > SCAN_MEMBERS {
                return Err(too_many());
            }
            let resource = self.looked_at(call, &item, matcher).await?;
            let members = resource.get("members").and_then(Value::as_array).map_or(0, Vec::len);
            found.members = found.members.saturating_add(members);
            let matches = matcher.filter.matches(&resource);
            found.look(members).await;
            if matches {
                found.take(found.lacks_next(window).then_some(item));
            }
        }
        Ok(())
    }

    /// The same for users of whom only what the filter looks at was unpacked. Those of the page are
    /// loaded whole, and judged again if they were written in between.
    async fn glance(
        &self,
        call: &ScimCall<'_>,
        matcher: &Matcher<'_>,
        sought: &Sought<'_>,
        window: Window,
        glances: Vec<Glance>,
        found: &mut Found,
    ) -> Result<(), Fault> {
        for glance in glances {
            call.check_time()?;
            let (id, version) = (glance.id.clone(), glance.version);
            let matches = matcher.filter.matches(&self.part(call, glance, sought));
            found.look(0).await;
            if !matches {
                continue;
            }
            if !found.lacks_next(window) {
                found.take(None);
                continue;
            }
            let record = call.roster().load(&id).await?;
            let record = record.filter(|record| record.desired_state() != DesiredState::Deleted);
            // Written meanwhile, it may be another's.
            let still = |record: &UserRecord| {
                let part = || self.part(call, Glance::of(record, sought), sought);
                record.row_version == version || matcher.filter.matches(&part())
            };
            if let Some(record) = record.filter(still) {
                found.take(Some(Item::User(Box::new(record))));
            }
        }
        Ok(())
    }

    /// What a filter looks at of a resource; `active` always has a value there.
    async fn looked_at(
        &self,
        call: &ScimCall<'_>,
        item: &Item,
        matcher: &Matcher<'_>,
    ) -> Result<Map<String, Value>, Fault> {
        if let (Item::User(record), Some(sought)) = (item, &matcher.sought) {
            return Ok(self.part(call, Glance::of(record, sought), sought));
        }
        let mut resource = self.whole(call, item, matcher.extent).await?;
        if let Item::User(record) = item {
            tell_active(&mut resource, record);
        }
        Ok(resource)
    }

    /// Reads the filter for one endpoint; in a query over both, attributes of the other type are
    /// known too and match nothing.
    fn search_target(
        &self,
        endpoint: Endpoint,
        other: Option<Endpoint>,
        query: &Query,
    ) -> Result<SearchTarget<'_>, Fault> {
        let types = self.types(endpoint);
        let read = |text| match other {
            Some(other) => Filter::read_for_both(text, types, self.types(other), self.strict),
            None => Filter::parse(text, types, self.strict),
        };
        let filter = query.filter.as_deref().map(read).transpose()?;
        let looked_at = Extent::looked_at(filter.as_ref(), links(endpoint));
        Ok(SearchTarget { endpoint, types, filter, looked_at })
    }

    /// The endpoint's resource type.
    fn types(&self, endpoint: Endpoint) -> &ResourceType {
        match endpoint {
            Endpoint::Users => &self.users,
            Endpoint::Groups => &self.groups,
        }
    }

    /// The most frequent query: all users, without filter and projection. From the cache, so
    /// records that were shown lately are not unpacked.
    async fn list_users(
        &self,
        call: &ScimCall<'_>,
        window: Window,
        start_index: usize,
    ) -> Result<ScimResponse, Fault> {
        let (_, total) = call.roster().page_versions(0, 0).await?;
        let (start, count) = window.counted_from_the_oldest(total);
        let (users, total) = call.roster().page_versions(start, count).await?;
        let mut page = Page::default();
        for (number, (id, version)) in users.iter().rev().enumerate() {
            if number % TURN == TURN.saturating_sub(1) {
                yield_now().await;
            }
            call.check_time()?;
            let Some(user) = self.user_written(call, id, *version).await? else { continue };
            if !page.add_carried(&user.text, user.carried) {
                break;
            }
        }
        listed(&page, total, start_index)
    }

    /// The whole resource, as far as the extent wants it.
    async fn whole(
        &self,
        call: &ScimCall<'_>,
        item: &Item,
        extent: Extent,
    ) -> Result<Map<String, Value>, Fault> {
        match item {
            Item::User(record) => self.user(call, record, extent).await,
            Item::Group(group) => self.whole_group(call, group, extent.links).await,
        }
    }
}

impl ScimCall<'_> {
    /// A page of an endpoint, counted from the oldest, and how many there are.
    async fn page(
        &self,
        endpoint: Endpoint,
        start: usize,
        count: usize,
    ) -> Result<(Vec<Item>, usize), Fault> {
        Ok(match endpoint {
            Endpoint::Users => {
                let (records, total) = self.roster().page(start, count).await?;
                (records.into_iter().map(|record| Item::User(Box::new(record))).collect(), total)
            }
            Endpoint::Groups => {
                let (groups, total) = self.roster().page_groups(start, count).await?;
                (groups.into_iter().map(Item::Group).collect(), total)
            }
        })
    }

    /// A page of an endpoint without a filter, the newest first. Users are loaded one by one, so
    /// that nobody waits for a thousand to be unpacked.
    async fn list(&self, endpoint: Endpoint, window: Window) -> Result<Found, Fault> {
        let (_, total) = self.page(endpoint, 0, 0).await?;
        let (start, count) = window.counted_from_the_oldest(total);
        let mut found = Found::default();
        if endpoint == Endpoint::Groups {
            (found.items, found.total) = self.page(endpoint, start, count).await?;
            found.items.reverse();
            return Ok(found);
        }
        let (users, total) = self.roster().page_versions(start, count).await?;
        for (id, _) in users.iter().rev() {
            self.check_time()?;
            found.look(0).await;
            let record = self.roster().load(id).await?;
            let record = record.filter(|record| record.desired_state() != DesiredState::Deleted);
            found.items.extend(record.map(|record| Item::User(Box::new(record))));
        }
        Ok(Found { total, ..found })
    }

    /// All that the indexes give, each once, in the order in which they were made. An index may
    /// find too much and never too little: the filter decides.
    async fn look_up(
        &self,
        endpoint: Endpoint,
        lookups: &[Lookup],
    ) -> Result<BTreeMap<(SystemTime, Id), Item>, Fault> {
        let mut found = BTreeMap::new();
        for (index, lookup) in lookups.iter().enumerate() {
            if lookups.iter().take(index).any(|other| other == lookup) {
                continue;
            }
            let items: Vec<Item> = match endpoint {
                Endpoint::Users => {
                    let living =
                        |record: &UserRecord| record.desired_state() != DesiredState::Deleted;
                    let records = self.users_by(lookup).await?.into_iter().filter(living);
                    records.map(|record| Item::User(Box::new(record))).collect()
                }
                Endpoint::Groups => {
                    self.groups_by(lookup).await?.into_iter().map(Item::Group).collect()
                }
            };
            found.extend(items.into_iter().map(|item| ((item.made(), item.id().clone()), item)));
            check_amount(found.len())?;
        }
        Ok(found)
    }

    /// Ends a search whose answer could not be passed on any more.
    fn check_time(&self) -> Result<(), RosterError> {
        let is_over =
            || RosterError::NotDone("a search took all the time that there was".to_owned());
        self.has_time().then_some(()).ok_or_else(is_over)
    }

    /// The users that an index gives; those of a group are loaded one by one.
    async fn users_by(&self, lookup: &Lookup) -> Result<Vec<UserRecord>, Fault> {
        let roster = self.roster();
        Ok(match lookup {
            Lookup::Id(id) => roster.load(&Id::from_text(id)).await?.into_iter().collect(),
            Lookup::UserName(name) => {
                roster.find(&Key::user_name(name)).await?.into_iter().collect()
            }
            Lookup::ExternalId(id) => {
                find_everybody(roster, &Key::external_id(id), SCAN.saturating_add(1)).await?
            }
            Lookup::Email(email) => {
                find_everybody(roster, &Key::email(email), SCAN.saturating_add(1)).await?
            }
            Lookup::Group(group) => {
                let mut users = Vec::new();
                let group = Id::from_text(group);
                let (members, _) = roster.members(&group, 0, SCAN.saturating_add(1)).await?;
                check_amount(members.len())?;
                for member in members {
                    self.check_time()?;
                    users.extend(roster.load(&Id::from_text(&member.value)).await?);
                }
                users
            }
            Lookup::DisplayName(_) | Lookup::Member(_) => Vec::new(),
        })
    }

    /// The groups that an index gives.
    async fn groups_by(&self, lookup: &Lookup) -> Result<Vec<Group>, Fault> {
        let roster = self.roster();
        Ok(match lookup {
            Lookup::Id(id) => roster.load_group(&Id::from_text(id)).await?.into_iter().collect(),
            Lookup::DisplayName(name) => {
                roster.find_groups(&Key::group_name(name), SCAN.saturating_add(1)).await?
            }
            Lookup::ExternalId(id) => {
                roster.find_groups(&Key::group_external_id(id), SCAN.saturating_add(1)).await?
            }
            Lookup::Member(value) => all_groups_of(roster, value).await?,
            Lookup::Email(_) | Lookup::Group(_) | Lookup::UserName(_) => Vec::new(),
        })
    }
}

/// The `ListResponse` (RFC 7644 §3.4.2), or a fault if a single resource is too long for an answer.
fn listed(page: &Page, total: usize, start_index: usize) -> Result<ScimResponse, Fault> {
    let (list, carried) = page.response(total, start_index);
    if carried > MAX_ANSWER {
        return Err(Fault::new(Kind::TooMany, TOO_LONG));
    }
    Ok(ScimResponse { written: Some(list), ..ScimResponse::shown(Map::new()) })
}

/// The attribute that links a resource to others, which costs a read of its own.
const fn links(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Users => "groups",
        Endpoint::Groups => "members",
    }
}

/// Where each step of a scan begins, the newest first.
///
/// # Errors
/// [`Kind::TooMany`].
fn steps(total: usize) -> Result<impl Iterator<Item = usize>, Fault> {
    check_amount(total)?;
    Ok((0..total).step_by(STEP).rev())
}

/// Refuses more than [`SCAN`] resources.
fn check_amount(amount: usize) -> Result<(), Fault> {
    if amount <= SCAN { Ok(()) } else { Err(too_many()) }
}

/// The fault of a query that is too much for one request, with what would be served by an index.
fn too_many() -> Fault {
    Fault::new(
        Kind::TooMany,
        "filter: expected one that names id, userName, externalId, an e-mail address, a group's \
         displayName or a membership by eq, since there is more to look through than one request \
         may, found another; or ask /Users and /Groups for pages, each by itself",
    )
}
