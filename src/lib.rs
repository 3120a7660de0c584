//! Signed provisioning events become Amazon Connect users.
//!
//! ```text
//! bytes ─▶ Request ─▶ Verified<Request> ─▶ Intent ─▶ Agent ─▶ [Step] ─▶ Applied ─▶ Response ─▶ bytes
//!   http      trust             event       assign    connect::plan  apply   outcome       http
//! ```
//!
//! The modules stand here in the order in which data flows through them; each names types of those
//! before it and never of those after. [`decision`] and [`provisioner`] are where the arrows meet.
//! All are pure, without a clock, an environment, a socket or an AWS type, but for [`connect`]'s
//! `apply` and `session` and what they call, [`deadline`], [`keys`], [`reconcile`], [`provisioner`],
//! [`lambda`], the [`roster`]'s file, the `server`, the `standin`'s door, the `cli` and [`config::of_process`].
//!
//! With a [`roster`] the arrow has a stop on its way: what a sender says is written there, and
//! [`reconcile`] makes Connect follow it, at once or later.

pub mod caseless;
pub mod fault;
mod hex;
mod pack;
mod time;
pub mod http;
pub mod secret;
pub mod near;
pub mod trust;

pub mod json;
pub mod scim;
pub mod event;

pub mod assign;
#[cfg(feature = "aws")]
pub mod deadline;
pub mod connect;
pub mod roster;

pub mod outcome;

pub mod config;
pub mod log;

pub mod decision;
#[cfg(feature = "aws")]
pub mod keys;
#[cfg(feature = "aws")]
pub mod reconcile;
#[cfg(feature = "aws")]
pub mod scim_server;
#[cfg(feature = "aws")]
pub mod provisioner;
#[cfg(feature = "aws")]
pub mod lambda;

#[cfg(feature = "standin")]
pub mod server;
#[cfg(feature = "standin")]
pub mod standin;
#[cfg(feature = "cli")]
pub mod cli;
