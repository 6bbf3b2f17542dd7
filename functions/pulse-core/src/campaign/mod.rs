//! Campaigns: runs that operators start.

mod letter;

pub use letter::{CampaignLetter, LetterError, LetterText};
