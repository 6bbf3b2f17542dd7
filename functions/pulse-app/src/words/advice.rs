//! What to do next: a command.

use std::fmt::Display;

use pulse_core::{advice::Advice, entry::RunAndItem};

use super::by_run;

/// An error with the command that is to be typed next.
#[must_use]
pub fn advised(error: impl Display, advice: Option<&Advice>) -> String {
    format!("{error}{}", advice.map(after).unwrap_or_default())
}

/// What to do next, in words that go on after what is wrong.
fn after(advice: &Advice) -> String {
    match advice {
        Advice::Redrive { stage, run } => format!(": `pulse redrive {stage} --run {run}` queues it again"),
        Advice::ReplayAgain { customer, run } => {
            format!(": `pulse replay {customer} --run {run} --again` queues it again")
        }
        Advice::OrderFurtherMail { .. } => ": a further mail needs --force and a --note that says why".into(),
        Advice::MailBeforeDue { .. } => ": to mail it before its time needs --force and a --note that says why".into(),
        Advice::Settle { customer, run, item } => {
            format!(": `pulse settle {customer} {}` first", by_run(RunAndItem { run: *run, item: *item }))
        }
        Advice::Enroll { customer } => format!(": `pulse enroll {customer}` mends it"),
        Advice::EnrollSomeone => ": see `pulse enroll --help` for how to put someone there.".into(),
        Advice::Resume { stage } => format!(": `pulse resume {stage}` ends it"),
        Advice::ResumeWithNote { stage } => {
            format!(": `pulse resume {stage} --note \"..\"` does, and says why mails may go on")
        }
        Advice::EnableMapping { stage } => format!(": enable the {stage} stage's mapping in the console"),
        Advice::RaiseConcurrency { stage } => {
            format!(": raise the {stage} function's reserved concurrency, or remove it where the stack reserves none")
        }
        Advice::LookAtCustomer { .. } => ": see `pulse customer` for the runs that the customer has".into(),
        Advice::LookAtStages => ": see `pulse status`.".into(),
        Advice::LookAtLanes { .. } => ": look at them with `pulse lanes`.".into(),
        Advice::LookAtOrders => ": see `pulse orders`".into(),
        Advice::LookAtCampaigns => ": see `pulse run list`".into(),
        Advice::LookAtCampaign { run } => format!(": see `pulse run show {run}`"),
        Advice::Why { customer, run } => format!(": see `pulse why {customer} --run {run}`"),
        Advice::LookAtEndpoints => ": see `pulse endpoint list`".into(),
        Advice::GiveLanes { endpoint, lanes } => {
            format!(": first `pulse endpoint change {endpoint} --lanes {lanes}`, and so with each")
        }
        Advice::FinishRotation { endpoint } => {
            format!(": `pulse endpoint rotate {endpoint} --finish` first, once its receiver has the new key")
        }
        Advice::SignWith { secret } => format!(": `--secret {secret}` signs with the keys that it holds"),
        Advice::RestoreSecret { secret } => format!(
            ": `aws secretsmanager restore-secret --secret-id {secret}` brings it back, and `--secret {secret}` signs with it"
        ),
        Advice::PretendScore => ": add `--score 712 --band good` to see the mail with a pretended one".into(),
        Advice::RepairByAudit => ": `pulse audit --repair` repairs it".into(),
    }
}

#[cfg(test)]
mod tests;
