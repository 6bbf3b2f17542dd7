use serde::{Deserialize, Serialize};

use crate::stage_spec::StageName;

/// Which stages an entry goes through, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<StageName>", into = "Vec<StageName>")]
pub struct Plan([Option<StageName>; StageName::OF_ENTRIES.len()]);

/// Steps that are no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a plan has one step at least, none twice, and such alone as move entries")]
pub struct InvalidPlan;

/// Steps that are no campaign's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a campaign's steps are `email`, and before it `score`, `call`, or `score,call`")]
pub struct InvalidCampaignPlan;

impl Plan {
    /// The plan of every monthly run.
    pub const MONTHLY: Self = Self([Some(StageName::Score), Some(StageName::Email), None]);

    /// A plan of these steps.
    ///
    /// # Errors
    /// When there are none, one is in it twice, or one moves no entries.
    pub fn of(steps: &[StageName]) -> Result<Self, InvalidPlan> {
        let mut plan = [None; StageName::OF_ENTRIES.len()];
        for (index, step) in steps.iter().enumerate() {
            if steps[..index].contains(step) || !StageName::OF_ENTRIES.contains(step) {
                return Err(InvalidPlan);
            }
            plan[index] = Some(*step);
        }
        if steps.is_empty() { Err(InvalidPlan) } else { Ok(Self(plan)) }
    }

    /// A campaign's plan of these steps, which ends with the mail.
    ///
    /// # Errors
    /// When it doesn't, one is in it twice, or they are in another order.
    pub fn of_campaign(steps: &[StageName]) -> Result<Self, InvalidCampaignPlan> {
        let rank = |step: &StageName| StageName::OF_ENTRIES.iter().position(|other| other == step);
        let is_in_order = steps.is_sorted_by(|one, other| rank(one) < rank(other));
        match Self::of(steps) {
            Ok(plan) if is_in_order && plan.last() == StageName::Email => Ok(plan),
            _ => Err(InvalidCampaignPlan),
        }
    }

    /// Its steps.
    #[must_use]
    pub fn steps(self) -> impl DoubleEndedIterator<Item = StageName> {
        self.0.into_iter().flatten()
    }

    /// The step that comes first.
    #[must_use]
    pub fn first(self) -> StageName {
        self.0[0].unwrap_or(StageName::OF_ENTRIES[0])
    }

    /// The step that comes last.
    #[must_use]
    pub fn last(self) -> StageName {
        self.steps().next_back().unwrap_or_else(|| self.first())
    }

    /// The step that follows another, if that isn't the last.
    #[must_use]
    pub fn after(self, step: StageName) -> Option<StageName> {
        self.steps().skip_while(|other| *other != step).nth(1)
    }

    /// Whether this is one of its steps.
    #[must_use]
    pub fn has(self, step: StageName) -> bool {
        self.steps().any(|other| other == step)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference whether to skip a field")]
    pub(super) fn is_monthly(&self) -> bool {
        *self == Self::MONTHLY
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::MONTHLY
    }
}

impl TryFrom<Vec<StageName>> for Plan {
    type Error = InvalidPlan;

    fn try_from(steps: Vec<StageName>) -> Result<Self, Self::Error> {
        Self::of(&steps)
    }
}

impl From<Plan> for Vec<StageName> {
    fn from(plan: Plan) -> Self {
        plan.steps().collect()
    }
}

#[cfg(test)]
mod tests;
