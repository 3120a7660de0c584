//! Lists and queries: by an index where there is one, else page by page up to a bound. The newest
//! come first, so that what was just made is on the first page, however much there is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::shown::Extent;
use super::{Asked, Directory};
use crate::fault::{Fault, Kind};
use crate::outcome::resource::Answer;
use crate::roster::group::Group;
use crate::roster::key::{Id, Key};
use crate::roster::record::{Record, Wanted};
use crate::scim::filter::Filter;
use crate::scim::filter::lookup::Lookup;
use crate::scim::list::{Query, list_response};
use crate::scim::place::Endpoint;
use crate::scim::projection::Projection;
use crate::scim::schema::ResourceType;

/// A filter that no index serves looks through so many resources at most.
const SCAN: usize = 10_000;

/// How many are read at a time.
const PAGE: usize = 1000;

/// One page of what was found, with when each was made, and how much there is of it.
#[derive(Default)]
struct Found {
    page: Vec<(SystemTime, Map<String, Value>)>,
    total: usize,
}

/// Which part of what is found is wanted.
#[derive(Clone, Copy)]
struct Window {
    skip: usize,
    count: usize,
}

impl Window {
    /// The same part of so many, counted from the oldest: where it begins, and how many it has.
    const fn counted_from_the_oldest(self, total: usize) -> (usize, usize) {
        let end = total.saturating_sub(self.skip);
        let start = end.saturating_sub(self.count);
        (start, end.saturating_sub(start))
    }
}

/// What is looked for in one endpoint, and how it is shown.
struct Wish<'a> {
    types: &'a ResourceType,
    filter: Option<Filter>,
    projection: Projection,
    extent: Extent,
}

/// What an index gave, in the order in which it came.
type Candidates<T> = BTreeMap<(SystemTime, Id), T>;

impl Directory {
    /// Answers a query of an endpoint, or of both (RFC 7644 §3.4.2, §3.4.3).
    pub(super) async fn search(
        &self,
        asked: &Asked<'_>,
        endpoint: Option<Endpoint>,
        query: &Query,
    ) -> Result<Answer, Fault> {
        let start = query.paging.start_index.max(1);
        let asked_for = Window { skip: start.saturating_sub(1), count: query.paging.count };
        // Of two endpoints each may have all that is asked for.
        let window = match endpoint {
            Some(_) => asked_for,
            None => Window { skip: 0, count: asked_for.skip.saturating_add(asked_for.count) },
        };
        let mut all = Found::default();
        let mut refused = None;
        for own in [Endpoint::Users, Endpoint::Groups] {
            if endpoint.is_some_and(|endpoint| endpoint != own) {
                continue;
            }
            let found = match own {
                Endpoint::Users => self.find_users(asked, query, window).await,
                Endpoint::Groups => self.find_groups(asked, query, window).await,
            };
            let found = match found {
                // A filter may be about the one type or the other; about neither it is none.
                Err(fault) if endpoint.is_none() && fault.kind == Kind::InvalidFilter => {
                    if let Some(fault) = refused.replace(fault) {
                        return Err(fault);
                    }
                    continue;
                }
                found => found?,
            };
            all.total = all.total.saturating_add(found.total);
            all.page.extend(found.page);
        }
        let mut page = all.page;
        if endpoint.is_none() {
            page.sort_by_key(|(made, _)| Reverse(*made));
            page = page.into_iter().skip(asked_for.skip).take(asked_for.count).collect();
        }
        let page = page.into_iter().map(|(_, resource)| resource).collect();
        Ok(Answer::shown(list_response(page, all.total, start)))
    }

    async fn find_users(
        &self,
        asked: &Asked<'_>,
        query: &Query,
        window: Window,
    ) -> Result<Found, Fault> {
        let wish = self.wish(&self.users, query, "groups")?;
        let Some(filter) = &wish.filter else {
            let (_, total) = asked.roster().page(0, 0).await?;
            let (start, count) = window.counted_from_the_oldest(total);
            let (records, total) = asked.roster().page(start, count).await?;
            let mut page = Vec::new();
            for record in records.iter().rev() {
                let user = self.user(asked, record, wish.extent).await?;
                page.push((record.created, wish.projection.apply(user)));
            }
            return Ok(Found { page, total });
        };
        let mut sieve = Sieve::new(&wish, filter, window);
        match filter.lookups(&self.users) {
            Some(lookups) => {
                for record in asked.users_by(&lookups).await?.values().rev() {
                    sieve.take(record.created, self.user(asked, record, wish.extent).await?);
                }
            }
            None => {
                let (_, total) = asked.roster().page(0, 0).await?;
                for start in pages(total)? {
                    for record in asked.roster().page(start, PAGE).await?.0.iter().rev() {
                        sieve.take(record.created, self.user(asked, record, wish.extent).await?);
                    }
                }
            }
        }
        Ok(sieve.found)
    }

    async fn find_groups(
        &self,
        asked: &Asked<'_>,
        query: &Query,
        window: Window,
    ) -> Result<Found, Fault> {
        let wish = self.wish(&self.groups, query, "members")?;
        let Some(filter) = &wish.filter else {
            let (_, total) = asked.roster().page_groups(0, 0).await?;
            let (start, count) = window.counted_from_the_oldest(total);
            let (groups, total) = asked.roster().page_groups(start, count).await?;
            let mut page = Vec::new();
            for group in groups.iter().rev() {
                let whole = self.whole_group(asked, group, wish.extent.links).await?;
                page.push((group.created, wish.projection.apply(whole)));
            }
            return Ok(Found { page, total });
        };
        let mut sieve = Sieve::new(&wish, filter, window);
        match filter.lookups(&self.groups) {
            Some(lookups) => {
                for group in asked.groups_by(&lookups).await?.values().rev() {
                    let whole = self.whole_group(asked, group, wish.extent.links).await?;
                    sieve.take(group.created, whole);
                }
            }
            None => {
                let (_, total) = asked.roster().page_groups(0, 0).await?;
                for start in pages(total)? {
                    for group in asked.roster().page_groups(start, PAGE).await?.0.iter().rev() {
                        let whole = self.whole_group(asked, group, wish.extent.links).await?;
                        sieve.take(group.created, whole);
                    }
                }
            }
        }
        Ok(sieve.found)
    }

    fn wish<'a>(
        &self,
        types: &'a ResourceType,
        query: &Query,
        links: &str,
    ) -> Result<Wish<'a>, Fault> {
        let text = query.filter.as_deref();
        let filter = text.map(|text| Filter::read(text, types, self.strict)).transpose()?;
        let (attributes, excluded) = (query.attributes.as_deref(), query.excluded.as_deref());
        let projection = Projection::read(attributes, excluded, types);
        let extent = Extent::of(&projection, links, text);
        Ok(Wish { types, filter, projection, extent })
    }
}

/// Keeps what a filter lets through.
struct Sieve<'a> {
    wish: &'a Wish<'a>,
    filter: &'a Filter,
    window: Window,
    found: Found,
}

impl<'a> Sieve<'a> {
    const fn new(wish: &'a Wish<'a>, filter: &'a Filter, window: Window) -> Self {
        Self { wish, filter, window, found: Found { page: Vec::new(), total: 0 } }
    }

    fn take(&mut self, made: SystemTime, resource: Map<String, Value>) {
        if !self.filter.matches(&resource, self.wish.types) {
            return;
        }
        let is_in_page =
            self.found.total >= self.window.skip && self.found.page.len() < self.window.count;
        self.found.total = self.found.total.saturating_add(1);
        if is_in_page {
            self.found.page.push((made, self.wish.projection.apply(resource)));
        }
    }
}

impl Asked<'_> {
    async fn users_by(&self, lookups: &[Lookup]) -> Result<Candidates<Record>, Fault> {
        let roster = self.roster();
        let mut found = Vec::new();
        for lookup in lookups {
            match lookup {
                Lookup::Id(id) => found.extend(roster.load(&Id::read(id)).await?),
                Lookup::UserName(name) => found.extend(roster.find(&Key::user_name(name)).await?),
                Lookup::ExternalId(id) => found.extend(roster.find(&Key::external_id(id)).await?),
                Lookup::Email(email) => {
                    found.extend(roster.find_by_email(&Key::email(email)).await?);
                }
                Lookup::Group(group) => {
                    for member in roster.members(&Id::read(group)).await? {
                        found.extend(roster.load(&Id::read(&member.value)).await?);
                    }
                }
                Lookup::DisplayName(_) | Lookup::Member(_) => {}
            }
        }
        let living = found.into_iter().filter(|record| record.wanted != Wanted::Gone);
        Ok(living.map(|record| ((record.created, record.id.clone()), record)).collect())
    }

    async fn groups_by(&self, lookups: &[Lookup]) -> Result<Candidates<Group>, Fault> {
        let roster = self.roster();
        let mut found = Vec::new();
        for lookup in lookups {
            match lookup {
                Lookup::Id(id) => found.extend(roster.load_group(&Id::read(id)).await?),
                Lookup::DisplayName(name) => {
                    found.extend(roster.find_groups(&Key::group_name(name)).await?);
                }
                Lookup::ExternalId(id) => {
                    found.extend(roster.find_groups(&Key::group_external_id(id)).await?);
                }
                Lookup::Member(value) => found.extend(roster.groups_of(value).await?),
                Lookup::Email(_) | Lookup::Group(_) | Lookup::UserName(_) => {}
            }
        }
        Ok(found.into_iter().map(|group| ((group.created, group.id.clone()), group)).collect())
    }
}

/// Where each page begins, the newest first, if there are not too many.
fn pages(total: usize) -> Result<impl Iterator<Item = usize>, Fault> {
    if total > SCAN {
        return Err(Fault::new(
            Kind::TooMany,
            format!(
                "filter: expected one that names id, userName, externalId, an e-mail address, a \
                 group's displayName or a membership by eq, since there are more than {SCAN} \
                 resources to look through, found another"
            ),
        ));
    }
    Ok((0..total).step_by(PAGE).rev())
}
