use jiff::Timestamp;
use pulse_core::{customer::Zone, stage::Preview};

use super::local;

/// What would be done for an entry, in words that follow "the entry", with times in `zone`.
#[must_use]
pub fn preview(preview: &Preview, zone: &Zone) -> String {
    let at = |moment: &Timestamp| local(*moment, zone);
    match preview {
        Preview::Score { and_skip: None } => "would be scored, and then mailed".into(),
        Preview::Score { and_skip: Some(reason) } => {
            format!("would be scored, and its mail then be skipped: {reason}")
        }
        Preview::Mail => "would be mailed".into(),
        Preview::ScoreAgain { as_of } => {
            format!("would be scored again before it is mailed, as its score is of {}", at(as_of))
        }
        Preview::AskFirst { or_else } => format!(
            "would be asked for at the provider first, and is sent if the provider has it; if not, it {}",
            self::preview(or_else, zone)
        ),
        Preview::PutOff { until } => format!("would be put off until {}, as hours are quiet until then", at(until)),
        Preview::Skip { reason } => format!("would be skipped: {reason}"),
        Preview::Indeterminate => "would be of unknown fate, for someone to settle".into(),
        Preview::InHand { lease_until } => {
            format!("is in a worker's hands, until {} at most: nothing", at(lease_until))
        }
        Preview::Sent { at: sent } => format!("is sent already, {}: nothing", at(sent)),
        Preview::Skipped { reason } => format!("is skipped ({reason}): nothing"),
        Preview::Unsettled => "is of unknown fate: nothing".into(),
    }
}
