//! What each operation costs.
