//! Who is not done in a run, and why; and one customer's whole story with what comes next.

mod campaign;
mod causes;
mod next;
mod outside;
mod report;
mod run;
mod story;
mod told;

pub use campaign::{CampaignInquiry, CampaignTroubles};
pub use causes::{CauseCount, CauseSample, SampleOf};
pub use next::{Context, HoldReason, NextStep, Outlook, StageContext};
pub use report::{Precision, Reason, ReasonCount, RunReport};
pub use run::{RunInquiry, WhyError};
pub use story::{CustomerInquiry, StageStanding, Timeline, TimelineError};
pub use told::{ComingFact, EndpointTold, KnownFact, NextWord, WordContext};
