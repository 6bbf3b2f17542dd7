//! `pulse`: enrol customers, see where they stand, and try the whole of Pulse on this machine.

pub mod local;
pub mod roster_file;
pub mod standins;
