//! Whether someone asked for no more mail, and how that is known.
//!
//! Consent is kept apart from a profile's other facts, because it has other rules: silence says nothing, a roster's word
//! is dated by the moment that its file tells of, and what the customer asked for is theirs to take back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Cause;

/// What a roster says in its column `opted_out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOutMark {
    /// They asked for no more mail.
    Yes,
    /// They did not.
    No,
    /// Nothing, which is no consent and no opt-out.
    Empty,
}

/// Whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ConsentSource {
    /// A roster file.
    Roster,
    /// A partner, who was told. Earlier releases take it for the customer's word.
    Partner,
    /// An operator, on someone's behalf.
    Operator,
    /// The customer.
    Customer,
}

impl ConsentSource {
    fn as_str(self) -> &'static str {
        match self {
            Self::Roster => "roster",
            Self::Partner => "partner",
            Self::Operator => "operator",
            Self::Customer => "customer",
        }
    }
}

impl From<String> for ConsentSource {
    /// A source that a newer release knows is taken for the strongest, so that no file overrules it.
    fn from(word: String) -> Self {
        [Self::Roster, Self::Partner, Self::Operator]
            .into_iter()
            .find(|source| source.as_str() == word)
            .unwrap_or(Self::Customer)
    }
}

impl From<ConsentSource> for String {
    fn from(source: ConsentSource) -> Self {
        source.as_str().to_owned()
    }
}

/// The last that was heard of someone's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// Who said so.
    pub by: ConsentSource,
    /// Of which moment that is; none where a roster of an earlier release said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// How it can be shown, such as the id of the message that asked for it. Without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Cause>,
}

/// Whether someone asked for no more mail, and how that is known.
///
/// On the ledger `opted_out` is what it was in the first release, whose functions still read it there, and `consent`
/// stands beside it. A row of that release has no record: its opt-out is an undated roster's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    opted_out: bool,
    #[serde(rename = "consent", default, skip_serializing_if = "Option::is_none")]
    record: Option<ConsentRecord>,
}

/// What a roster's mark does, where it is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentEffect {
    /// Whoever got mail gets none any more.
    OptsOut,
    /// An opt-out that a roster made is taken back.
    TakesBack,
    /// An opt-out that the customer, an operator or a partner made isn't taken back by a roster.
    AskedFor,
    /// The file is older than what is known, which stays.
    Outdated,
    /// The mark is empty, which leaves what is known.
    Empty,
    /// The mark is empty and nothing is known: the customer counts as not opted out.
    EmptyOfNew,
}

impl Consent {
    /// What a mark says, before it is known of which moment.
    #[must_use]
    pub fn of_mark(mark: OptOutMark) -> Self {
        let record = (mark != OptOutMark::Empty).then_some(ConsentRecord {
            by: ConsentSource::Roster,
            as_of: None,
            proof: None,
        });
        Self { opted_out: mark == OptOutMark::Yes, record }
    }

    /// What someone said who isn't a roster.
    #[must_use]
    pub fn said(opted_out: bool, record: ConsentRecord) -> Self {
        Self { opted_out, record: Some(record) }
    }

    /// The mark that says this.
    #[must_use]
    pub fn mark(&self) -> OptOutMark {
        match (self.opted_out, &self.record) {
            (true, _) => OptOutMark::Yes,
            (false, Some(_)) => OptOutMark::No,
            (false, None) => OptOutMark::Empty,
        }
    }

    /// Whether there is to be no mail.
    #[must_use]
    pub fn opted_out(&self) -> bool {
        self.opted_out
    }

    /// How that is known, if anything was ever said.
    #[must_use]
    pub fn record(&self) -> Option<&ConsentRecord> {
        self.record.as_ref()
    }

    /// What is known once a roster that tells of the moment `as_of` has said `mark`.
    ///
    /// The last of what rosters clearly said holds, by the moments that they tell of, so that it doesn't matter in which
    /// order they come. Of the same moment, the last that comes.
    #[must_use]
    pub fn after_roster(&self, mark: OptOutMark, as_of: Timestamp) -> (Self, Option<ConsentEffect>) {
        let says = match mark {
            OptOutMark::Empty => return (self.clone(), Some(ConsentEffect::Empty)),
            OptOutMark::Yes => true,
            OptOutMark::No => false,
        };
        let is_rosters = self.record.as_ref().is_none_or(|record| record.by == ConsentSource::Roster);
        if !is_rosters && self.opted_out {
            return (self.clone(), (!says).then_some(ConsentEffect::AskedFor));
        }
        let differs = says != self.opted_out;
        if self.record.as_ref().is_some_and(|record| record.as_of > Some(as_of)) {
            return (self.clone(), differs.then_some(ConsentEffect::Outdated));
        }
        if !is_rosters && !differs {
            // The customer's own word is worth more than a roster's that says the same.
            return (self.clone(), None);
        }
        let record = ConsentRecord { by: ConsentSource::Roster, as_of: Some(as_of), proof: None };
        let effect = if says { ConsentEffect::OptsOut } else { ConsentEffect::TakesBack };
        (Self { opted_out: says, record: Some(record) }, differs.then_some(effect))
    }

    /// What is known once the customer or an operator has said `word`: it holds against every roster, and against an
    /// earlier word of its kind. That they want no mail holds against every partner, too.
    #[must_use]
    pub fn after_word(&self, word: &Self) -> Self {
        let is_stronger = match self.record.as_ref().map(|record| record.by) {
            None | Some(ConsentSource::Roster) => true,
            Some(ConsentSource::Partner) => word.opted_out,
            Some(ConsentSource::Operator | ConsentSource::Customer) => false,
        };
        if is_stronger || word.said_at() >= self.said_at() { word.clone() } else { self.clone() }
    }

    /// What is known once a partner has said `word`; none if it counts for nothing. What the customer or an operator asked
    /// for no partner takes back. Against rosters, and who wants mail again, the later moment holds. Between words of
    /// partners the caller decides.
    #[must_use]
    pub fn after_partner(&self, word: &Self) -> Option<Self> {
        let holds = match self.record.as_ref().map(|record| record.by) {
            Some(ConsentSource::Partner) => true,
            Some(ConsentSource::Operator | ConsentSource::Customer) if self.opted_out => false,
            // However late it is read: nobody is mailed against their will because a roster came first.
            None | Some(ConsentSource::Roster) if word.opted_out && !self.opted_out => true,
            _ => word.said_at() >= self.said_at(),
        };
        holds.then(|| word.clone())
    }

    fn said_at(&self) -> Option<Timestamp> {
        self.record.as_ref().and_then(|record| record.as_of)
    }
}

#[cfg(test)]
mod tests;
