use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::{
    control::{MinuteOutcomes, Outcomes},
    entry::{EntryId, StageName},
    failure::Cause,
    feedback::FeedbackSource,
    ports::{
        Accepted, Clock, CourierError, LedgerError, Mail, MailLookup, Mailer, OutcomeLog, Partner, PartnerAnswer,
        PartnerError, PartnerRequest, Recall, ScoreError, ScoreRequest, Scorer, SendError,
    },
    run::RunId,
    score::Score,
};

/// So many refusals one after the other are believed, with no answer between them.
const BELIEVED_IN_A_ROW: u32 = 5;

/// What is reported together.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// How long another call's answer stands for whom is called: longer than a partner may put off all that is left of a campaign.
const ANSWER_STANDS: Duration = Duration::from_hours(2);

/// Counts what comes of an invocation's calls to its provider.
#[derive(Debug, Default)]
pub struct Meter(Mutex<MeterReading>);

/// What a meter has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeterReading {
    /// What came of the calls that aren't reported yet.
    pub outcomes: Outcomes,
    /// What came of those that are.
    pub reported: Outcomes,
    /// How many of the last calls failed, without one between them that was answered.
    pub failed_in_a_row: u32,
    /// How many of the last calls were refused, believed or not, without one between them that was answered.
    pub refused_in_a_row: u32,
    /// How long the calls took.
    pub latencies: Vec<Duration>,
    /// The most that were under way at once.
    pub peak: u32,
    /// Those that are under way now.
    pub under_way: u32,
}

impl MeterReading {
    /// This and another's, of whoever else was called meanwhile.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        Self {
            outcomes: Outcomes::sum([&self.outcomes, &other.outcomes]),
            reported: Outcomes::sum([&self.reported, &other.reported]),
            failed_in_a_row: self.failed_in_a_row.max(other.failed_in_a_row),
            refused_in_a_row: self.refused_in_a_row.max(other.refused_in_a_row),
            latencies: self.latencies,
            peak: self.peak + other.peak,
            under_way: self.under_way + other.under_way,
        }
    }
}

impl MeterReading {
    /// With all calls in one sum, at an invocation's end.
    #[must_use]
    pub(super) fn whole(self) -> Self {
        let outcomes = Outcomes::sum([&self.reported, &self.outcomes]);
        Self { outcomes, reported: Outcomes::default(), ..self }
    }
}

impl Meter {
    /// Counts a call that brings word to an endpoint.
    pub(super) async fn of_word(
        &self,
        clock: &dyn Clock,
        call: impl Future<Output = Result<(), CourierError>>,
    ) -> Result<(), CourierError> {
        let begun = self.begin(clock.now());
        let answer = call.await;
        let outcome = match &answer {
            Ok(()) => CallOutcome::Answered { sent: false },
            Err(CourierError::Gone { .. } | CourierError::Rejected { .. }) => CallOutcome::Refused,
            Err(CourierError::Retry { after, cause }) => {
                CallOutcome::Failed { leave_alone: *after, cause: cause.clone() }
            }
        };
        begun.end(clock.now(), outcome);
        answer
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> MeterReading {
        self.reading().clone()
    }

    /// What was counted since it was last taken: from now on it counts anew.
    #[must_use]
    pub fn take(&self) -> MeterReading {
        let mut reading = self.reading();
        let under_way = reading.under_way;
        std::mem::replace(&mut *reading, MeterReading { under_way, peak: under_way, ..MeterReading::default() })
    }

    /// What came of the calls since this was last asked for, to be reported. All else goes on being counted.
    pub(super) fn take_outcomes(&self) -> Outcomes {
        let mut reading = self.reading();
        let outcomes = std::mem::take(&mut reading.outcomes);
        reading.reported = Outcomes::sum([&reading.reported, &outcomes]);
        outcomes
    }

    /// How many of the last calls failed, without one between them that was answered.
    #[must_use]
    pub fn failed_in_a_row(&self) -> u32 {
        self.reading().failed_in_a_row
    }

    /// Counts a refusal, before it is known whether it is believed: others of the invocation ask meanwhile.
    fn refused(&self) -> MeterReading {
        let mut reading = self.reading();
        reading.refused_in_a_row += 1;
        reading.clone()
    }

    fn begin(&self, now: Timestamp) -> Call<'_> {
        let mut reading = self.reading();
        reading.under_way += 1;
        reading.peak = reading.peak.max(reading.under_way);
        Call { meter: self, began: now }
    }

    fn reading(&self) -> MutexGuard<'_, MeterReading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way, until it is dropped. One that a panic unwound says nothing of its provider.
struct Call<'m> {
    meter: &'m Meter,
    began: Timestamp,
}

impl Call<'_> {
    fn end(self, now: Timestamp, outcome: CallOutcome) {
        if matches!(outcome, CallOutcome::NotCounted) {
            return;
        }
        let mut reading = self.meter.reading();
        let took = Duration::try_from(now.duration_since(self.began)).unwrap_or_default();
        reading.latencies.push(took);
        reading.outcomes.took += took;
        reading.outcomes.calls += 1;
        match outcome {
            CallOutcome::Answered { sent } => {
                reading.failed_in_a_row = 0;
                reading.refused_in_a_row = 0;
                reading.outcomes.succeeded_at = Some(now);
                reading.outcomes.sent += u64::from(sent);
            }
            CallOutcome::Failed { leave_alone, cause } => {
                reading.outcomes.causes.add(&cause);
                reading.failed_in_a_row += 1;
                reading.outcomes.failures += 1;
                let until = leave_alone.map(|wait| now.saturating_add(wait).unwrap_or(Timestamp::MAX));
                reading.outcomes.leave_alone_until = reading.outcomes.leave_alone_until.max(until);
            }
            CallOutcome::Refused => {
                reading.failed_in_a_row = 0;
                reading.outcomes.refused += 1;
            }
            CallOutcome::NotCounted => {}
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut reading = self.meter.reading();
        reading.under_way = reading.under_way.saturating_sub(1);
    }
}

#[derive(Clone)]
enum CallOutcome {
    Answered {
        /// Whether the provider has a mail of the month's run now.
        sent: bool,
    },
    Failed {
        leave_alone: Option<Duration>,
        cause: Cause,
    },
    /// Who is called is there, and doesn't take this one.
    Refused,
    /// It says nothing of whether the provider does its work, or the adapter knew without a call.
    NotCounted,
}

impl CallOutcome {
    fn of_send<T>(result: &Result<T, SendError>, run: RunId, now: Timestamp) -> Self {
        match result {
            Ok(_) => Self::Answered { sent: run == RunId::current(now) },
            Err(SendError::Fail { .. } | SendError::AddressRefused { .. }) => Self::Answered { sent: false },
            Err(SendError::Retry { after, cause }) => Self::Failed { leave_alone: *after, cause: cause.clone() },
            Err(SendError::Lost { cause }) => Self::Failed { leave_alone: None, cause: cause.clone() },
        }
    }
}

/// A scoring provider whose calls are counted.
pub struct MeteredScorer {
    /// The provider.
    pub scorer: Arc<dyn Scorer>,
    /// What counts.
    pub meter: Arc<Meter>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Scorer for MeteredScorer {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let call = self.meter.begin(self.clock.now());
        let answer = self.scorer.score(request).await;
        let outcome = match &answer {
            Ok(_) | Err(ScoreError::Fail { .. }) => CallOutcome::Answered { sent: false },
            Err(ScoreError::Retry { after, cause }) => {
                CallOutcome::Failed { leave_alone: *after, cause: cause.clone() }
            }
        };
        call.end(self.clock.now(), outcome);
        answer
    }
}

/// A campaign's partner whose calls are counted.
///
/// It is believed that it refuses an entry while it answers others. One that refuses all is taken to be out of order, as where its
/// URL is mistaken: it would have failed a whole campaign within seconds, and what is closed of a campaign stays so.
pub struct MeteredPartner {
    /// The partner.
    pub partner: Arc<dyn Partner>,
    /// What counts.
    pub meter: Arc<Meter>,
    /// Where all invocations report.
    pub log: Arc<dyn OutcomeLog>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
}

impl MeteredPartner {
    async fn is_refusal_believed(&self) -> bool {
        let reading = self.meter.refused();
        if reading.refused_in_a_row > BELIEVED_IN_A_ROW {
            return false;
        }
        reading.outcomes.succeeded_at.is_some()
            || reading.reported.succeeded_at.is_some()
            || self.answers_others().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "couldn't ask whether the partner answers others");
                false
            })
    }

    async fn answers_others(&self) -> Result<bool, LedgerError> {
        let from = self.clock.now().saturating_sub(ANSWER_STANDS).unwrap_or(Timestamp::MIN);
        let minutes = self.log.minutes(StageName::Call, from).await?;
        let Some(last) = minutes.iter().filter_map(|minute| minute.outcomes.succeeded_at).max() else {
            return Ok(false);
        };
        // What was refused within the minute of the last answer came before or after it: where most are answered, before.
        let is_since = |minute: &&MinuteOutcomes| minute.starts + MINUTE > last;
        let since = Outcomes::sum(minutes.iter().filter(is_since).map(|minute| &minute.outcomes));
        let answered = since.calls.saturating_sub(since.failures + since.refused);
        Ok(since.refused < u64::from(BELIEVED_IN_A_ROW) + answered / 4)
    }
}

#[async_trait]
impl Partner for MeteredPartner {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let call = self.meter.begin(self.clock.now());
        let answer = self.partner.ask(request).await;
        let answer = match answer {
            Err(PartnerError::Fail { cause }) if !self.is_refusal_believed().await => {
                let cause = Cause::new(format!("{cause} It has answered no others lately."));
                Err(PartnerError::Retry { after: None, cause })
            }
            answer => answer,
        };
        let outcome = match &answer {
            // Whoever isn't ready works.
            Ok(_) => CallOutcome::Answered { sent: false },
            Err(PartnerError::Fail { .. }) => CallOutcome::Refused,
            Err(PartnerError::Retry { after, cause }) => {
                CallOutcome::Failed { leave_alone: *after, cause: cause.clone() }
            }
        };
        call.end(self.clock.now(), outcome);
        answer
    }
}

/// An email provider whose calls are counted.
pub struct MeteredMailer {
    /// The provider.
    pub mailer: Arc<dyn Mailer>,
    /// What counts.
    pub meter: Arc<Meter>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Mailer for MeteredMailer {
    fn source(&self) -> FeedbackSource {
        self.mailer.source()
    }

    fn recall(&self) -> Recall {
        self.mailer.recall()
    }

    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let call = self.meter.begin(self.clock.now());
        let answer = self.mailer.send(mail).await;
        let now = self.clock.now();
        call.end(now, CallOutcome::of_send(&answer, mail.entry.run, now));
        answer
    }

    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        let call = self.meter.begin(self.clock.now());
        let answer = self.mailer.look_up(entry).await;
        let now = self.clock.now();
        let outcome = match &answer {
            // A provider that takes no mail may still tell so. Counted as answers, these would outweigh its failures.
            Ok(MailLookup::SafeToSend | MailLookup::CannotTell(_)) => CallOutcome::NotCounted,
            asked => CallOutcome::of_send(asked, entry.run, now),
        };
        call.end(now, outcome);
        answer
    }
}
