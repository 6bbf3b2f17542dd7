use jiff::Timestamp;

/// What came of calls to a provider. A refusal of one customer is an answer, and no failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Calls that have ended.
    pub calls: u64,
    /// Those that the provider didn't answer, or put off.
    pub failures: u64,
    /// When one was last answered.
    pub succeeded_at: Option<Timestamp>,
    /// Until when the provider asked to be left alone.
    pub leave_alone_until: Option<Timestamp>,
}

impl Outcomes {
    /// All of these together.
    pub fn sum<'o>(all: impl IntoIterator<Item = &'o Self>) -> Self {
        all.into_iter().fold(Self::default(), |sum, one| Self {
            calls: sum.calls + one.calls,
            failures: sum.failures + one.failures,
            succeeded_at: sum.succeeded_at.max(one.succeeded_at),
            leave_alone_until: sum.leave_alone_until.max(one.leave_alone_until),
        })
    }
}

/// What came of the calls whose ends were reported within a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteOutcomes {
    /// The minute's beginning.
    pub starts: Timestamp,
    /// What came of them.
    pub outcomes: Outcomes,
}
