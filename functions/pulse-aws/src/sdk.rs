//! AWS SDK clients.
