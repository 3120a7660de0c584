//! Signed provisioning events become Amazon Connect users.

#[cfg(feature = "standin")]
pub mod standin;
