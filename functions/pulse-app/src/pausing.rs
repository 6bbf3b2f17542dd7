use std::time::Duration;

use jiff::Timestamp;
use pulse_core::{
    advice::Advice,
    control::{Cleared, Note, Pause},
    entry::StageName,
    orders::OrderAction,
    pausing::{Pausing, PausingError, Resumed, clear_ahead, write_pause},
    ports::{StageError, StageStatus, Switch},
    stage_spec::NoSuchStage,
    tick::{MappingReconciler, Reconciled},
};
use serde::Serialize;

use crate::App;

/// How often a stage is looked at that is being switched.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a mapping may take to be switched. AWS gives no figure; minutes have been seen.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long the messages in flight are watched: an invocation hears of the pause within ten seconds, a call that is under way ends
/// within twenty, and a batch of short ones within two minutes.
const DRAINS_WITHIN: Duration = Duration::from_mins(2);

/// A pause that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseOrder {
    /// Of which stage.
    pub stage: StageName,
    /// The operator's words, for others to read.
    pub note: Note,
    /// After how long it ends by itself, if it does.
    pub lasts: Option<Duration>,
    /// What is waited for.
    pub until: Until,
}

/// What is waited for when a stage is paused or resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// It is written down, and the reconciler was run once.
    Ordered,
    /// The stage's mapping is as it was to be.
    Switched,
    /// What was being worked on is done, too.
    Drained,
}

/// How far the switching of a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switching {
    /// Its mapping isn't as it is to be yet.
    Mapping {
        /// How it is.
        mapping: Switch,
        /// About how many messages are being worked on.
        in_flight: u64,
    },
    /// It is, and messages are being worked on still.
    Draining {
        /// About how many.
        in_flight: u64,
    },
}

/// Who hears of it.
type Watch<'w> = &'w mut (dyn FnMut(Switching) + Send);

/// What came of a pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PauseReport {
    /// The stage concerned.
    pub stage: StageName,
    /// Whether it is paused.
    pub paused: bool,
    /// Until when, if it ends by itself.
    pub until: Option<Timestamp>,
    /// When the pause would have ended by itself that this one takes the place of, if there is such a one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_until: Option<Timestamp>,
    /// Whether it is held for bad reputation beside, which neither the pause's end nor a resume without a note ends.
    pub needs_note: bool,
    /// About how many messages wait.
    pub waiting: u64,
    /// About how many are being worked on still, or wait for their next try.
    pub in_flight: u64,
}

impl PauseReport {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Advice {
        let stage = self.stage;
        if self.needs_note { Advice::ResumeWithNote { stage } } else { Advice::Resume { stage } }
    }
}

/// What came of a resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResumeReport {
    /// The stage concerned.
    pub stage: StageName,
    /// Whether it flows.
    pub flows: bool,
    /// Whether anything held it.
    pub was_held: bool,
    /// What tick's next look at how recipients take the mails makes of it.
    #[serde(skip_serializing_if = "NextLook::is_nothing")]
    pub next_look: NextLook,
    /// The same in one word.
    #[serde(skip)]
    pub resumed: Resumed,
}

/// What tick's next look at how recipients take the mails makes of a stage that was resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextLook {
    /// Nothing, by today's figures.
    Nothing,
    /// It holds the stage: nobody has said why mails may go on.
    Holds,
    /// It would have held the stage, and won't: the note counts ahead.
    Cleared,
}

impl NextLook {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

impl ResumeReport {
    fn of(stage: StageName, resumed: Resumed, next_look: NextLook) -> Self {
        Self { stage, flows: resumed.flows(), was_held: resumed != Resumed::Already, next_look, resumed }
    }

    /// What to do next, if the stage doesn't flow, or not for long.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let stage = self.stage;
        let lasts = || (self.next_look == NextLook::Holds).then_some(Advice::ResumeWithNote { stage });
        self.resumed.advice(stage).or_else(lasts)
    }
}

/// Why a stage isn't as it was to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// It couldn't be written down, or not be switched now.
    #[error(transparent)]
    Pausing(#[from] PausingError),
    /// It can't be looked at.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The stack hasn't it.
    #[error(transparent)]
    NoSuchStage(#[from] NoSuchStage),
    /// It takes too long.
    #[error(
        "The {stage} stage's mapping is {mapping:?} after {minutes} minutes. It is written down, so tick goes on trying"
    )]
    Slow {
        /// The stage concerned.
        stage: StageName,
        /// How its mapping is.
        mapping: Switch,
        /// After how long.
        minutes: u64,
    },
    /// Someone has resumed it meanwhile, or the pause is over.
    #[error("The pause of the {0} stage was ended while it was waited for")]
    Undone(StageName),
}

impl SwitchError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Slow { .. } | Self::Undone(_) => Some(Advice::LookAtStages),
            Self::Pausing(PausingError::NoteNeeded(stage)) => Some(Advice::ResumeWithNote { stage: *stage }),
            Self::Pausing(_) | Self::Stage(_) | Self::NoSuchStage(_) => None,
        }
    }
}

impl App {
    /// Pauses a stage: writes it down, and runs the reconciler until the stage is as it is to be.
    ///
    /// # Errors
    /// As [`SwitchError`] says. After [`PausingError::Switch`] and everything that is waited for, the pause is written
    /// down all the same.
    pub async fn pause(&self, order: &PauseOrder, watch: Watch<'_>) -> Result<PauseReport, SwitchError> {
        let until = order.lasts.map(|lasts| later(self.clock().now(), lasts));
        let paused = self.pause_now(order, watch).await;
        self.leave_order(OrderAction::Pause { stage: order.stage, until }, Some(&order.note), &paused).await;
        paused
    }

    async fn pause_now(&self, order: &PauseOrder, watch: Watch<'_>) -> Result<PauseReport, SwitchError> {
        let PauseOrder { stage, ref note, lasts, until: wait } = *order;
        self.ports.stages.deployed().require(stage)?;
        let since = self.clock().now();
        let until = lasts.map(|lasts| later(since, lasts));
        let pause = Pause { by: self.actor.clone(), note: note.clone(), since, until };
        // First of all, whatever else may hang: tick does the rest if nothing here can.
        let before = write_pause(&*self.ports.controls, stage, &pause).await?;
        let needs_note = before.reputation.is_some();
        let replaced_until = before.pause.and_then(|before| before.until).filter(|until| *until > since);
        let pausing = self.pausing().await;
        let status = match (pausing.hold(stage).await, wait) {
            (reconciled, Until::Ordered) => reconciled?.status,
            // It is written down, so tick would do it; waiting for the mapping does it sooner.
            (_, Until::Switched | Until::Drained) => {
                let reconciled = self.until_switched(&pausing, stage, Switch::Off, watch).await?;
                if reconciled.control.hold(self.clock().now()).is_none() {
                    return Err(SwitchError::Undone(stage));
                }
                reconciled.status
            }
        };
        let status = if wait == Until::Drained { self.until_drained(stage, status, watch).await? } else { status };
        let StageStatus { waiting, in_flight, .. } = status;
        Ok(PauseReport { stage, paused: true, until, replaced_until, needs_note, waiting, in_flight })
    }

    /// Resumes a stage, whatever held it: writes it down, and runs the reconciler until the stage flows. A hold for bad
    /// reputation takes a note; one that tick is about to make is ended ahead by it.
    ///
    /// # Errors
    /// As [`SwitchError`] says.
    pub async fn resume(
        &self,
        stage: StageName,
        note: Option<&Note>,
        wait: Until,
        watch: Watch<'_>,
    ) -> Result<ResumeReport, SwitchError> {
        let resumed = self.resume_now(stage, note, wait, watch).await;
        self.leave_order(OrderAction::Resume { stage }, note, &resumed).await;
        resumed
    }

    async fn resume_now(
        &self,
        stage: StageName,
        note: Option<&Note>,
        wait: Until,
        watch: Watch<'_>,
    ) -> Result<ResumeReport, SwitchError> {
        self.ports.stages.deployed().require(stage)?;
        let next_look = self.next_look(stage, note).await?;
        let pausing = self.pausing().await;
        let resumed = match pausing.resume(stage, note.map(|note| (&self.actor, note))).await {
            // It is written down, so tick would do it; waiting for the mapping does it sooner.
            Err(error) if error.is_written_down() && wait != Until::Ordered => Resumed::Flows,
            resumed => resumed?,
        };
        if !resumed.flows() || wait == Until::Ordered {
            return Ok(ResumeReport::of(stage, resumed, next_look));
        }
        let reconciled = self.until_switched(&pausing, stage, Switch::On, watch).await?;
        let resumed = Resumed::still_held(&reconciled, self.clock().now()).unwrap_or(resumed);
        Ok(ResumeReport::of(stage, resumed, next_look))
    }

    /// What tick's next look makes of a stage that is resumed now. A note that says why mails may go on ends what it would
    /// make.
    async fn next_look(&self, stage: StageName, note: Option<&Note>) -> Result<NextLook, PausingError> {
        if stage != StageName::Email {
            return Ok(NextLook::Nothing);
        }
        match (self.reputation_breaker().look().await, note) {
            (Ok(look), Some(note)) if look.will_hold() => {
                let cleared = Cleared { at: self.clock().now(), by: self.actor.clone(), note: note.clone() };
                clear_ahead(&*self.ports.controls, stage, &cleared).await?;
                Ok(NextLook::Cleared)
            }
            (Ok(look), None) if look.will_hold() => Ok(NextLook::Holds),
            (Err(error), Some(_)) => Err(error.into()),
            // Who resumes doesn't hang on figures.
            (Ok(_) | Err(_), _) => Ok(NextLook::Nothing),
        }
    }

    /// The reconciler, with tick's own figures where they can be read: what was asked for doesn't hang on them.
    async fn pausing(&self) -> Pausing<'_> {
        let policy = self.settings.breaker().await.unwrap_or_default();
        let reconciler = MappingReconciler {
            stages: &*self.ports.stages,
            controls: &*self.ports.controls,
            outcomes: &*self.ports.outcomes,
            clock: self.clock(),
            policy,
        };
        Pausing { reconciler }
    }

    /// Runs the reconciler until it finds a stage's mapping as it is to be, or what it is to be has changed.
    async fn until_switched(
        &self,
        pausing: &Pausing<'_>,
        stage: StageName,
        wanted: Switch,
        watch: Watch<'_>,
    ) -> Result<Reconciled, SwitchError> {
        let ends = later(self.clock().now(), PATIENCE);
        loop {
            let reconciled = pausing.reconcile(stage).await?;
            let now = self.clock().now();
            let StageStatus { mapping, in_flight, .. } = reconciled.status;
            let is_still_wanted = reconciled.control.hold(now).is_none() == wanted.is_on();
            if mapping == wanted || !is_still_wanted {
                return Ok(reconciled);
            }
            if now > ends {
                return Err(SwitchError::Slow { stage, mapping, minutes: PATIENCE.as_secs() / 60 });
            }
            watch(Switching::Mapping { mapping, in_flight });
            self.ports.sleeper.sleep_until(later(now, LOOK_EVERY)).await;
        }
    }

    async fn until_drained(
        &self,
        stage: StageName,
        mut status: StageStatus,
        watch: Watch<'_>,
    ) -> Result<StageStatus, StageError> {
        let ends = later(self.clock().now(), DRAINS_WITHIN);
        while status.in_flight > 0 && self.clock().now() < ends {
            watch(Switching::Draining { in_flight: status.in_flight });
            self.ports.sleeper.sleep_until(later(self.clock().now(), LOOK_EVERY)).await;
            status = self.ports.stages.status(stage).await?;
        }
        Ok(status)
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
