use pulse_core::{
    customer::CustomerId,
    entry::StageName,
    failure::Cause,
    overview::Condition,
    ports::{DeniedAction, PeoplePolicy},
};
use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it should be.
    Fine,
    /// Worth knowing.
    Remark,
    /// It couldn't be found out.
    Unknown,
    /// Customers would be missed or mails refused: to be mended first.
    Trouble,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Whose credentials are used.
    Caller,
    /// What they may do.
    Permissions,
    /// The clock of this machine.
    Clock,
    /// Lambda's limits, and the functions.
    Functions,
    /// What holds the stages.
    Stages,
    /// `EventBridge` Scheduler.
    Schedules,
    /// Amazon SES, or another provider.
    Mail,
    /// A mail that arrived.
    Received,
}

/// What of a mail's sender the receiver looked up (RFC 8601).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Who may send for the envelope's domain (RFC 7208).
    Spf,
    /// The signature (RFC 6376).
    Dkim,
    /// Whether either is of the From's domain (RFC 7489).
    Dmarc,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
pub enum Finding {
    /// It couldn't be found out.
    Unknown {
        /// What. Whoever shows findings shows each with its topic.
        #[serde(skip)]
        topic: Topic,
        /// Why not.
        why: String,
    },
    /// These credentials are used.
    Caller {
        /// Of this account.
        account: String,
        /// By this user or role.
        arn: String,
    },
    /// They are the account's own.
    Root,
    /// They allow all of a policy.
    Allowed {
        /// The policy.
        policy: PeoplePolicy,
    },
    /// They don't.
    Denied {
        /// The policy.
        policy: PeoplePolicy,
        /// What they don't allow of it.
        actions: Vec<DeniedAction>,
    },
    /// This machine's clock is off by so much.
    ClockSkew {
        /// Ahead of AWS's, or behind it if below zero.
        seconds: i64,
    },
    /// The account's limit of invocations at once is large enough, or not.
    Concurrency {
        /// The limit.
        limit: u32,
        /// What Pulse's functions need, and what must stay unreserved.
        needed: u32,
    },
    /// Nothing keeps other functions from taking the lanes.
    NotReserved,
    /// A function starts.
    Starts {
        /// Its stage.
        stage: StageName,
    },
    /// It may not run now.
    Throttled {
        /// Its stage.
        stage: StageName,
    },
    /// Its secret can't be read, or has another form.
    NoSecret {
        /// Its stage.
        stage: StageName,
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
    /// It ends before it works.
    DoesNotStart {
        /// Its stage.
        stage: StageName,
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
    /// What a stage is doing.
    Stage {
        /// As commands name it.
        stage: StageName,
        /// Whether it flows, and if not, what holds it.
        condition: Condition,
    },
    /// Whether a stage's queue is handed to its function.
    Mapping {
        /// Its stage.
        stage: StageName,
        /// The mapping's state, by its own word.
        state: String,
        /// Whether something holds the stage, so that it is to be off.
        is_held: bool,
    },
    /// Nobody has a schedule yet.
    NoSchedules,
    /// Someone's schedule can be read, and is as Pulse makes it.
    ScheduleRead,
    /// The first of them that are listed isn't as Pulse makes it.
    StrangeSchedule {
        /// Whose it is.
        customer: CustomerId,
    },
    /// The state of the schedules' group.
    ScheduleGroup {
        /// By its own word.
        state: String,
    },
    /// How many schedules there may be, and how fast they come to be.
    ScheduleQuota {
        /// Schedules.
        schedules: f64,
        /// Created a second.
        created_per_second: f64,
        /// For so many customers.
        customers: u64,
    },
    /// Mails go only to verified addresses, 200 a day (Amazon SES Developer Guide, "Request production access").
    Sandbox,
    /// SES sends nothing for this account.
    SendingPaused,
    /// SES has something against this account.
    Enforcement {
        /// By its own word.
        status: String,
    },
    /// Mails a second.
    SendingRate {
        /// That SES takes.
        allowed: f64,
        /// That Pulse would send.
        configured: f64,
    },
    /// Mails in 24 hours.
    DailyQuota {
        /// That SES takes.
        allowed: f64,
        /// That are due on an even day.
        needed: f64,
    },
    /// SES knows neither the sender's address nor its domain.
    NoIdentity {
        /// The domain.
        domain: String,
    },
    /// It isn't verified yet.
    Unverified {
        /// The domain.
        domain: String,
    },
    /// Its mails aren't signed.
    Unsigned {
        /// The domain.
        domain: String,
    },
    /// SES sends as it, signed.
    Identity {
        /// The domain.
        domain: String,
    },
    /// SPF is of Amazon's domain, not of the sender's: DMARC holds by DKIM alone.
    NoMailFrom {
        /// The domain.
        domain: String,
    },
    /// The sender's own MAIL FROM domain doesn't work.
    MailFrom {
        /// By its own word.
        state: String,
    },
    /// There is no such configuration set.
    NoConfigurationSet {
        /// Its name.
        name: String,
    },
    /// It lets no mail out.
    ConfigurationSetPaused {
        /// Its name.
        name: String,
    },
    /// It does.
    ConfigurationSet {
        /// Its name.
        name: String,
    },
    /// Marketing Cloud can't be looked into from here.
    NotSes,
    /// Mails have the headers of RFC 8058, and letters a link, to unsubscribe by.
    OneClick,
    /// Letters have the link, and the headers are the provider's.
    LinkOnly,
    /// Nobody unsubscribes but by a reply.
    NoOneClick {
        /// So many mails are due on an even day.
        daily: f64,
    },
    /// A test mail was taken.
    TestMailSent {
        /// By this id of the provider's.
        provider_id: String,
    },
    /// It wasn't.
    TestMailFailed {
        /// In words that are safe to print: they hold nobody's data.
        cause: Cause,
    },
    /// What the receiver says of a mail's sender.
    Authentication {
        /// What it looked at.
        method: Method,
        /// Its word: `pass`, or something else. None, if it says nothing.
        result: Option<String>,
    },
    /// The headers by which one unsubscribes (RFC 8058).
    UnsubscribeHeaders {
        /// There is one of them, at least.
        present: bool,
        /// There are both, once, of the form that is heeded.
        one_click: bool,
        /// A signature of the sender's domain covers both. Whether it passed is the finding of DKIM.
        signed: bool,
    },
}

/// From so many mails a day on Gmail asks for unsubscription with one click ("Email sender guidelines"), and so does Yahoo
/// of bulk senders ("Sender Best Practices").
const BULK: f64 = 5_000.0;

/// So far off, AWS takes requests still, but what is due "now" isn't.
const WORTH_KNOWING: i64 = 30;

impl Finding {
    /// What was looked at.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match self {
            Self::Unknown { topic, .. } => *topic,
            Self::Caller { .. } | Self::Root => Topic::Caller,
            Self::Allowed { .. } | Self::Denied { .. } => Topic::Permissions,
            Self::ClockSkew { .. } => Topic::Clock,
            Self::Concurrency { .. }
            | Self::NotReserved
            | Self::Starts { .. }
            | Self::Throttled { .. }
            | Self::NoSecret { .. }
            | Self::DoesNotStart { .. } => Topic::Functions,
            Self::Stage { .. } | Self::Mapping { .. } => Topic::Stages,
            Self::NoSchedules
            | Self::ScheduleRead
            | Self::StrangeSchedule { .. }
            | Self::ScheduleGroup { .. }
            | Self::ScheduleQuota { .. } => Topic::Schedules,
            Self::Authentication { .. } | Self::UnsubscribeHeaders { .. } => Topic::Received,
            _ => Topic::Mail,
        }
    }

    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> Level {
        let unless = |is_fine: bool, otherwise: Level| if is_fine { Level::Fine } else { otherwise };
        match self {
            Self::Unknown { .. } => Level::Unknown,
            Self::Caller { .. }
            | Self::Allowed { .. }
            | Self::Starts { .. }
            | Self::NoSchedules
            | Self::ScheduleRead
            | Self::Identity { .. }
            | Self::ConfigurationSet { .. }
            | Self::OneClick
            | Self::TestMailSent { .. } => Level::Fine,
            Self::Root
            | Self::NotReserved
            | Self::Throttled { .. }
            | Self::Sandbox
            | Self::NoMailFrom { .. }
            | Self::NotSes
            | Self::LinkOnly
            | Self::UnsubscribeHeaders { present: false, .. }
            | Self::Denied { policy: PeoplePolicy::Operator, .. } => Level::Remark,
            Self::DoesNotStart { .. }
            | Self::NoSecret { .. }
            | Self::StrangeSchedule { .. }
            | Self::SendingPaused
            | Self::NoIdentity { .. }
            | Self::Unverified { .. }
            | Self::Unsigned { .. }
            | Self::NoConfigurationSet { .. }
            | Self::ConfigurationSetPaused { .. }
            | Self::TestMailFailed { .. }
            | Self::Denied { policy: PeoplePolicy::ReadOnly, .. } => Level::Trouble,
            Self::ClockSkew { seconds } => unless(seconds.abs() < WORTH_KNOWING, Level::Trouble),
            Self::Concurrency { limit, needed } => unless(limit >= needed, Level::Trouble),
            Self::Mapping { state, is_held, .. } => match (state.as_str(), is_held) {
                // What holds a stage by its concurrency leaves the mapping on, until tick has turned it off.
                ("Enabled", _) | ("Disabled", true) => Level::Fine,
                ("Enabling" | "Disabling" | "Creating" | "Updating", _) => Level::Remark,
                _ => Level::Trouble,
            },
            Self::Stage { condition, .. } => unless(*condition == Condition::Running, Level::Remark),
            Self::ScheduleGroup { state } => unless(state == "ACTIVE", Level::Trouble),
            Self::ScheduleQuota { schedules, customers, .. } => unless(*schedules >= *customers as f64, Level::Trouble),
            Self::Enforcement { status } => unless(status == "HEALTHY", Level::Trouble),
            Self::SendingRate { allowed, configured } => unless(configured <= allowed, Level::Trouble),
            Self::DailyQuota { allowed, needed } => unless(needed <= allowed, Level::Trouble),
            Self::MailFrom { state } => unless(state == "SUCCESS", Level::Trouble),
            Self::Authentication { result, .. } => match result.as_deref() {
                Some("pass") => Level::Fine,
                Some(_) => Level::Trouble,
                None => Level::Unknown,
            },
            Self::NoOneClick { daily } => {
                if *daily < BULK {
                    Level::Remark
                } else {
                    Level::Trouble
                }
            }
            Self::UnsubscribeHeaders { one_click, signed, .. } => unless(*one_click && *signed, Level::Trouble),
        }
    }
}
