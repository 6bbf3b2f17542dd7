//! Addresses that must not be mailed: for which reasons, for how long, and released by whom.

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::{
    control::{Actor, Note},
    customer::EmailAddress,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{Ledger, LedgerError},
    run::RunId,
};

/// For how long an address that can't take mail is left alone.
const SOFT_BOUNCES_LAST: SignedDuration = SignedDuration::from_hours(90 * 24);

/// In so many months in a row mails must come back for an address to be left alone.
const SOFT_BOUNCES: usize = 3;

/// How often a row is written anew that others change in the same moment.
const TRIES: usize = 5;

/// Why an address must not be mailed. The first of several is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressionReason {
    /// A recipient there called a mail spam.
    Complaint,
    /// Its owner asked the provider for no more mail, which didn't say which customer that is.
    Unsubscribed,
    /// There is no such mailbox.
    HardBounce,
    /// The provider refuses it for good.
    Refused,
    /// An operator said so.
    Operator,
    /// Mails of three runs in a row came back.
    SoftBounces,
}

impl SuppressionReason {
    /// All of them, the worst first.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::Unsubscribed => "unsubscribed",
            Self::HardBounce => "hard-bounce",
            Self::Refused => "refused",
            Self::Operator => "operator",
            Self::SoftBounces => "soft-bounces",
        }
    }

    /// For how long it holds; for good, if nothing is said.
    #[must_use]
    pub fn lasts(self) -> Option<SignedDuration> {
        (self == Self::SoftBounces).then_some(SOFT_BOUNCES_LAST)
    }
}

impl fmt::Display for SuppressionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which mails a suppression is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All.
    #[default]
    All,
    /// Those by way of one provider, which has reasons of its own.
    Provider(FeedbackSource),
}

impl Scope {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// What a reason stands on: the last that was told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When it happened.
    pub at: Timestamp,
    /// Which mails it is for.
    #[serde(default, skip_serializing_if = "Scope::is_all")]
    pub scope: Scope,
    /// More of it, without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Who said that an address may be mailed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When. What happened before counts no more, whenever it is told.
    pub at: Timestamp,
    /// The operator's name, as they gave it.
    pub by: Actor,
    /// Why it may be mailed, without personal data.
    pub note: Note,
}

/// What is kept of an address that must not be mailed. The address isn't.
///
/// Adding what providers tell is a join: of each reason the last counts, and a release ends what happened before it, so
/// that the order in which they come doesn't matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SuppressionRow")]
pub struct Suppression {
    /// Rises by one with every write: what [`Ledger::save_suppression`] goes by. 0 for one that was never written.
    pub version: u64,
    /// The reasons there are, or were.
    reasons: BTreeMap<SuppressionReason, Evidence>,
    /// The months whose mails came back for now.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    soft_bounces: BTreeMap<RunId, SoftBounce>,
    /// The last release.
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<Release>,
}

/// A month's mail that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct SoftBounce {
    /// The last of its bounces, by the provider's clock.
    at: Timestamp,
    /// Whether it, or another of the month, arrived after all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    arrived: bool,
}

/// The fields of a row. Early releases knew one reason, that the provider had refused the address, and wrote why.
#[derive(Deserialize)]
struct SuppressionRow {
    #[serde(default)]
    version: u64,
    #[serde(default)]
    reasons: BTreeMap<SuppressionReason, Evidence>,
    #[serde(default)]
    soft_bounces: BTreeMap<RunId, SoftBounce>,
    #[serde(default)]
    released: Option<Release>,
    #[serde(default)]
    why: Option<Cause>,
}

impl From<SuppressionRow> for Suppression {
    fn from(row: SuppressionRow) -> Self {
        let SuppressionRow { version, reasons, soft_bounces, released, why } = row;
        let known = Self { version, reasons, soft_bounces, released };
        match why {
            Some(why) => {
                let evidence = Evidence { at: Timestamp::UNIX_EPOCH, scope: Scope::All, cause: Some(why) };
                known.with(SuppressionReason::Refused, evidence)
            }
            None => known,
        }
    }
}

/// A reason that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// Why the address must not be mailed.
    pub reason: SuppressionReason,
    /// What it stands on.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Evidence {
    /// Something that happened then, and is for all mails.
    #[must_use]
    pub fn all(at: Timestamp) -> Self {
        Self { at, scope: Scope::All, cause: None }
    }
}

impl Suppression {
    /// One for a reason.
    #[must_use]
    pub fn of(reason: SuppressionReason, evidence: Evidence) -> Self {
        Self::default().with(reason, evidence)
    }

    /// The same, for another reason too.
    #[must_use]
    pub fn with(mut self, reason: SuppressionReason, evidence: Evidence) -> Self {
        let known = self.reasons.remove(&reason);
        // What two providers refuse, none need be asked to take.
        let is_wider = known.as_ref().is_some_and(|known| known.scope != evidence.scope);
        let rank = |evidence: &Evidence| (evidence.at, evidence.cause.as_ref().map(|cause| cause.as_str().to_owned()));
        let last = known.into_iter().chain([evidence]).max_by_key(rank);
        self.reasons.extend(last.map(|last| {
            let scope = if is_wider { Scope::All } else { last.scope };
            (reason, Evidence { scope, ..last })
        }));
        self
    }

    /// The same, with a month's mail that came back, and maybe arrived after all.
    #[must_use]
    pub fn with_soft_bounce(mut self, run: RunId, at: Timestamp, arrived: bool) -> Self {
        let known = self.soft_bounces.entry(run).or_insert(SoftBounce { at, arrived });
        *known = SoftBounce { at: known.at.max(at), arrived: known.arrived || arrived };
        self
    }

    /// When the last mail came back of the last three or more in a row that did, a month after the other.
    fn soft_bounced_at(&self) -> Option<Timestamp> {
        let released_at = self.released.as_ref().map(|release| release.at);
        let (mut row, mut found, mut expected) = (0, None, None);
        for (run, bounce) in &self.soft_bounces {
            let counts = !bounce.arrived && released_at < Some(bounce.at);
            row = match (counts, expected == Some(*run)) {
                (false, _) => 0,
                (true, true) => row + 1,
                (true, false) => 1,
            };
            expected = Some(run.next());
            if row >= SOFT_BOUNCES {
                found = Some(bounce.at);
            }
        }
        found
    }

    /// The same, released.
    #[must_use]
    pub fn released(mut self, release: Release) -> Self {
        if self.released.as_ref().is_none_or(|before| before.at <= release.at) {
            self.released = Some(release);
        }
        self
    }

    /// The worst reason that nobody released, whether it is over by now or not, and since when.
    #[must_use]
    pub fn worst(&self) -> Option<(SuppressionReason, Timestamp)> {
        let held = self.in_force(Timestamp::MIN).into_iter().next()?;
        Some((held.reason, held.evidence.at))
    }

    /// Since when it is as it is: suppressed for its worst reason, or released.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.worst().map(|(_, at)| at).or_else(|| self.released.as_ref().map(|release| release.at))
    }

    /// Who released it last.
    #[must_use]
    pub fn release(&self) -> Option<&Release> {
        self.released.as_ref()
    }

    /// The same, with what an older row of the same address says.
    #[must_use]
    pub fn joined(self, older: Self) -> Self {
        let joined = older.reasons.into_iter().fold(self, |joined, (reason, evidence)| joined.with(reason, evidence));
        let bounces = older.soft_bounces.into_iter();
        let joined =
            bounces.fold(joined, |joined, (run, SoftBounce { at, arrived })| joined.with_soft_bounce(run, at, arrived));
        match older.released {
            Some(release) => joined.released(release),
            None => joined,
        }
    }

    /// All reasons that hold at `now`, the worst first.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> Vec<InForce> {
        let released_at = self.released.as_ref().map(|release| release.at);
        let holds = |(&reason, evidence): (&SuppressionReason, &Evidence)| {
            let until = reason.lasts().map(|lasts| evidence.at.saturating_add(lasts).unwrap_or(Timestamp::MAX));
            let is_over = until.is_some_and(|until| until <= now) || released_at >= Some(evidence.at);
            (!is_over).then(|| InForce { reason, evidence: evidence.clone(), until })
        };
        let soft = self.soft_bounced_at().map(|at| (SuppressionReason::SoftBounces, Evidence::all(at)));
        self.reasons
            .iter()
            .chain(soft.as_ref().map(|(reason, evidence)| (reason, evidence)))
            .filter_map(holds)
            .collect()
    }

    /// Why a mail by way of `provider` must not be sent at `now`, if so.
    #[must_use]
    pub fn holds(&self, provider: FeedbackSource, now: Timestamp) -> Option<SuppressionReason> {
        self.against(Some(provider), now).map(|held| held.reason)
    }

    /// The worst of what is against a mail by way of `provider` at `now`. Where it isn't known which that is, what is
    /// against all counts alone.
    #[must_use]
    pub fn against(&self, provider: Option<FeedbackSource>, now: Timestamp) -> Option<InForce> {
        let is_for_it = |scope| match scope {
            Scope::All => true,
            Scope::Provider(source) => provider == Some(source),
        };
        self.in_force(now).into_iter().find(|held| is_for_it(held.evidence.scope))
    }
}

/// Changes what is kept of an address, if there is a change, and gives what is kept then.
///
/// # Errors
/// When the ledger can't be used, or others keep changing the row. Do it again.
pub async fn change_suppression(
    ledger: &dyn Ledger,
    address: &EmailAddress,
    change: impl Fn(Suppression) -> Suppression + Send + Sync,
) -> Result<Suppression, LedgerError> {
    for _ in 0..TRIES {
        let before = ledger.suppression(address).await?.unwrap_or_default();
        let after = change(before.clone());
        if after == before || ledger.save_suppression(address, &after).await? {
            return Ok(after);
        }
    }
    Err(LedgerError::Unavailable(Cause::new("What is kept of an address is changed by someone else again and again.")))
}

#[cfg(test)]
mod tests;
