use pulse_core::{
    control::Console,
    overview::{Held, How},
};

/// How someone paused a stage past Pulse, and what ends that.
#[must_use]
pub fn console(how: Console) -> &'static str {
    match how {
        Console::ReservedZero => "the function's reserved concurrency is 0: raise it to resume",
        Console::MappingDisabled => "the mapping was disabled in the console: enable it there, or `pulse resume`",
        Console::KeptAfterDeployment => "it was paused in the console before a deployment: `pulse resume` ends it",
    }
}

/// What holds a stage: who, and why; or what the provider does.
#[must_use]
pub fn held(held: &Held) -> String {
    match &held.how {
        How::Command { who, note } => format!("by {who}: {note}"),
        How::Console { how } => console(*how).to_owned(),
        How::Breaker { calls, failures } => format!("{failures} of {calls} calls to the provider failed"),
    }
}
