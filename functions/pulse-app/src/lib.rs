//! What operators do with Pulse: an [`App`] over a bundle of ports, with a method for each use case.
//!
//! A report is typed and serialises to what `--json` prints. What to do next is
//! [`Advice`](pulse_core::advice::Advice), and an error says what is wrong: whoever shows them, a command line or a
//! web page, finds the words.

mod addresses;
mod app;
mod audit;
mod campaigns;
mod customer;
mod deliveries;
mod doctor;
mod endpoints;
mod errors;
mod failed;
mod feedback;
mod forgetting;
mod lanes;
mod letters;
mod orders;
mod pausing;
mod planning;
mod preview;
mod replay;
mod roster;
mod settings;
mod settling;
mod snapshot;
mod status;
mod suppressions;
mod why;
pub mod words;

#[cfg(test)]
mod tests;

pub use addresses::{AddressSearch, SearchCost, SoughtAddress};
pub use app::App;
pub use audit::AuditOrder;
pub use campaigns::{
    CampaignError, CampaignForecast, CampaignListed, CampaignShown, CampaignsReport, NewAudience, NewCampaign,
    OpenPlace,
};
pub use customer::CustomerReport;
pub use deliveries::{DeliveriesError, DeliveriesReport, DeliveryListed, DeliveryQuestion, GivenUpCounts};
pub use doctor::{Examination, Finding, Level, MailSetup, Method, Topic, UnreadableMail, received};
pub use endpoints::{
    AddedEndpoint, EndpointChanged, EndpointCorrection, EndpointError, EndpointListed, EndpointPaused, EndpointRemoval,
    EndpointRemoved, EndpointReport, EndpointResumed, EndpointRotated, EndpointShown, EndpointSignature,
    EndpointTested, EndpointsReport, LatelyCalled, NewEndpoint, NewPlace, NewTarget, SignedBy, Waiting, WordListed,
};
pub use errors::{ReadError, UnknownCustomer};
pub use failed::{ClosedForGood, FailedError, FailedOrder, FailedReport};
pub use feedback::{FeedbackReport, RunFeedback};
pub use forgetting::{CustomerExport, ForgetError, ForgetReport, ForgottenExport, LettersNaming};
pub use lanes::{LaneOrder, LaneOrderError, LaneReport, LanesShown};
pub use letters::{DeadLettersOf, LettersReport};
pub use orders::{Begins, CancelError, GiveError, GivenOrder, PreviewError};
pub use pausing::{NextLook, PauseOrder, PauseReport, ResumeReport, SwitchError, Switching, Until};
pub use planning::{Planned, PlannedCampaign, PricedWay};
pub use preview::{MailError, MailQuestion, PreviewedMail, PreviewedUnsubscribe};
pub use replay::{ReplayFailed, ReplayOrder, Replayed};
pub use roster::{
    BulkEnrollment, ConsentCounts, Counts, EnrollAgainError, EnrollError, Foreseen, OptedOut, Unenrolled, foresee,
};
pub use settings::{FixedSettings, Settings, SettingsError};
pub use settling::{Doubts, SettleReport, Unsettled, UnsettledMail};
pub use snapshot::CountedNow;
pub use status::{ReputationReport, Status, StatusRun};
pub use suppressions::{
    AtProvider, ReleaseError, ReleaseReport, SuppressionListed, SuppressionState, SuppressionsReport,
};
pub use why::{CampaignWhy, CustomerWhyError, RunQuestion, RunWhyError};
