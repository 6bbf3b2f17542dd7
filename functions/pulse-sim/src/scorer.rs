//! The scorer in memory.
