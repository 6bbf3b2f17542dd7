//! Campaigns: runs that operators start, beside the months.
//!
//! A campaign is a row that says what was asked for and how far it has got, the events that made it, and entries of its own:
//! customer x campaign. It goes through [these states](CampaignState): its audience is snapshotted and its entries are
//! written (planning); how many there are, and a digest of whose, is written down (sealed); the entries are dispatched to the
//! stages' queues, as much at a time as those carry (running); once all that was sealed is closed, it is finished, once.
//! That all is closed is a question to the ledger, and no counter. What is counted along the way, [how fast it
//! goes](CampaignPace), holds entries back for a day, or has an alarm go off, and loses none.

mod audience;
mod book;
mod closing;
mod dispatch;
mod event;
mod forecast;
mod letter;
mod pace;
mod planner;
mod record;
mod report;
mod request;
mod round;
mod seal;
mod start;
#[cfg(test)]
mod tests;

pub use audience::{Audience, AudiencePart, AudienceSizes, PartId, Question, RosterPlace};
pub use book::{CAMPAIGNS_KNOWN_WITHIN, CampaignBook};
pub use dispatch::{StageDemand, room, shares};
pub use event::{CampaignChange, CampaignEvent, CampaignRecord, IllegalCampaignStep};
pub use forecast::{Forecast, Foreseen};
pub(crate) use forecast::{MailedLately, mailed_lately};
pub use letter::{CampaignLetter, LetterError, LetterText};
pub use pace::CampaignPace;
pub use planner::{Planned, Planner};
pub use record::{Campaign, CampaignState, Told};
pub use report::{CampaignOutcome, CampaignReport, StageUse};
pub use request::{CampaignRequest, FrequencyCap, Priority};
pub use round::{CampaignRound, CampaignStepped};
pub use seal::{PlannedParts, Seal};
pub use start::CampaignStart;
