//! What comes next, in sentences.

use std::fmt::Write as _;

use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, Standing, Zone},
    entry::RunAndItem,
    stage::Preview,
    why::{HoldReason, NextStep, Outlook, Timeline},
};

use super::{by_run, console, in_force, local};

/// What holds a stage, in words that follow "the email stage".
#[must_use]
pub fn holder(holder: &HoldReason, zone: &Zone) -> String {
    match holder {
        HoldReason::Command { who, note, since, until } => {
            let until = until
                .map_or_else(|| "until `pulse resume`".to_owned(), |until| format!("until {}", local(until, zone)));
            format!("is paused since {} by {who} ({note}), {until}", local(*since, zone))
        }
        HoldReason::Console { pause } => {
            format!("is paused since {}: {}", local(pause.since, zone), console(pause.how))
        }
        HoldReason::Reputation { note, since } => format!(
            "is held since {}, as recipients take its mails badly ({}): `pulse resume email --note \"..\"` alone ends it",
            local(*since, zone),
            note.as_str().trim_end_matches('.')
        ),
        HoldReason::Breaker { since, probe_at } => format!(
            "is held since {}, as its provider is out of order; it is tried next at {}",
            local(*since, zone),
            local(*probe_at, zone)
        ),
        HoldReason::Unexplained => {
            "is turned off, and it isn't written down yet why: tick sees to it within a minute".into()
        }
    }
}

/// The next thing that will happen to a customer's entry, in a sentence or two with their times in `zone`.
#[must_use]
pub fn sentence(outlook: &Outlook, customer: &CustomerId, zone: &Zone) -> String {
    let mut sentence = next_sentence(outlook, customer, zone);
    if let Some(since) = outlook.in_doubt_since {
        let then = match outlook.then {
            Some(Preview::Indeterminate) => {
                "can't be asked: the mail will be in doubt until the provider tells of it, or a day is over."
            }
            _ => "is asked before anything is sent.",
        };
        let _ = write!(sentence, " The provider may have the mail since {}: it {then}", local(since, zone));
    }
    if let Some(held) = &outlook.suppressed_by {
        let _ = write!(
            sentence,
            " As things are, it will be skipped then: the address is suppressed, {}.",
            in_force(held, zone)
        );
    } else if let Some(reason) = outlook.will_be_skipped {
        let _ = write!(sentence, " As things are, it will be skipped then: {reason}.");
    }
    sentence
}

fn next_sentence(outlook: &Outlook, customer: &CustomerId, zone: &Zone) -> String {
    let run = outlook.run;
    let by_run = by_run(RunAndItem { run, item: outlook.item });
    let at = |moment: &Timestamp| local(*moment, zone);
    match &outlook.next {
        NextStep::Sent { at: sent } => format!("Sent {}: nothing more happens in this run.", at(sent)),
        NextStep::Skipped { reason } => format!("Skipped ({reason}): nothing more happens in this run."),
        NextStep::Failed { cause, .. } | NextStep::Dropped { cause } if run.is_campaign() => format!(
            "Failed: {cause} It stays so, as all that a campaign has closed. `pulse run start NAME --unreached-of {run} ..` \
             writes to those whom it didn't reach, once it is over."
        ),
        NextStep::Unconfirmed { since } if run.is_campaign() => format!(
            "Unconfirmed: since {} nobody has told whether the mail was accepted, and nobody is waited for. Who knows \
             better says so by `pulse settle {customer} {by_run}`; it isn't sent again.",
            at(since)
        ),
        NextStep::Failed { stage, cause } => format!(
            "Failed: {cause} Nothing happens until `pulse redrive {stage} --run {run}`, or for this customer alone \
             `pulse replay {customer} --run {run} --again`."
        ),
        NextStep::Dropped { cause } => format!(
            "The provider accepted the mail, and didn't send it. {cause} Nobody sends it again by himself: `pulse replay \
             {customer} --run {run} --again --force --note ..` orders a further mail."
        ),
        NextStep::Unknown => format!(
            "It isn't known whether the mail was accepted, so nobody sends it again. Its provider's events settle it; \
             after a day without one it counts as unconfirmed. Who knows better says so by `pulse settle {customer} \
             {by_run}`."
        ),
        NextStep::Unconfirmed { since } => format!(
            "Unconfirmed: since {} nobody has told whether the mail was accepted, and nobody is waited for. Who knows \
             that it wasn't has it sent by `pulse settle {customer} {by_run}`.",
            at(since)
        ),
        NextStep::DueBySchedule { at: due } => {
            format!("Due {}: the schedule queues it to the score stage.", at(due))
        }
        NextStep::DueWithoutSchedule { at: due, queued_from } => format!(
            "Due {}, but no schedule queues it then: tick does from {} on. `pulse enroll {customer}` mends the \
             schedule.",
            at(due),
            at(queued_from)
        ),
        NextStep::PutOff { stage, until } => {
            format!("Put off until {}: tick queues it to the {stage} stage then.", at(until))
        }
        NextStep::Woken { stage } => {
            format!("Put off until now: tick queues it to the {stage} stage within a minute.")
        }
        NextStep::Held { stage, holder } => {
            format!("Waits for the {stage} stage, which {}.", self::holder(holder, zone))
        }
        NextStep::HeldByCampaign { stage } => format!(
            "Its campaign holds it, and dispatches it to the {stage} stage in its turn: `pulse run show {run}` says how far it is."
        ),
        NextStep::Over { cause: Some(cause) } => {
            format!("Its campaign was over before its turn: {cause} Nothing more happens in this run.")
        }
        NextStep::Over { cause: None } => {
            "Its campaign was cancelled before its turn: nothing more happens in this run.".to_owned()
        }
        NextStep::InHand { stage, lease_until } => {
            format!("A worker of the {stage} stage has it, until {} at most.", at(lease_until))
        }
        NextStep::Abandoned { stage, repeated_at } => format!(
            "The worker of the {stage} stage that had it died: its message comes back within minutes; if it was \
             lost, tick queues it again from {} on.",
            at(repeated_at)
        ),
        NextStep::Retries { stage, cause, not_before, repeated_at } => format!(
            "Waits in the {stage} queue for its next try{}: {cause} If its message was lost, tick queues it again \
             from {} on.",
            not_before.map_or_else(String::new, |moment| format!(", not before {}", at(&moment))),
            at(repeated_at)
        ),
        NextStep::Waits { stage, since, repeated_at } => format!(
            "Waits in the {stage} queue since {}: the {stage} stage takes it in its turn. If its message was lost, \
             tick queues it again from {} on.",
            at(since),
            at(repeated_at)
        ),
        NextStep::Repeated { stage, since } => format!(
            "Will be queued again to the {stage} stage by tick within a minute: its message has been waited for \
             since {}.",
            at(since)
        ),
    }
}

/// What is to come, in sentences: of each entry that isn't done, or of the only one, and of the customer
/// if that is nothing.
#[must_use]
pub fn next_sentences(story: &Timeline) -> Vec<String> {
    let id = &story.profile.id;
    let mut sentences: Vec<String> = story
        .outlooks
        .iter()
        .filter(|outlook| !outlook.next.is_done() || story.outlooks.len() == 1)
        .map(|outlook| {
            let within = RunAndItem { run: outlook.run, item: outlook.item };
            format!("Run {within}: {}", sentence(outlook, id, &story.profile.zone))
        })
        .collect();
    if !story.has_open_entry {
        sentences.push(match story.profile.standing {
            Standing::Active => format!(
                "There is no open entry, so no mail is to come: `pulse enroll {id}` opens one, and the daily \
                 audit does."
            ),
            Standing::Closed => "Has left: no mail is to come.".to_owned(),
        });
    }
    sentences
}

#[cfg(test)]
mod tests;
