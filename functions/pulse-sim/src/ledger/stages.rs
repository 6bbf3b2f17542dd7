//! What is kept of the stages: pauses and breakers, and what came of the calls to their providers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    control::{Control, MinuteOutcomes, Outcomes},
    entry::StageName,
    ports::{Controls, LedgerError, MINUTES_KEPT, OutcomeLog, StageMemory},
};

use super::{
    MemoryLedger,
    units::{IndexRows, Write},
};

#[async_trait]
impl StageMemory for MemoryLedger {
    async fn held_up_at(&self, stage: StageName) -> Result<Option<Timestamp>, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.held_up.get(&stage).copied())
    }

    async fn remember_held_up(&self, stage: StageName, at: Timestamp) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        accounts.held_up.insert(stage, at);
        Ok(())
    }
}

#[async_trait]
impl Controls for MemoryLedger {
    async fn control(&self, stage: StageName) -> Result<Control, LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.read(1);
        Ok(accounts.controls.get(&stage).cloned().unwrap_or_default())
    }

    async fn save(&self, stage: StageName, control: &Control) -> Result<bool, LedgerError> {
        let mut accounts = self.accounts();
        let known = accounts.controls.get(&stage).map_or(0, |control| control.version);
        if known + 1 != control.version {
            accounts.used.refused(Write::Alone);
            return Ok(false);
        }
        accounts.used.write(Write::Alone, IndexRows::NONE);
        accounts.controls.insert(stage, control.clone());
        Ok(true)
    }
}

#[async_trait]
impl OutcomeLog for MemoryLedger {
    async fn report(&self, stage: StageName, at: Timestamp, outcomes: &Outcomes) -> Result<(), LedgerError> {
        let mut accounts = self.accounts();
        accounts.used.write(Write::Alone, IndexRows::NONE);
        add_to_minute(accounts.outcomes.entry(stage).or_default(), at, outcomes);
        Ok(())
    }

    async fn minutes(&self, stage: StageName, from: Timestamp) -> Result<Vec<MinuteOutcomes>, LedgerError> {
        let mut accounts = self.accounts();
        let minutes = minutes_since(accounts.outcomes.get(&stage), from);
        accounts.used.query(minutes.len());
        Ok(minutes)
    }
}

/// What came of calls, by minute.
pub(super) type Minutes = BTreeMap<Timestamp, Outcomes>;

pub(super) fn add_to_minute(minutes: &mut Minutes, at: Timestamp, outcomes: &Outcomes) {
    let minute = minutes.entry(minute_of(at)).or_default();
    let mut causes = minute.causes.clone();
    causes.admit(&outcomes.causes);
    *minute = Outcomes { causes, ..Outcomes::sum([&*minute, outcomes]) };
    let old = at.saturating_sub(MINUTES_KEPT).unwrap_or(Timestamp::MIN);
    while minutes.first_key_value().is_some_and(|(minute, _)| *minute < old) {
        minutes.pop_first();
    }
}

pub(super) fn minutes_since(minutes: Option<&Minutes>, from: Timestamp) -> Vec<MinuteOutcomes> {
    let minutes = minutes.into_iter().flat_map(|all| all.range(minute_of(from)..));
    minutes.map(|(starts, outcomes)| MinuteOutcomes { starts: *starts, outcomes: outcomes.clone() }).collect()
}

fn minute_of(moment: Timestamp) -> Timestamp {
    let second = moment.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(moment)
}
