//! The integration tests: one binary, one module for each subject.

mod answers;
mod house;
mod journey;
mod startup;
mod trust;
