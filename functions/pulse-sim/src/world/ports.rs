use std::sync::Arc;

use pulse_core::{
    campaign::{AudienceSizes, CampaignBook},
    control::BreakerPolicy,
    delivery::{EndpointBook, EndpointDesk},
    feedback::ReputationPolicy,
    ports::{
        AuditLog, CampaignEntries, Campaigns, Clock, Controls, Courier, DeadLetterQueues, Deliveries, EndpointControls,
        Endpoints, FeedbackLog, Gauges, Intake, Ledger, LedgerListing, Mailer, OpenEntries, Orders, OutcomeLog,
        Partner, Queues, Renderer, RunReports, Schedules, Scorer, Sleeper, Snapshots, StageMemory, Stages,
    },
    snapshot::CountBudget,
    stage::Meter,
};

/// All ports, as one invocation sees them.
#[derive(Clone)]
pub struct WorldPorts {
    /// Profiles and entries.
    pub ledger: Arc<dyn Ledger>,
    /// Campaigns and their audiences.
    pub campaigns: Arc<dyn Campaigns>,
    /// Campaigns, as this invocation has read of them.
    pub campaign_book: Arc<CampaignBook>,
    /// In which steps their audiences are found.
    pub audience: AudienceSizes,
    /// Their entries, by the indexes.
    pub in_campaigns: Arc<dyn CampaignEntries>,
    /// Entries by what they wait for.
    pub open: Arc<dyn OpenEntries>,
    /// The ledger as lists.
    pub listing: Arc<dyn LedgerListing>,
    /// Where audits stand.
    pub audits: Arc<dyn AuditLog>,
    /// All stages' queues.
    pub queues: Queues,
    /// The scoring provider.
    pub scorer: Arc<dyn Scorer>,
    /// The email provider.
    pub mailer: Arc<dyn Mailer>,
    /// The campaigns' partner.
    pub partner: Arc<dyn Partner>,
    /// The same as they are kept: nobody is told of what is written here.
    pub bare_ledger: Arc<dyn Ledger>,
    /// Word on its way to endpoints.
    pub deliveries: Arc<dyn Deliveries>,
    /// Who they are.
    pub endpoints: Arc<dyn Endpoints>,
    /// What holds word back from them.
    pub endpoint_controls: Arc<dyn EndpointControls>,
    /// The same, as they are known.
    pub endpoint_book: Arc<EndpointBook>,
    /// How they are doing, as this invocation knows.
    pub endpoint_desk: Arc<EndpointDesk>,
    /// Brings word to them.
    pub courier: Arc<dyn Courier>,
    /// Writes the mails.
    pub renderer: Arc<dyn Renderer>,
    /// The scheduler.
    pub schedules: Arc<dyn Schedules>,
    /// The stages from outside.
    pub stages: Arc<dyn Stages>,
    /// Their control rows.
    pub controls: Arc<dyn Controls>,
    /// What came of the calls to their providers.
    pub outcomes: Arc<dyn OutcomeLog>,
    /// What counts this invocation's calls.
    pub meter: Arc<Meter>,
    /// When a provider is taken to be out of order.
    pub breaker: BreakerPolicy,
    /// Where it is counted what became of mails.
    pub feedback_log: Arc<dyn FeedbackLog>,
    /// Where providers tell of mails.
    pub intake: Arc<dyn Intake>,
    /// By which rates the email stage is held.
    pub reputation: ReputationPolicy,
    /// What operators order.
    pub orders: Arc<dyn Orders>,
    /// All dead-letter queues.
    pub dead_letters: DeadLetterQueues,
    /// What is remembered of the stages.
    pub memory: Arc<dyn StageMemory>,
    /// A run's entries, counted.
    pub reports: Arc<dyn RunReports>,
    /// Queues and lanes.
    pub gauges: Arc<dyn Gauges>,
    /// How often a run is counted.
    pub count_budget: CountBudget,
    /// Where snapshots are kept.
    pub snapshots: Arc<dyn Snapshots>,
    /// Tells the moment of what is decided and written.
    pub clock: Arc<dyn Clock>,
    /// The same, for whoever waits.
    pub sleeper: Arc<dyn Sleeper>,
}
