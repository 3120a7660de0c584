//! Amazon Connect in memory: the operations on users, their rules and their failures, behind a real
//! socket.
//!
//! The stand-in is the test double, the demo and the development server in one. It is spoken to by
//! the real SDK, so that signing, serialising, retrying and reading errors are tested too; no trait
//! and no mock stands for Connect anywhere.
//!
//! [`World`] is the whole of it: a pure state machine, given each request with the time it came.
//! [`serve`] puts it behind a listener. It starts calm (no lag, no 404 window, no faults);
//! [`Settings`] and, while it runs, `PUT /_standin` change that:
//!
//! ```json
//! {"lag": 2, "notFound": 1.5, "quota": 3, "throttle": false, "slowMs": 200, "reset": true,
//!  "signIn": ["maria.garcia@example.com"],
//!  "faults": {"CreateUser": ["500-after", "drop", "ThrottlingException"]},
//!  "always": {"DeleteAllEntitySessions": "denied", "DeleteUser": null}}
//! ```
//!
//! Every member is optional. `reset` forgets users, sessions, calls, requests and faults, and comes
//! before the rest. Each of `signIn`, a user's id or username, begins a session. Faults wait in a
//! queue for each operation; each befalls one call: [`named_faults`], or an error by its name. The one
//! of `always` befalls every call for which none waits, until it is `null`.
//!
//! `GET /_standin` shows users (as `DescribeUser` does), how many sessions each user has by id (those
//! of the deleted too), calls counted by operation, the last 100 requests, the settings and the faults
//! to come. Anyone who reaches the listener may use it: keep it on the loopback interface.
//!
//! The rules are those of the API Reference and the service model (botocore 1.44,
//! `connect/2017-08-08`); where they contradict each other the rule's comment says what was chosen.

mod uuid;

mod api_error;

mod fault;
mod journal;
mod settings;
mod signature;
mod throttle;

mod call;
mod page;

mod create_user;
mod kept;
mod pattern;

mod phone;

mod rules;

mod condition;
mod directory;

mod instance;

mod search;
mod sessions;
mod tags;
mod users;

mod update_user;

mod operation;

mod control;

mod world;

mod door;

#[cfg(test)]
mod story;

pub use directory::Directory;
pub use door::serve;
pub use fault::named_faults;
pub use settings::{IdentityManagement, Settings};
pub use world::{Reply, World};
