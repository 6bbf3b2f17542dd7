use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use foldhash::fast::FixedState;
use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, EmailAddress},
    entry::{EntryId, ItemId},
    failure::Cause,
    feedback::FeedbackSource,
    ports::{
        Accepted, CampaignMail, Letter, Mail, MailLookup, Mailer, Recall, RenderError, Rendered, Renderer, SendError,
    },
    run::RunId,
    score::Score,
    stage::StageName,
};

use super::{
    build::World,
    connections::ConnectionPools,
    faults::{ActiveFaults, Down, ProviderFaults},
    feedback::{Recipients, Sent},
    invariants::{InvariantChecker, Promise},
    lanes::{LaneUse, ProviderLanes},
    scoring::REFUSAL,
    settings::{Latency, SimulatedMailProvider},
    trace::Trace,
};
use crate::{lambda::Environment, ledger::MemoryLedger, mailer::CANNOT_BE_ASKED, random::Stream, time::VirtualTime};

/// How long an idempotency key is remembered at least (Marketing Cloud Engagement, "Transactional
/// Messaging API": two to three days).
const KEYS_REMEMBERED: Duration = Duration::from_hours(48);

/// How long Pulse trusts it to know a key: a while less, as its moments aren't the provider's.
const KEYS_TRUSTED: Duration = Duration::from_hours(46);

/// How long a mail can be asked for.
const MAILS_TOLD: Duration = Duration::from_hours(72);

/// How long a stage may take from reading a profile to handing over the mail: it may have to ask for an
/// earlier one in between.
pub(super) const READ_TO_SEND: Duration = Duration::from_mins(1);

/// The email provider, slow, and at times out of order. Keeps its own record of what it accepted.
#[derive(Clone)]
pub struct SimMailer {
    pub(super) time: VirtualTime,
    pub(super) random: Arc<Stream>,
    pub(super) faults: Arc<ActiveFaults>,
    pub(super) latency: Latency,
    /// After how long the client gives up.
    pub(super) timeout: Duration,
    /// The connections that its client keeps, in each environment.
    pub(super) connections: ConnectionPools,
    pub(super) provider: SimulatedMailProvider,
    pub(super) lanes: ProviderLanes,
    pub(super) trace: Trace,
    pub(super) checker: InvariantChecker,
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) recipients: Recipients,
    pub(super) records: Arc<Mutex<Records>>,
}

/// What the provider accepted, and who wants none.
#[derive(Default)]
pub(super) struct Records {
    /// What it was asked to send, and what it accepted of that.
    asked: HashMap<MailKey, Option<Acceptance>, FixedState>,
    /// Runs and items by number: there are few of them, and millions of mails.
    within: Vec<(RunId, Option<ItemId>)>,
    mails: u64,
    last: Option<Timestamp>,
    /// Since when they have left or opted out.
    unfit: HashMap<CustomerId, Timestamp>,
    /// Whose address was changed: to which, when.
    moved: HashMap<CustomerId, (Timestamp, EmailAddress)>,
}

/// Whose mail it is, and the number of its run and item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct MailKey {
    customer: CustomerId,
    within: u32,
}

/// What was accepted for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Acceptance {
    first: Timestamp,
    mails: u32,
    number: u32,
}

impl Records {
    /// What was accepted for an entry, if anything was, where it was asked for.
    fn of(&self, entry: &EntryId) -> Option<&Option<Acceptance>> {
        let within = self.within.iter().position(|within| *within == (entry.run, entry.item))?;
        let within = u32::try_from(within).ok()?;
        self.asked.get(&MailKey { customer: entry.customer.clone(), within })
    }

    fn accepted(&self, entry: &EntryId) -> Option<Acceptance> {
        self.of(entry).copied().flatten()
    }

    /// The same, to be written down.
    fn put(&mut self, entry: &EntryId) -> &mut Option<Acceptance> {
        let of_entry = (entry.run, entry.item);
        let within = self.within.iter().position(|within| *within == of_entry).unwrap_or_else(|| {
            self.within.push(of_entry);
            self.within.len() - 1
        });
        let within = u32::try_from(within).expect("fewer than 2^32 items");
        self.asked.entry(MailKey { customer: entry.customer.clone(), within }).or_default()
    }
}

impl Acceptance {
    fn receipt(self) -> Accepted {
        Accepted { provider_id: format!("sim-{}", self.number) }
    }
}

impl SimMailer {
    /// How its lanes were used so far.
    #[must_use]
    pub fn lanes(&self) -> LaneUse {
        self.lanes.used()
    }

    /// Mails that were accepted, doubles included.
    #[must_use]
    pub fn mails(&self) -> u64 {
        self.records().mails
    }

    /// When the last mail was accepted.
    #[must_use]
    pub fn last_mail(&self) -> Option<Timestamp> {
        self.records().last
    }

    /// Those who get its mails.
    #[must_use]
    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// How many mails were accepted for an entry, and not dropped.
    #[must_use]
    pub fn mails_of(&self, entry: &EntryId) -> u32 {
        self.records().accepted(entry).map_or(0, |accepted| accepted.mails)
    }

    /// Calls `look` with every entry that has mails, and how many.
    pub fn for_each_accepted(&self, mut look: impl FnMut(&EntryId, u32)) {
        let records = self.records();
        for (MailKey { customer, within }, accepted) in &records.asked {
            if let Some(accepted) = accepted {
                let (run, item) = records.within[*within as usize];
                look(&EntryId { customer: customer.clone(), run, item }, accepted.mails);
            }
        }
    }

    /// The provider's own id of an entry's mail, as an operator looks it up.
    #[must_use]
    pub fn look_up(&self, entry: &EntryId) -> Option<String> {
        let accepted = self.records().accepted(entry);
        accepted.filter(|accepted| accepted.mails > 0).map(|accepted| accepted.receipt().provider_id)
    }

    /// Whether the provider was ever asked to send an entry's mail.
    #[must_use]
    pub fn was_asked(&self, entry: &EntryId) -> bool {
        self.records().of(entry).is_some()
    }

    /// Whether it accepted mails of an entry, and dropped all of them.
    #[must_use]
    pub fn dropped_all(&self, entry: &EntryId) -> bool {
        self.records().accepted(entry).is_some_and(|accepted| accepted.mails == 0)
    }

    /// From now on, this customer may get mail, or not.
    pub(super) fn set_fit(&self, customer: &CustomerId, fit: bool) {
        let mut records = self.records();
        if fit {
            records.unfit.remove(customer);
        } else {
            records.unfit.entry(customer.clone()).or_insert(self.time.now());
        }
    }

    /// From now on, this customer's mail goes there.
    pub(super) fn set_address(&self, customer: &CustomerId, address: EmailAddress) {
        self.records().moved.insert(customer.clone(), (self.time.now(), address));
    }

    fn faults(&self) -> ProviderFaults {
        self.faults.now().providers[StageName::Email]
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, entry: &EntryId, to: &EmailAddress) -> Accepted {
        let now = self.time.now();
        let mut records = self.records();
        let number = u32::try_from(records.mails).expect("fewer than 2^32 mails");
        let known = records.accepted(entry);
        if let Some(known) = known
            && self.provider == SimulatedMailProvider::Deduplicating
            && age(now, known.first) <= KEYS_REMEMBERED
        {
            return known.receipt();
        }
        records.mails += 1;
        records.last = Some(now);
        let new = Acceptance { first: now, mails: 0, number };
        let sent = self.recipients.take(entry, to, &new.receipt().provider_id);
        let acceptance = records.put(entry).get_or_insert(new);
        acceptance.mails += u32::from(sent == Sent::Yes);
        let (mails, accepted) = (acceptance.mails, acceptance.receipt());
        drop(records);
        if mails > 1 {
            let what = format!("{entry} has {mails} mails");
            self.checker.saw(Promise::OneMail, Some(&entry.customer), now, what);
        }
        self.trace.line(now, || format!("{entry} is mailed ({mails})"));
        accepted
    }

    fn look_at(&self, mail: &Mail) {
        let now = self.time.now();
        let (customer, run) = (&mail.entry.customer, mail.entry.run);
        if run.is_campaign()
            && let Err(when) = World::may_begin_in(self.ledger.peek_campaign(run).as_ref(), now, READ_TO_SEND)
        {
            let what = format!("a mail of {} is begun {when}", mail.entry);
            self.checker.saw(Promise::CampaignsHold, Some(customer), now, what);
        }
        let records = self.records();
        if records.unfit.get(customer).is_some_and(|since| age(now, *since) > READ_TO_SEND) {
            let what = format!("{} is mailed to someone who wants none", mail.entry);
            self.checker.saw(Promise::RightMail, Some(customer), now, what);
        }
        if let Some((since, address)) = records.moved.get(customer)
            && *address != mail.to
            && age(now, *since) > READ_TO_SEND
        {
            let what = format!("{} is mailed to an address that was changed", mail.entry);
            self.checker.saw(Promise::RightMail, Some(customer), now, what);
        }
    }

    /// An accepted mail whose answer never comes, or comes when nobody listens any more.
    fn accept_later(&self, mail: &Mail, after: Duration) {
        let (this, entry, to) = (self.clone(), mail.entry.clone(), mail.to.clone());
        let _ = self.time.spawn(async move {
            this.time.sleep(after).await;
            this.accept(&entry, &to);
        });
    }

    /// Hands a mail over, on a connection of an earlier call if one was kept. One that is dead takes the mail nowhere, and
    /// the client can't know.
    async fn over_some_connection(&self, mail: &Mail, environment: Option<Environment>) -> Result<Accepted, SendError> {
        let Some(environment) = environment else { return self.hand_over(mail).await };
        if self.connections.take(environment, self.time.now()) {
            self.time.sleep(REFUSAL).await;
            let (now, entry) = (self.time.now(), &mail.entry);
            let what = format!("the answer to {entry} is lost on a connection that died while the function was frozen");
            self.checker.saw(Promise::NoDeadConnections, Some(&entry.customer), now, what);
            return Err(lost());
        }
        let answer = self.hand_over(mail).await;
        if !matches!(answer, Err(SendError::Lost { .. })) {
            self.connections.give_back(environment, self.time.now());
        }
        answer
    }

    async fn hand_over(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let faults = self.faults();
        if let Some(down) = faults.down {
            return self.out_of_order(mail, down).await;
        }
        let takes = faults.stretched(self.random.lognormal(self.latency.mean, self.latency.sigma));
        let half = takes / 2;
        if self.random.chance(faults.late) {
            self.accept_later(mail, self.timeout + self.random.between(Duration::ZERO, Duration::from_mins(10)));
            return self.no_answer().await;
        }
        if half >= self.timeout {
            self.accept_later(mail, half);
            return self.no_answer().await;
        }
        self.time.sleep(half).await;
        self.arrived(mail, faults, takes).await
    }

    async fn arrived(&self, mail: &Mail, faults: ProviderFaults, takes: Duration) -> Result<Accepted, SendError> {
        let half = takes / 2;
        if self.random.chance(faults.retry) {
            self.time.sleep(half.min(REFUSAL)).await;
            return Err(SendError::Retry { after: None, cause: Cause::new("The provider is busy.") });
        }
        if self.random.chance(faults.fail) {
            self.time.sleep(half.min(REFUSAL)).await;
            return Err(SendError::Fail { cause: Cause::new("The provider refuses the mail.") });
        }
        let accepted = self.accept(&mail.entry, &mail.to);
        if takes > self.timeout || self.random.chance(faults.answer_lost) {
            self.time.sleep(self.timeout.saturating_sub(half)).await;
            return Err(lost());
        }
        self.time.sleep(half).await;
        Ok(accepted)
    }

    async fn out_of_order(&self, mail: &Mail, down: Down) -> Result<Accepted, SendError> {
        match down {
            Down::Hanging => return self.no_answer().await,
            Down::Refusing | Down::Limiting(_) | Down::Failing => self.time.sleep(REFUSAL).await,
        }
        match down {
            Down::Limiting(after) => {
                let cause = Cause::new("The provider asks to be left alone.");
                Err(SendError::Retry { after: Some(after), cause })
            }
            Down::Failing => {
                if self.random.chance(0.5) {
                    self.accept(&mail.entry, &mail.to);
                }
                Err(lost())
            }
            Down::Refusing | Down::Hanging => {
                Err(SendError::Retry { after: None, cause: Cause::new("The provider is down.") })
            }
        }
    }

    async fn no_answer(&self) -> Result<Accepted, SendError> {
        self.time.sleep(self.timeout).await;
        Err(lost())
    }
}

/// The email provider, as a client has it that runs in an environment.
pub(super) struct SimMailerAt {
    pub(super) mailer: Arc<SimMailer>,
    /// Where the client runs, if in a function.
    pub(super) environment: Option<Environment>,
}

#[async_trait]
impl Mailer for SimMailer {
    fn source(&self) -> FeedbackSource {
        self.recipients.source()
    }

    fn recall(&self) -> Recall {
        match self.provider {
            SimulatedMailProvider::Deduplicating => Recall::ByKey { known_for: KEYS_TRUSTED },
            SimulatedMailProvider::Forgetful => Recall::None { advice: CANNOT_BE_ASKED },
        }
    }

    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        self.send_from(mail, None).await
    }

    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        self.ask_for(entry).await
    }
}

#[async_trait]
impl Mailer for SimMailerAt {
    fn source(&self) -> FeedbackSource {
        self.mailer.source()
    }

    fn recall(&self) -> Recall {
        self.mailer.recall()
    }

    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        self.mailer.send_from(mail, self.environment).await
    }

    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        self.mailer.ask_for(entry).await
    }
}

impl SimMailer {
    async fn send_from(&self, mail: &Mail, environment: Option<Environment>) -> Result<Accepted, SendError> {
        let _lane = self.lanes.enter();
        self.look_at(mail);
        self.recipients.watch.look_at(mail);
        self.records().put(&mail.entry);
        let answer = self.over_some_connection(mail, environment).await;
        let outcome = match &answer {
            Ok(_) => "accepted",
            Err(SendError::Retry { .. }) => "retry",
            Err(SendError::Fail { .. }) => "fail",
            Err(SendError::AddressRefused { .. }) => "refused",
            Err(SendError::Lost { .. }) => "lost",
        };
        self.trace.event(self.time.now(), format_args!("{} send {outcome}", mail.entry));
        if let Err(error) = &answer {
            self.trace.line(self.time.now(), || format!("{} isn't known to be mailed: {error}", mail.entry));
        }
        answer
    }

    /// Asking is a call to the provider too: it takes a lane.
    async fn ask_for(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        if self.provider == SimulatedMailProvider::Forgetful {
            return Ok(MailLookup::CannotTell(Cause::new(CANNOT_BE_ASKED)));
        }
        let _lane = self.lanes.enter();
        self.time.sleep(REFUSAL).await;
        if let Some(down) = self.faults().down {
            if down == Down::Hanging {
                self.time.sleep(self.timeout).await;
            }
            return Err(SendError::Retry { after: None, cause: Cause::new("The provider can't be asked now.") });
        }
        let now = self.time.now();
        let known = self.records().accepted(entry);
        self.trace.event(now, format_args!("{entry} asked {}", known.is_some()));
        let known = known.filter(|known| age(now, known.first) <= MAILS_TOLD);
        Ok(known.map_or(MailLookup::SafeToSend, |known| MailLookup::Accepted(known.receipt())))
    }
}

fn lost() -> SendError {
    SendError::Lost { cause: Cause::new("The provider's answer was lost.") }
}

fn age(now: Timestamp, since: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// Writes letters of few words, and sees to it that none shows an old score.
#[derive(Clone)]
pub(super) struct ShortLetters {
    pub(super) time: VirtualTime,
    pub(super) checker: InvariantChecker,
    pub(super) score_max_age: Duration,
}

impl ShortLetters {
    fn write(&self, customer: &CustomerId, score: Option<&Score>) -> Rendered {
        let now = self.time.now();
        // The stage may have looked at its clock a few calls earlier.
        let allowed = self.score_max_age + Duration::from_mins(2);
        let age = score.and_then(|score| Duration::try_from(now.duration_since(score.as_of)).ok()).unwrap_or_default();
        if age > allowed {
            let what = format!("{customer} was to be mailed a score {} h old", age.as_secs() / 3600);
            self.checker.saw(Promise::RightMail, Some(customer), now, what);
        }
        Rendered { subject: String::new(), html: String::new(), text: String::new(), language: String::new() }
    }
}

impl Renderer for ShortLetters {
    fn render(&self, letter: &Letter<'_>) -> Result<Rendered, RenderError> {
        Ok(self.write(&letter.customer.id, Some(letter.score)))
    }

    fn render_campaign(&self, mail: &CampaignMail<'_>) -> Result<Rendered, RenderError> {
        Ok(self.write(&mail.customer.id, mail.score))
    }
}
