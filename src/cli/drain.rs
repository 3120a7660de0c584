//! Runs the drain in `serve` whenever a record is due, as the schedule does in Lambda.

use std::sync::Arc;
use std::time::Duration;

use tokio::spawn;
use tokio::time::sleep;

use super::serve::metrics::Meter;
use super::{lines, now};
use crate::config::Level;
use crate::connect::class::Class;
use crate::deadline::{Clock, Deadline};
use crate::reconcile::Reconciler;
use crate::reconcile::drain_log::DrainLog;
use crate::roster::RosterError;

/// The time limit of a run: less than the minute after which Lambda's schedule starts the next.
const RUN: Duration = Duration::from_secs(55);

/// The interval between checks for due records.
const REST: Duration = Duration::from_secs(1);

/// Runs the drain until the reconciler [ends](Reconciler::end). A run that did something is logged
/// to standard error, at levels up to `wanted`.
pub(super) async fn drain_forever(reconciler: Arc<Reconciler>, wanted: Level, meter: Arc<Meter>) {
    while !reconciler.is_ending() {
        let own = Arc::clone(&reconciler);
        let run = spawn(async move { own.drain(Clock::set(now()), Deadline::after(RUN)).await });
        // A panic in one run does not stop the later ones.
        let run = run.await.unwrap_or_else(|_| Err(Class::Bug.fault()));
        meter.drained(&run);
        if let Some(line) = DrainLog::of(&run).filter(|line| line.level <= wanted) {
            let line = serde_json::to_string(&line).unwrap_or_default();
            meter.said(&line);
            lines::log(&line);
        }
        if !reconciler.is_ending() {
            sleep(REST).await;
        }
        while !reconciler.is_ending() && !has_work(&reconciler).await {
            sleep(REST).await;
        }
    }
}

/// True if a run would have work: due records, or a backlog flag to clear. Writes nothing, except
/// for the next part of an unfinished group change.
async fn has_work(reconciler: &Reconciler) -> bool {
    let roster = reconciler.roster();
    // While the roster cannot be written, a run could only report that, again and again.
    if roster.health().is_err() {
        return false;
    }
    let is_due = async || Ok(roster.mend(None).await? || !roster.due(now(), 1).await?.is_empty());
    let is_flagged = async || Ok(roster.backlog().await?.is_some());
    // On an error the run repeats the question and reports it.
    let or_trouble = |found: Result<bool, RosterError>| found.unwrap_or(true);
    or_trouble(is_due().await) || or_trouble(is_flagged().await)
}
