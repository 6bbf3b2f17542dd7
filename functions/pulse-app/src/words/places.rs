//! Where entries stand, as people call it.

use pulse_core::{entry::StageName, ports::TallyKey};

/// What people call a place of the tally.
#[must_use]
pub fn place(key: TallyKey) -> String {
    match key {
        TallyKey::NotDue => "scheduled".into(),
        TallyKey::Due(StageName::Score) => "due, to be scored".into(),
        TallyKey::Due(StageName::Email) => "scored, to be mailed".into(),
        TallyKey::Due(StageName::Call) => "due, its partner to be called".into(),
        TallyKey::Due(StageName::Deliver) => "to be told".into(),
        TallyKey::Sent => "sent".into(),
        TallyKey::Skipped(reason) => format!("skipped: {reason}"),
        TallyKey::Failed(stage) => format!("failed: {stage}"),
        TallyKey::Dropped => "accepted, and then not sent".into(),
        TallyKey::Indeterminate => "in doubt".into(),
        TallyKey::Unconfirmed => "unconfirmed".into(),
        TallyKey::Abandoned => "abandoned: the campaign was over".into(),
        TallyKey::Cancelled => "cancelled with the campaign".into(),
    }
}
