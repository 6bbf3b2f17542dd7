//! The mailer in memory.
