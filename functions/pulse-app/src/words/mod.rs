//! The words for what the domain tells, the same on the command line and on a page: what to do next is a command in them.

mod advice;
mod campaigns;
mod endpoint_lines;
mod endpoints;
mod figures;
mod next;
mod orders;
mod places;
mod reasons;
mod recipients;
mod sheet;
mod stage_lines;

use jiff::Timestamp;
use pulse_core::{
    control::Console,
    customer::Zone,
    entry::RunAndItem,
    overview::{Held, How},
    stage::Preview,
    suppression::{Evidence, InForce, Scope},
};

pub use advice::advised;
pub use campaigns::{
    audience, campaign_event, campaign_next, campaign_places, campaign_state, customers_or_items, open_place, stage_use,
};
pub use endpoint_lines::{
    asked_for, called_lately, endpoint_lanes, endpoint_next, endpoint_now, endpoint_unwell, tried, waiting_count,
    waiting_since, whose_word,
};
pub use endpoints::{endpoint_sentences, endpoint_standing, next_word};
pub use figures::{age, console_costs, decimal, endpoint_costs, grouped, lasting, length};
pub use next::{holder, next_sentences, sentence};
pub use orders::{order_lines, order_state};
pub use places::place;
pub use reasons::{reason, told};
pub use recipients::{RecipientsLine, Tone, recipients_lines};
pub use sheet::{Row, Sheet, Suppressed};
pub use stage_lines::{StageLine, stage_lines};

/// How a command is told of which run, and about which item, an entry is.
#[must_use]
pub fn by_run(RunAndItem { run, item }: RunAndItem) -> String {
    item.map_or_else(|| format!("--run {run}"), |item| format!("--run {run} --item {item}"))
}

/// A moment as someone in `zone` reads it.
#[must_use]
pub fn local(moment: Timestamp, zone: &Zone) -> String {
    let zoned = moment.to_zoned(zone.rules().clone());
    format!("{} {zone}", zoned.strftime("%Y-%m-%d %H:%M"))
}

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
        How::Reputation { note } => {
            format!("recipients take its mails badly. {note} `pulse resume email --note \"..\"` ends it")
        }
        How::Breaker { calls, failures } => format!("{failures} of {calls} calls to the provider failed"),
    }
}

/// For what an address is suppressed, since when and until when, in words.
#[must_use]
pub fn in_force(held: &InForce, zone: &Zone) -> String {
    let InForce { reason, evidence: Evidence { at, scope, cause }, until } = held;
    // Early releases kept no moment.
    let since = if *at == Timestamp::UNIX_EPOCH { "long ago".to_owned() } else { local(*at, zone) };
    let scope = match scope {
        Scope::All => String::new(),
        Scope::Provider(source) => format!(", for mails by {source}"),
    };
    let until =
        until.map_or_else(|| "until it is released".to_owned(), |until| format!("until {}", local(until, zone)));
    let cause = cause.as_ref().map(|cause| format!(" ({})", cause.clause())).unwrap_or_default();
    format!("{reason} since {since}{scope}, {until}{cause}")
}

/// What would be done for an entry, in words that follow "the entry", with times in `zone`.
#[must_use]
pub fn preview(preview: &Preview, zone: &Zone) -> String {
    let at = |moment: &Timestamp| local(*moment, zone);
    match preview {
        Preview::Score { and_skip: None } => "would be scored, and then mailed".into(),
        Preview::Score { and_skip: Some(reason) } => {
            format!("would be scored, and its mail then be skipped: {reason}")
        }
        Preview::Call { and_skip: None } => "would have its partner called, and then be mailed".into(),
        Preview::Call { and_skip: Some(reason) } => {
            format!("would have its partner called, and its mail then be skipped: {reason}")
        }
        Preview::Mail => "would be mailed".into(),
        Preview::ScoreAgain { as_of } => {
            format!("would be scored again before it is mailed, as its score is of {}", at(as_of))
        }
        Preview::AskFirst { or_else } => format!(
            "would be asked for at the provider first, and is sent if the provider has it; if not, it {}",
            self::preview(or_else, zone)
        ),
        Preview::PutOff { until } => format!("would be put off until {}, as hours are quiet until then", at(until)),
        Preview::Skip { reason } => format!("would be skipped: {reason}"),
        Preview::Indeterminate => {
            "would be in doubt, until its provider tells what became of it, or a day is over".into()
        }
        Preview::InHand { lease_until } => {
            format!("is in a worker's hands, until {} at most: nothing", at(lease_until))
        }
        Preview::Sent { at: sent } => format!("is sent already, {}: nothing", at(sent)),
        Preview::Skipped { reason } => format!("is skipped ({reason}): nothing"),
        Preview::Dropped { at: dropped } => format!(
            "was accepted by the provider and then not sent, {}: nothing, but for a further mail that is ordered",
            at(dropped)
        ),
        Preview::Unsettled => "is in doubt: nothing".into(),
        Preview::Over => "is of a campaign that is over: nothing".into(),
        Preview::Held => "is held by its campaign: nothing, until its turn comes".into(),
    }
}
