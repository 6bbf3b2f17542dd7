//! Stages and queues, as they are typed.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use pulse_core::{
    entry::StageName,
    ports::{DlqName, IntakeQueue},
};

/// Reads the name of a stage.
#[must_use]
pub fn stage() -> impl TypedValueParser<Value = StageName> {
    let stages = StageName::ALL.iter().map(|stage| stage.as_str());
    PossibleValuesParser::new(stages).try_map(|name| StageName::from_str(&name))
}

/// Reads the name of a dead-letter queue.
#[must_use]
pub fn dlq() -> impl TypedValueParser<Value = DlqName> {
    let queues = DlqName::all().map(|queue| {
        let help = match queue {
            DlqName::Stage(stage) => format!("What the {stage} stage gave up"),
            DlqName::Schedules => "What EventBridge Scheduler couldn't deliver".to_owned(),
            DlqName::Intake(IntakeQueue::Feedback) => {
                "What providers or partners told, and couldn't be read".to_owned()
            }
            DlqName::Intake(IntakeQueue::Unsubscribe) => "Opt-outs that couldn't be written down".to_owned(),
        };
        PossibleValue::new(queue.as_str()).help(help)
    });
    PossibleValuesParser::new(queues).try_map(|name| DlqName::from_str(&name))
}
