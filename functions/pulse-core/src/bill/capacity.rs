//! What a table with provisioned capacity is charged for.

use serde::Serialize;

/// Units of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Units {
    /// Read capacity units: as many strongly consistent reads of 4 KB.
    pub reads: u32,
    /// Write capacity units: as many writes of 1 KB.
    pub writes: u32,
}

/// The provisioned capacity of the table and its two indexes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TableCapacity {
    /// The table's own.
    pub table: Units,
    /// That of the index of what is open.
    pub open: Units,
    /// That of the index of what is closed, and of the roster.
    pub tally: Units,
    /// Up to how many units the reads of the table and all writes are scaled; none, if nothing scales them.
    pub most: Option<u32>,
    /// The share that is to be used of what is provisioned, where it is scaled.
    pub target: f64,
}

/// Read units that a tick takes at once for counting a run: what both indexes have saved up by then, and had since the count before.
pub const COUNTED_AT_ONCE: u32 = 2_500;

/// Alarms of CloudWatch that scaling makes for itself: for each of four kinds of capacity two by which it scales, and two that
/// tell it of changes that somebody else made.
pub const SCALING_ALARMS: u32 = 4 * 4;

impl TableCapacity {
    /// As in template.yaml: what is free of charge, shared out as a month uses it.
    pub const SHIPPED: Self = Self {
        table: Units { reads: 9, writes: 13 },
        open: Units { reads: 6, writes: 9 },
        tally: Units { reads: 10, writes: 3 },
        most: Some(1_000),
        target: 0.7,
    };
}

/// Units that were provisioned, each for an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CapacityHours {
    /// Of reads.
    pub reads: u64,
    /// Of writes.
    pub writes: u64,
}

/// Units of each kind that are free of charge, in every hour ("`DynamoDB` pricing": "25 WCUs and 25 RCUs of provisioned capacity",
/// of an account in a Region).
pub(super) const FREE_UNITS: u64 = 25;
