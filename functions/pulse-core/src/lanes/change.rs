use super::{KEPT_UNRESERVED, LaneSettings, Lanes, LanesError, Step, steps};
use crate::{
    entry::StageName,
    ports::{LaneControl, LaneError},
};

/// The use case: setting a stage's lanes.
#[derive(Clone, Copy)]
pub struct LaneChange<'a> {
    /// What the lanes hang on.
    pub control: &'a dyn LaneControl,
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// How the stage was set.
    pub before: LaneSettings,
    /// What it has now.
    pub lanes: Lanes,
    /// What led there.
    pub steps: Vec<Step>,
}

/// Why lanes aren't set, or only in part. Whatever was done is safe, and the same command again does the rest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneChangeError {
    /// They can't be read or changed.
    #[error(transparent)]
    Control(#[from] LaneError),
    /// There can't be so many.
    #[error(transparent)]
    Lanes(#[from] LanesError),
    /// Somebody has paused the stage by its reserved concurrency: setting lanes would end the pause.
    #[error(
        "the {0} function's reserved concurrency is 0, so somebody has paused the stage from the console: take that \
         back there first, or leave it paused"
    )]
    Paused(StageName),
    /// The account hasn't so many invocations at once left.
    #[error(
        "{wanted} invocations at once can't be reserved for the {stage} function: the account has {left} unreserved, of \
         which Lambda keeps {KEPT_UNRESERVED}, so that {most} are the most. Have Lambda's quota \"Concurrent \
         executions\" raised, or free what other functions have reserved"
    )]
    Account {
        /// The stage concerned.
        stage: StageName,
        /// How many were to be reserved.
        wanted: u32,
        /// How many can be.
        most: u32,
        /// How many the account has left.
        left: u32,
    },
}

impl LaneChange<'_> {
    /// What setting a stage to `count` lanes would take: the lanes that there would be, and the way there. If there
    /// can't be exactly so many, there are fewer.
    ///
    /// # Errors
    /// When the settings can't be read, the stage is paused by its reserved concurrency, or there can't be so many, by the
    /// arithmetic or in this account.
    pub async fn plan(&self, stage: StageName, count: u32, in_flight: Option<u32>) -> Result<Changed, LaneChangeError> {
        let before = self.control.settings(stage).await?;
        refuse_a_pause(stage, &before)?;
        let lanes = Lanes::closest(count, in_flight, before.in_flight)?;
        let steps = steps(&before, lanes);
        self.refuse_more_than_there_is(stage, &before, &steps).await?;
        Ok(Changed { before, lanes, steps })
    }

    /// As Lambda does when it comes to reserving them.
    async fn refuse_more_than_there_is(
        &self,
        stage: StageName,
        before: &LaneSettings,
        steps: &[Step],
    ) -> Result<(), LaneChangeError> {
        let reserved = before.reserved_concurrency.unwrap_or_default();
        let wanted = steps.iter().filter_map(|step| match step {
            Step::Reserve(invocations) => Some(*invocations),
            _ => None,
        });
        let Some(wanted) = wanted.max().filter(|wanted| *wanted > reserved) else { return Ok(()) };
        let left = self.control.unreserved(stage).await?;
        let most = reserved + left.saturating_sub(KEPT_UNRESERVED);
        if wanted > most {
            return Err(LaneChangeError::Account { stage, wanted, most, left });
        }
        Ok(())
    }

    /// Goes the way of a plan. Each step is told to `progress` before it is taken.
    ///
    /// # Errors
    /// When a step can't be taken, or somebody pauses the stage meanwhile.
    pub async fn carry_out(
        &self,
        stage: StageName,
        plan: &Changed,
        progress: &mut (dyn FnMut(&Step) + Send),
    ) -> Result<(), LaneChangeError> {
        for step in &plan.steps {
            if matches!(step, Step::Reserve(_)) {
                refuse_a_pause(stage, &self.control.settings(stage).await?)?;
            }
            progress(step);
            self.control.take(stage, *step).await?;
        }
        Ok(())
    }
}

fn refuse_a_pause(stage: StageName, settings: &LaneSettings) -> Result<(), LaneChangeError> {
    if settings.reserved_concurrency == Some(0) {
        return Err(LaneChangeError::Paused(stage));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
