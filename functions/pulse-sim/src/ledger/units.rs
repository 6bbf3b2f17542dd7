/// `DynamoDB`'s units and calls (Amazon `DynamoDB` Developer Guide, "`DynamoDB` on-demand capacity mode":
/// rows of Pulse are below 1 KB, so a write is one unit and a strongly consistent read is one; a
/// transaction costs double; an index costs a unit for each of its rows that is put or deleted).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerUse {
    /// Read request units, in halves: an eventually consistent read of a row is one half.
    pub half_reads: u64,
    /// Write request units.
    pub writes: u64,
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

/// Rows of a keys-only index on one 4 KB read unit: some 130 bytes each.
const KEYS_PER_UNIT: usize = 31;

impl LedgerUse {
    /// What was used since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            half_reads: self.half_reads - before.half_reads,
            writes: self.writes - before.writes,
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

    /// Eventually consistent queries over `shards` partitions of a keys-only index, which find `rows`.
    pub(super) fn index_query(&mut self, shards: u64, rows: usize) {
        self.queries += shards;
        self.half_reads += shards.max(rows.div_ceil(KEYS_PER_UNIT) as u64);
    }

    pub(super) fn write(&mut self, write: Write, index_rows: u64) {
        self.writes += index_rows;
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
            Write::Alone => self.write(write, 0),
            Write::Transaction => {
                self.transaction();
                self.writes += 4;
            }
        }
    }
}
