use std::sync::Arc;

use super::{
    AuditLog, CampaignEntries, Campaigns, Controls, CustomerNotes, DeadLetters, Deliveries, DlqName, EndpointControls,
    Endpoints, FeedbackLog, Gauges, IntakeQueue, IntakeReader, LaneControl, Ledger, OpenEntries, Orders, OutcomeLog,
    ProviderSuppressions, Queues, RunReports, Schedules, Sleeper, Snapshots, StageMemory, Stages, SuppressionList,
    TickStarter,
};
use crate::stage::PerStage;

/// The ports that an operator's use cases stand on, in one bundle. The providers aren't among them: operators call
/// none.
#[derive(Clone)]
pub struct Ports {
    /// Profiles and entries.
    pub ledger: Arc<dyn Ledger>,
    /// Campaigns and their audiences.
    pub campaigns: Arc<dyn Campaigns>,
    /// Their entries, by the indexes.
    pub in_campaigns: Arc<dyn CampaignEntries>,
    /// Entries by what they wait for.
    pub open: Arc<dyn OpenEntries>,
    /// What operators ask the ledger: counts, notes, and the ledger as lists.
    pub reports: Arc<dyn RunReports>,
    /// All that was noted of customers.
    pub notes: Arc<dyn CustomerNotes>,
    /// Suppressed addresses as a list.
    pub suppressions: Arc<dyn SuppressionList>,
    /// The list of suppressed addresses that SES keeps.
    pub ses_suppressions: Arc<dyn ProviderSuppressions>,
    /// How many mails came to what.
    pub feedback: Arc<dyn FeedbackLog>,
    /// Other systems that are told of what happens.
    pub endpoints: Arc<dyn Endpoints>,
    /// What holds word back from them.
    pub endpoint_controls: Arc<dyn EndpointControls>,
    /// Word on its way to them.
    pub deliveries: Arc<dyn Deliveries>,
    /// All stages' queues.
    pub queues: Queues,
    /// All dead-letter queues.
    pub dead_letters: DeadLetterQueues,
    /// What reads the letters of the intake's.
    pub intake: Arc<dyn IntakeReader>,
    /// The scheduler.
    pub schedules: Arc<dyn Schedules>,
    /// Where audits stand.
    pub audits: Arc<dyn AuditLog>,
    /// What operators order.
    pub orders: Arc<dyn Orders>,
    /// What has orders begun on.
    pub tick: Arc<dyn TickStarter>,
    /// The stages from outside.
    pub stages: Arc<dyn Stages>,
    /// Their control rows.
    pub controls: Arc<dyn Controls>,
    /// What came of the calls to their providers.
    pub outcomes: Arc<dyn OutcomeLog>,
    /// What is remembered of the stages.
    pub memory: Arc<dyn StageMemory>,
    /// What the stages' lanes hang on.
    pub lanes: Arc<dyn LaneControl>,
    /// Figures that people look at.
    pub gauges: Arc<dyn Gauges>,
    /// Where everything stood a few minutes ago.
    pub snapshots: Arc<dyn Snapshots>,
    /// The time, and who waits for it.
    pub sleeper: Arc<dyn Sleeper>,
}

/// The dead-letter queues, by name.
#[derive(Clone)]
pub struct DeadLetterQueues {
    /// What each stage gave up.
    pub stages: PerStage<Arc<dyn DeadLetters>>,
    /// What the scheduler couldn't deliver.
    pub schedules: Arc<dyn DeadLetters>,
    /// What came in from outside and couldn't be read.
    pub feedback: Arc<dyn DeadLetters>,
    /// Opt-outs that couldn't be written down.
    pub unsubscribe: Arc<dyn DeadLetters>,
}

impl DeadLetterQueues {
    /// The queue of this name.
    #[must_use]
    pub fn get(&self, name: DlqName) -> &dyn DeadLetters {
        match name {
            DlqName::Stage(stage) => &*self.stages[stage],
            DlqName::Schedules => &*self.schedules,
            DlqName::Intake(IntakeQueue::Feedback) => &*self.feedback,
            DlqName::Intake(IntakeQueue::Unsubscribe) => &*self.unsubscribe,
        }
    }
}
