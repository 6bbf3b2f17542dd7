//! What holds a stage back: an operator's pause, one made in the AWS console, or a provider that is
//! out of order, or recipients who take its mails badly. All of it is one row of the ledger for each stage, and [`tick`](crate::tick) makes the
//! stage's mapping match it, so a pause outlives deployments and crashes.

mod actor;
mod breaker;
mod causes;
mod record;

pub use actor::Actor;
pub use breaker::{Breaker, BreakerPolicy, MinuteOutcomes, Open, Outcomes};
pub use causes::{CauseCounts, MINUTE_CAUSES};
pub use record::{Cleared, Console, ConsolePause, Control, Hold, InvalidNote, LastSeen, Note, Pause, ReputationHold};
