use jiff::Timestamp;

use super::{
    CauseSample, HoldReason, Precision, Reason, ReasonCount, RunReport, SampleOf, StageContext,
    causes::{grouped, read_all},
    outside::outside,
};
use crate::{
    entry::{Entry, EntryId, Plan, Progress, StageName},
    feedback::{FeedbackCounts, sum_of},
    ports::{
        Awaited, Clock, Controls, FeedbackLog, Ledger, LedgerError, OpenEntries, OpenKey, RunCounts, RunReports,
        Stages, TallyKey,
    },
    run::RunId,
};

/// Customers without an open entry that are named.
const NAMED: usize = 20;

/// Why it couldn't be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyError {
    /// It isn't a run of everyone.
    #[error("{0} is one customer's repeat, and no run of everyone: ask for the customer, or for the month's run")]
    Repeat(RunId),
    /// It is none of everyone either.
    #[error("{0} is a campaign, and no run of everyone: its own entries are told")]
    Campaign(RunId),
    /// The ledger couldn't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Finds out who is not done in a run, and why. Nothing is written, and no table scanned.
#[derive(Clone, Copy)]
pub struct RunInquiry<'a> {
    /// Entries.
    pub ledger: &'a dyn Ledger,
    /// Counts and lists.
    pub reports: &'a dyn RunReports,
    /// Entries by what they wait for.
    pub open: &'a dyn OpenEntries,
    /// How many mails came to what.
    pub feedback: &'a dyn FeedbackLog,
    /// The stages' control rows.
    pub controls: &'a dyn Controls,
    /// The stages from outside.
    pub stages: &'a dyn Stages,
    /// Tells the moment of what is decided and written.
    pub clock: &'a dyn Clock,
    /// The most entries of each kind that are read in whole, to see what went wrong with them.
    pub limit: usize,
    /// Whether it is asked why customers have no entry in the run. That takes lists of everyone.
    pub in_depth: bool,
}

/// Entries of a stage that are due, as far as they were read.
#[derive(Debug, Default)]
struct Due {
    first: Vec<Entry>,
    again: Vec<Entry>,
    deferred: Vec<Entry>,
}

impl RunInquiry<'_> {
    /// Finds out.
    ///
    /// # Errors
    /// When the run is a repeat or a campaign, or the ledger can't be read.
    pub async fn why(&self, run: RunId) -> Result<RunReport, WhyError> {
        if run.is_repeat() {
            return Err(WhyError::Repeat(run));
        }
        if run.is_campaign() {
            return Err(WhyError::Campaign(run));
        }
        let now = self.clock.now();
        let before = self.reports.read_units();
        let counts = self.reports.run_counts(run, now).await?;
        let mut report = RunReport {
            run,
            at: now,
            roster: counts.roster,
            reasons: Vec::new(),
            unaccounted: 0,
            holders: Vec::new(),
            causes: Vec::new(),
            feedback: self.feedback(run).await?,
            without_entry: Vec::new(),
            read_units: before,
        };
        self.closed(&counts, &mut report).await?;
        for stage in Plan::MONTHLY.steps() {
            let holder = StageContext::look_up(self.controls, self.stages, stage).await?.holder(now);
            let due = self.due(run, stage, &counts, now).await?;
            add_open(&mut report, stage, holder.as_ref(), &counts, &due, now);
            report.holders.extend(holder.map(|holder| (stage, holder)));
            add_troubles(&mut report, stage, &counts, &due);
        }
        self.outside(&counts, &mut report).await?;
        finish(&mut report);
        report.read_units = self.reports.read_units() - before;
        Ok(report)
    }

    /// What the run's mails came to, as far as that was told.
    async fn feedback(&self, run: RunId) -> Result<FeedbackCounts, LedgerError> {
        let hours = self.feedback.feedback_counts(run, Timestamp::UNIX_EPOCH).await?;
        Ok(sum_of(hours.iter().map(|(_, counts)| counts)))
    }

    async fn closed(&self, counts: &RunCounts, report: &mut RunReport) -> Result<(), LedgerError> {
        for (key, &customers) in &counts.closed {
            let reason = match key {
                TallyKey::Sent => Reason::Sent,
                TallyKey::Skipped(reason) => Reason::Skipped(*reason),
                TallyKey::Failed(stage) => {
                    let sample = self.failed(report.run, *stage, customers).await?;
                    report.causes.push(sample);
                    Reason::Failed(*stage)
                }
                TallyKey::Indeterminate => Reason::Unknown,
                TallyKey::Unconfirmed => Reason::Unconfirmed,
                TallyKey::Dropped => Reason::Dropped,
                // Open, or of campaigns alone.
                TallyKey::NotDue | TallyKey::Due(_) | TallyKey::Abandoned | TallyKey::Cancelled => continue,
            };
            report.reasons.push(exact(reason, customers));
        }
        Ok(())
    }

    async fn failed(&self, run: RunId, stage: StageName, entries: u64) -> Result<CauseSample, LedgerError> {
        let ids = self.reports.closed_entries(run, TallyKey::Failed(stage), None, self.limit).await?;
        let read = read_all(self.ledger, ids).await?;
        let causes = grouped(&read, |entry| match entry.progress() {
            Progress::Failed { cause, .. } => Some(cause),
            _ => None,
        });
        Ok(CauseSample { of: SampleOf::Failed, stage, entries, read: read.len() as u64, causes })
    }

    async fn due(&self, run: RunId, stage: StageName, counts: &RunCounts, now: Timestamp) -> Result<Due, LedgerError> {
        let read = async |awaited| {
            if counted(counts, stage, awaited, true) == 0 {
                return Ok(Vec::new());
            }
            let ids = self.open.overdue(stage, awaited, now, self.limit).await?;
            let of_run: Vec<EntryId> = ids.into_iter().filter(|id| id.run == run).collect();
            let mut entries = read_all(self.ledger, of_run).await?;
            entries.retain(|entry| entry.waits_for() == Some(stage));
            Ok::<_, LedgerError>(entries)
        };
        Ok(Due {
            first: read(Awaited::First).await?,
            again: read(Awaited::Again).await?,
            deferred: read(Awaited::Deferred).await?,
        })
    }

    async fn outside(&self, counts: &RunCounts, report: &mut RunReport) -> Result<(), LedgerError> {
        let roster = counts.roster.active + counts.roster.closed;
        let missing = roster.saturating_sub(counts.entries());
        if missing == 0 {
            return Ok(());
        }
        if !self.in_depth {
            report.reasons.push(exact(Reason::NotInRun, missing));
            return Ok(());
        }
        let outside = outside(self.reports, report.run).await?;
        report.reasons.extend([
            exact(Reason::LeftBefore, outside.left_before),
            exact(Reason::InLaterRun, outside.in_later_run),
            exact(Reason::InEarlierRun, outside.in_earlier_run),
            exact(Reason::NoOpenEntry, outside.without_entry.len() as u64),
        ]);
        report.without_entry = outside.without_entry.into_iter().take(NAMED).collect();
        Ok(())
    }
}

fn exact(reason: Reason, customers: u64) -> ReasonCount {
    ReasonCount { reason, customers, precision: Precision::Exact }
}

fn counted(counts: &RunCounts, stage: StageName, awaited: Awaited, is_due: bool) -> u64 {
    counts.open.get(&OpenKey { stage, awaited, is_due }).copied().unwrap_or(0)
}

/// Tells a stage's open entries apart: counted numbers, split by what was read of them.
fn add_open(
    report: &mut RunReport,
    stage: StageName,
    holder: Option<&HoldReason>,
    counts: &RunCounts,
    due: &Due,
    now: Timestamp,
) {
    let count = |awaited, is_due| counted(counts, stage, awaited, is_due);
    // What was just written may have a moment that is ahead of this machine's clock: as good as due.
    let is_first = stage == Plan::MONTHLY.first();
    let first = count(Awaited::First, true) + if is_first { 0 } else { count(Awaited::First, false) };
    let again = count(Awaited::Again, true) + count(Awaited::Again, false);
    let (woken, put_off) = (count(Awaited::Deferred, true), count(Awaited::Deferred, false));
    if is_first {
        report.reasons.push(exact(Reason::NotDue, count(Awaited::First, false)));
    }
    report.reasons.push(exact(Reason::PutOff(stage), put_off));
    if let Some(holder) = holder {
        let held = match holder {
            HoldReason::Breaker { .. } => Reason::Broken(stage),
            HoldReason::Command { .. }
            | HoldReason::Console { .. }
            | HoldReason::Reputation { .. }
            | HoldReason::Unexplained => Reason::Paused(stage),
        };
        report.reasons.push(exact(held, first + again + woken));
        return;
    }
    report.reasons.push(exact(Reason::ToBeWoken(stage), woken));
    add_queued(report, stage, (Reason::Queued(stage), first, &due.first), now);
    add_queued(report, stage, (Reason::QueuedAgain(stage), again, &due.again), now);
}

fn add_queued(report: &mut RunReport, stage: StageName, (queued, all, read): (Reason, u64, &[Entry]), now: Timestamp) {
    let is_in_hand = |entry: &&Entry| entry.lease_until().is_some_and(|until| until > now);
    let in_hand = (read.iter().filter(is_in_hand).count() as u64).min(all);
    let troubled = read.iter().filter(|entry| entry.failure_streak().is_some() && !is_in_hand(entry)).count() as u64;
    let retrying = troubled.min(all - in_hand);
    let (found, left) = if (read.len() as u64) < all {
        (Precision::AtLeast, Precision::AtMost)
    } else {
        (Precision::Exact, Precision::Exact)
    };
    let mut push = |reason, customers, precision| report.reasons.push(ReasonCount { reason, customers, precision });
    push(Reason::InHand(stage), in_hand, found);
    push(Reason::Retrying(stage), retrying, found);
    push(queued, all - in_hand - retrying, left);
}

fn add_troubles(report: &mut RunReport, stage: StageName, counts: &RunCounts, due: &Due) {
    let read: Vec<Entry> = [&due.first, &due.again, &due.deferred].into_iter().flatten().cloned().collect();
    let causes = grouped(&read, |entry| entry.failure_streak().map(|trouble| &trouble.cause));
    if !causes.is_empty() {
        let entries = Awaited::SWEPT.into_iter().map(|awaited| counted(counts, stage, awaited, true)).sum();
        report.causes.push(CauseSample { of: SampleOf::Due, stage, entries, read: read.len() as u64, causes });
    }
}

/// One line for each reason, in their order, and the difference to the roster.
fn finish(report: &mut RunReport) {
    report.reasons.retain(|count| count.customers > 0);
    report.reasons.sort_by_key(|count| count.reason);
    report.reasons.dedup_by(|next, first| {
        let same = next.reason == first.reason;
        if same {
            first.customers += next.customers;
            if next.precision != Precision::Exact {
                first.precision = next.precision;
            }
        }
        same
    });
    let told: u64 = report.reasons.iter().map(|count| count.customers).sum();
    let roster = report.roster.active + report.roster.closed;
    report.unaccounted = i64::try_from(roster).unwrap_or(i64::MAX) - i64::try_from(told).unwrap_or(i64::MAX);
}

impl StageContext {
    /// Looks a stage up. One that can't be looked at is told of by its control row alone.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn look_up(controls: &dyn Controls, stages: &dyn Stages, stage: StageName) -> Result<Self, LedgerError> {
        let control = controls.control(stage).await?;
        let status = stages.status(stage).await;
        let status = status.inspect_err(|error| tracing::warn!(%stage, %error, "couldn't be looked at")).ok();
        Ok(Self { control, status, held_up_at: None })
    }
}
