//! The integration tests: one binary, one module for each subject.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod answers;
mod desk;
mod end_sessions;
mod gateways;
mod house;
mod journey;
mod life;
mod members;
mod okta;
mod papers;
mod recovery;
mod roster;
mod scim;
mod secrets;
mod simulation;
mod startup;
mod trust;
