//! Amazon Connect in memory.
