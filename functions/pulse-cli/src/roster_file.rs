//! Roster files.
