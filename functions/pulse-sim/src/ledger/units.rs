/// `DynamoDB`'s units and calls (Amazon `DynamoDB` Developer Guide, "`DynamoDB` on-demand capacity mode":
/// rows of Pulse are below 1 KB, so a write is one unit and a strongly consistent read is one; a
/// transaction costs double; an index costs a unit for each of its rows that is put or deleted).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerUse {
    /// Read request units, in halves: an eventually consistent read of a row is one half.
    pub half_reads: u64,
    /// Write request units.
    pub writes: u64,
    /// Halves of read units that the index of what is open took of these.
    pub open_half_reads: u64,
    /// Write units that it took.
    pub open_writes: u64,
    /// Halves of read units that the index of what is closed took, which holds the roster too.
    pub tally_half_reads: u64,
    /// Write units that it took.
    pub tally_writes: u64,
    /// `GetItem` calls.
    pub gets: u64,
    /// `Query` calls.
    pub queries: u64,
    /// `PutItem` calls.
    pub puts: u64,
    /// `TransactWriteItems` calls.
    pub transactions: u64,
}

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// By `PutItem`.
    Alone,
    /// As one of two in a transaction.
    Transaction,
}

/// An index of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    /// Of what is open.
    Open,
    /// Of what is closed, and of the roster.
    Tally,
}

/// Rows of the indexes that are put or deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IndexRows {
    pub(super) open: u64,
    pub(super) tally: u64,
}

impl IndexRows {
    pub(super) const NONE: Self = Self { open: 0, tally: 0 };

    pub(super) const fn open(rows: u64) -> Self {
        Self { open: rows, tally: 0 }
    }

    pub(super) const fn tally(rows: u64) -> Self {
        Self { open: 0, tally: rows }
    }
}

/// Rows of a keys-only index on one 4 KB read unit: some 130 bytes each.
const KEYS_PER_UNIT: usize = 31;

impl LedgerUse {
    /// What was used since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            half_reads: self.half_reads - before.half_reads,
            writes: self.writes - before.writes,
            open_half_reads: self.open_half_reads - before.open_half_reads,
            open_writes: self.open_writes - before.open_writes,
            tally_half_reads: self.tally_half_reads - before.tally_half_reads,
            tally_writes: self.tally_writes - before.tally_writes,
            gets: self.gets - before.gets,
            queries: self.queries - before.queries,
            puts: self.puts - before.puts,
            transactions: self.transactions - before.transactions,
        }
    }

    pub(super) fn read(&mut self, rows: u64) {
        self.gets += 1;
        self.half_reads += 2 * rows;
    }

    /// An eventually consistent read of so many times 4 KB.
    pub(super) fn soon(&mut self, units: u64) {
        self.gets += 1;
        self.half_reads += units;
    }

    /// A write of a row that has no index rows and so many kilobytes.
    pub(super) fn large_write(&mut self, kilobytes: u64) {
        self.puts += 1;
        self.writes += kilobytes;
    }

    /// A strongly consistent query of whole rows, some 400 bytes each.
    pub(super) fn query(&mut self, rows: usize) {
        self.queries += 1;
        self.half_reads += 2 * (rows as u64).div_ceil(10).max(1);
    }

    /// Halves of read units of eventually consistent queries over `shards` partitions of a keys-only index, which find `rows`.
    pub(super) fn of_index_query(shards: u64, rows: usize) -> u64 {
        shards.max(rows.div_ceil(KEYS_PER_UNIT) as u64)
    }

    /// Eventually consistent queries over `shards` partitions of a keys-only index, which find `rows`.
    pub(super) fn index_query(&mut self, index: Index, shards: u64, rows: usize) {
        self.queries += shards;
        let half_reads = Self::of_index_query(shards, rows);
        self.half_reads += half_reads;
        match index {
            Index::Open => self.open_half_reads += half_reads,
            Index::Tally => self.tally_half_reads += half_reads,
        }
    }

    pub(super) fn write(&mut self, write: Write, index_rows: IndexRows) {
        self.writes += index_rows.open + index_rows.tally;
        self.open_writes += index_rows.open;
        self.tally_writes += index_rows.tally;
        match write {
            Write::Alone => {
                self.puts += 1;
                self.writes += 1;
            }
            Write::Transaction => self.writes += 2,
        }
    }

    pub(super) fn transaction(&mut self) {
        self.transactions += 1;
    }

    /// A write whose condition doesn't hold is paid for too.
    pub(super) fn refused(&mut self, write: Write) {
        match write {
            Write::Alone => self.write(write, IndexRows::NONE),
            Write::Transaction => {
                self.transaction();
                self.writes += 4;
            }
        }
    }
}
