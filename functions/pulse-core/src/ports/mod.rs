//! What the domain stands on, as traits: `pulse-aws` has them on AWS, `pulse-providers` and `pulse-letters` towards
//! those who score and mail, `pulse-sim` in memory. One conformance suite per port holds every adapter to the same
//! behaviour.

mod absent;
mod account;
mod audit_log;
mod bundle;
mod campaigns;
mod clock;
mod courier;
mod customer_notes;
mod dead_letters;
mod deliveries;
mod dropped_mails;
mod endpoint_keys;
mod endpoint_tester;
mod feedback;
mod feedback_log;
mod gauges;
mod intake;
mod intake_queue;
mod key_source;
mod lane_control;
mod ledger;
mod mailer;
mod orders;
mod partner;
mod queue;
mod renderer;
mod run_reports;
mod schedules;
mod scorer;
mod snapshots;
mod stages;
mod suppressions;

pub use crate::entry::{Awaited, TallyKey};
pub use absent::AbsentStage;
pub use account::{
    Account, AccountError, Caller, DeniedAction, PeoplePolicy, SchedulerQuotas, SendingAccount, SendingIdentity,
    SendingLimits, Start, TestMail, TestedLetter,
};
pub use audit_log::AuditLog;
pub use bundle::{DeadLetterQueues, Ports};
pub use campaigns::{CampaignEntries, Campaigns};
pub use clock::{Clock, Sleeper};
pub use courier::{Courier, CourierError, Word};
pub use customer_notes::CustomerNotes;
pub use dead_letters::{
    DeadLetter, DeadLetters, DlqName, MoveProgress, MoveStart, MoveStatus, MoveTicket, Rate, Undelivered,
};
pub use deliveries::{Deliveries, EndpointControls, Endpoints};
pub use dropped_mails::{DroppedCursor, DroppedMail, DroppedMails, DroppedPage};
pub use endpoint_keys::{EndpointKeys, EndpointKeysError, KeysSeen};
pub use endpoint_tester::{EndpointTester, TestWord};
pub use feedback::{FeedbackParser, Payload, PayloadError};
pub use feedback_log::FeedbackLog;
pub use gauges::{Depth, GaugeError, Gauges, Mapping, StageLanes};
pub use intake::{Intake, IntakeError};
pub use intake_queue::{IntakeQueue, IntakeReader, Route};
pub use key_source::KeySource;
pub use lane_control::{LaneControl, LaneError, LaneSettings, Step};
pub use ledger::{Activity, Ledger, LedgerError, LedgerListing, LedgerReports, OpenEntries, RosterCount, RowId, Tally};
pub use mailer::{Accepted, Mail, MailLookup, Mailer, Recall, SendError};
pub use orders::{Orders, TickStarter};
pub use partner::{Partner, PartnerAnswer, PartnerError, PartnerRequest};
pub use queue::{QueueError, Queues, Receipt, StageQueue, Visibility};
pub use renderer::{CampaignMail, Letter, RenderError, Rendered, Renderer};
pub use run_reports::{COUNTED_PARTS, OpenKey, ReadUnits, RunCounts, RunReports};
pub use schedules::{MonthlySchedule, PutOutcome, ScheduleError, SchedulePage, Schedules, SchedulesError};
pub use scorer::{ScoreError, ScoreRequest, Scorer};
pub use snapshots::Snapshots;
pub use stages::{
    Controls, MINUTES_KEPT, OutcomeLog, Probed, SetEnabled, StageError, StageMemory, StageStatus, Stages, Switch,
};
pub use suppressions::{ProviderRelease, ProviderSuppressions, SuppressionFound, SuppressionList, SuppressionsFound};
