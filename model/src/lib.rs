//! A small model of the protocol by which Amazon Connect is made to follow the roster, and a search
//! through every order of its steps.
//!
//! ```text
//! scenario ─▶ state ─▶ transition ─▶ state ─▶ …      explore: breadth first
//!                └─▶ check: what must hold in each state, and in each state at rest
//! ```
//! `docs/model.md` says what is in the model and what is not.

pub mod promise;
pub mod rules;
pub mod scenario;
pub mod connect;
pub mod record;
pub mod worker;
pub mod state;
pub mod transition;
pub mod check;
pub mod explore;
pub mod report;
