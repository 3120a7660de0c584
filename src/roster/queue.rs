//! What is so in memory and not on the disk yet, and who waits for it.
//!
//! A write is checked and carried out in memory at once, and numbered. Its answer waits until the disk
//! has its number; so does the answer of who read what it changed, and nobody else's. So nobody is told
//! what a crash would undo, and many writes are one sync of the disk.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use super::group::Group;
use super::group_index::{FanOut, Row};
use super::key::Id;
use super::key_hash::KeyHash;
use super::memory::Notes;
use super::record::UserRecord;
use super::{RosterError, RosterFuture};

/// One change of what the disk keeps. Each is done whole, and all in their order.
#[derive(Debug)]
pub(super) enum StoreChange {
    /// Keeps a record.
    Put(Box<UserRecord>),
    /// Forgets a record.
    Erase(Id),
    /// Keeps what a write of a group is.
    Group(Box<GroupWrite>),
    /// Keeps when an event was first seen.
    See(String, SystemTime),
    /// Forgets what was seen until then.
    Forget(SystemTime),
    /// Keeps the rest.
    Note(Box<Notes>),
}

/// A write of a group.
#[derive(Debug)]
pub(super) struct GroupWrite {
    /// Which.
    pub(super) id: Id,
    /// The group as it is now, or that it is gone; nothing, where it stays.
    pub(super) group: Option<Option<Group>>,
    /// Who comes and goes.
    pub(super) rows: Vec<Row>,
    /// The records that are marked.
    pub(super) marked: Vec<UserRecord>,
    /// What it owes from now on, or that it owes no more; nothing, where that stays.
    pub(super) fan_out: Option<Option<FanOut>>,
}

/// The changes that the disk does not have yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The number of the last change.
    last: u64,
    changes: Vec<StoreChange>,
    /// By what was changed, the number of its last change.
    touched: HashMap<KeyHash, u64>,
    /// What each change touched, in their order.
    ways: VecDeque<(u64, Vec<KeyHash>)>,
    waiting: BTreeMap<u64, Vec<Ticket>>,
    /// What is wrong with the disk; nothing is written meanwhile.
    roster_error: Option<RosterError>,
}

impl Queue {
    /// What is wrong with the disk, if anything is.
    pub(super) const fn roster_error(&self) -> Option<&RosterError> {
        self.roster_error.as_ref()
    }

    /// How many changes the disk does not have.
    pub(super) const fn len(&self) -> usize {
        self.changes.len()
    }

    /// Takes a change, and who reads by these ways waits for it; so does its own answer.
    pub(super) fn push(&mut self, change: StoreChange, ways: Vec<KeyHash>) -> Ticket {
        self.last = self.last.saturating_add(1);
        self.changes.push(change);
        self.touched.extend(ways.iter().map(|way| (*way, self.last)));
        self.ways.push_back((self.last, ways));
        self.wait_for(self.last)
    }

    /// What whoever reads by these ways waits for, if for anything.
    ///
    /// # Errors
    /// If nobody knows what became of it.
    pub(super) fn pending(
        &mut self,
        ways: impl Iterator<Item = KeyHash>,
    ) -> Result<Option<Ticket>, RosterError> {
        if self.touched.is_empty() {
            return Ok(None);
        }
        let number = ways.filter_map(|way| self.touched.get(&way).copied()).max();
        match (number, &self.roster_error) {
            (None, _) => Ok(None),
            (Some(_), Some(roster_error)) => Err(roster_error.clone()),
            (Some(number), None) => Ok(Some(self.wait_for(number))),
        }
    }

    /// What whoever reads all there is waits for: who is not in a list was perhaps taken out just now.
    ///
    /// # Errors
    /// As for [`Self::pending`].
    pub(super) fn all_pending(&mut self) -> Result<Option<Ticket>, RosterError> {
        match (self.touched.is_empty(), &self.roster_error) {
            (true, _) => Ok(None),
            (false, Some(roster_error)) => Err(roster_error.clone()),
            (false, None) => Ok(Some(self.wait_for(self.last))),
        }
    }

    /// What is to be written next, and the number of the last of it.
    pub(super) fn take(&mut self) -> (Vec<StoreChange>, u64) {
        (std::mem::take(&mut self.changes), self.last)
    }

    /// Notes that the disk has everything up to this number.
    pub(super) fn settle(&mut self, number: u64) {
        while let Some((_, ways)) = self.ways.pop_front_if(|(own, _)| *own <= number) {
            for way in ways {
                if self.touched.get(&way).is_some_and(|last| *last <= number) {
                    self.touched.remove(&way);
                }
            }
        }
        let later = self.waiting.split_off(&number.saturating_add(1));
        let settled = std::mem::replace(&mut self.waiting, later);
        settled.into_values().flatten().for_each(|ticket| ticket.end(Ok(())));
    }

    /// Notes that the disk took none of it, or that nobody knows: everybody is told so, until
    /// [`Queue::mend`].
    pub(super) fn fail(&mut self, roster_error: &RosterError) {
        self.changes.clear();
        self.roster_error = Some(roster_error.clone());
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_values().flatten().for_each(|ticket| ticket.end(Err(roster_error.clone())));
    }

    /// Notes that memory is what the disk has.
    pub(super) fn mend(&mut self) {
        (self.roster_error, self.touched) = (None, HashMap::new());
        self.ways.clear();
    }

    fn wait_for(&mut self, number: u64) -> Ticket {
        let ticket = Ticket::default();
        self.waiting.entry(number).or_default().push(ticket.clone());
        ticket
    }
}

/// What somebody waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticket(Arc<Mutex<TicketState>>);

#[derive(Debug, Default)]
struct TicketState {
    end: Option<Result<(), RosterError>>,
    waker: Option<Waker>,
}

impl Ticket {
    fn end(&self, end: Result<(), RosterError>) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.end = Some(end);
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Gives an answer when its turn has come.
    pub(super) fn before<'a, T: Send + 'a>(self, answer: T) -> RosterFuture<'a, T> {
        Box::pin(async move { self.await.map(|()| answer) })
    }
}

impl Future for Ticket {
    type Output = Result<(), RosterError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(end) = state.end.clone() {
            return Poll::Ready(end);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// An answer that is there already.
pub(super) fn at_once<'a, T: Send + 'a>(answer: Result<T, RosterError>) -> RosterFuture<'a, T> {
    Box::pin(ready(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(text: &str) -> KeyHash {
        KeyHash::of(text)
    }

    /// How it ended, if it has.
    fn end(ticket: &mut Ticket) -> Option<Result<(), RosterError>> {
        match Pin::new(ticket).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_reads_what_the_disk_does_not_have_waits_for_just_that() {
        let mut queue = Queue::default();
        let mut first =
            queue.push(StoreChange::Erase(Id::from_text("1")), vec![way("a"), way("b")]);
        let mut second = queue.push(StoreChange::Erase(Id::from_text("2")), vec![way("b")]);
        let mut reader = queue.pending([way("a")].into_iter()).unwrap().unwrap();
        let mut later = queue.pending([way("a"), way("b")].into_iter()).unwrap().unwrap();
        assert!(queue.pending([way("c")].into_iter()).unwrap().is_none(), "nobody wrote that");
        let (changes, number) = queue.take();
        assert_eq!((changes.len(), number, queue.len()), (2, 2, 0));
        assert_eq!(end(&mut first), None);
        let mut of_all = queue.all_pending().unwrap().unwrap();
        queue.settle(1);
        assert_eq!(end(&mut of_all), None);
        assert_eq!(end(&mut first), Some(Ok(())));
        assert_eq!(end(&mut reader), Some(Ok(())));
        assert_eq!(end(&mut later), None);
        assert!(queue.pending([way("a")].into_iter()).unwrap().is_none(), "the disk has it");
        assert_eq!(end(&mut second), None);
        queue.settle(2);
        assert_eq!((end(&mut later), end(&mut second)), (Some(Ok(())), Some(Ok(()))));
        assert_eq!(end(&mut of_all), Some(Ok(())));
        assert!(queue.all_pending().unwrap().is_none());
        assert!(queue.touched.is_empty() && queue.waiting.is_empty() && queue.ways.is_empty());
    }

    #[test]
    fn whose_change_the_disk_did_not_take_is_told_so_and_who_reads_it_too() {
        let mut queue = Queue::default();
        let roster_error = RosterError::Unknown("no room".to_owned());
        let mut ticket = queue.push(StoreChange::Erase(Id::from_text("1")), vec![way("a")]);
        queue.fail(&roster_error);
        assert_eq!(end(&mut ticket), Some(Err(roster_error.clone())));
        assert_eq!(queue.pending([way("a")].into_iter()).unwrap_err(), roster_error);
        assert!(queue.pending([way("b")].into_iter()).unwrap().is_none(), "that is as it was");
        assert_eq!((queue.roster_error(), queue.len()), (Some(&roster_error), 0));
        queue.mend();
        assert!(queue.pending([way("a")].into_iter()).unwrap().is_none());
        assert_eq!(queue.roster_error(), None);
    }
}
