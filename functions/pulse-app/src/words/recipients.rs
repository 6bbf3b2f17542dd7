//! How recipients take the mails.

use pulse_core::feedback::Reputation;

use super::grouped;
use crate::ReputationReport;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A figure that is neither good nor bad by itself.
    Plain,
    /// Nothing can be said yet.
    Quiet,
    /// Within its limit.
    Good,
    /// Something should be looked into.
    Doubtful,
    /// Something must be done.
    Bad,
}

/// A line about how recipients take the mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientsLine {
    /// What it is about.
    pub label: &'static str,
    /// What is to be said of it.
    pub text: String,
    /// How grave it is.
    pub tone: Tone,
}

/// What there is to say of how recipients take the mails: rates, by which limits they are judged, and what comes of that.
#[must_use]
pub fn recipients_lines(report: &ReputationReport) -> Vec<RecipientsLine> {
    let ReputationReport { standing, held_since, will_hold, counts, policy } = report;
    let line = |label, text, tone| RecipientsLine { label, text, tone };
    let rate = |part: u64| {
        let percent = if counts.mails == 0 { 0.0 } else { part as f64 * 100.0 / counts.mails as f64 };
        format!("{} of {} mails ({percent:.2} %)", grouped(part), grouped(counts.mails))
    };
    let percent = |per_100_000: u64| format!("{:.2} %", per_100_000 as f64 / 1_000.0);
    let (warns, holds) = (percent(policy.warn_complaints), percent(policy.hold_complaints));
    let (text, tone) = match standing {
        Reputation::Good if counts.mails < policy.mails => {
            let text = format!("not judged: it takes {} mails of which something was told", grouped(policy.mails));
            (text, Tone::Quiet)
        }
        Reputation::Good => ("good".to_owned(), Tone::Good),
        Reputation::Doubtful => {
            let text =
                format!("doubtful: complaints above {holds} hold the email stage; find out who complains, and why");
            (text, Tone::Doubtful)
        }
        Reputation::Bad => ("bad: mailbox providers may refuse all mails, or do already".to_owned(), Tone::Bad),
    };
    let complaints = format!("{}; above {warns} is doubtful, above {holds} holds", rate(counts.complaints));
    let bounces = format!("{}; above {} holds", rate(counts.hard_bounces), percent(policy.hold_bounces));
    let mut lines = vec![
        line("complaints", complaints, Tone::Plain),
        line("hard bounces", bounces, Tone::Plain),
        line("reputation", text, tone),
    ];
    // What is on the control row, and what the figures make of it at tick's next look, are two things.
    match held_since {
        Some(since) => {
            lines.push(line("so", format!("the email stage is held since {since:.0}, see there"), Tone::Bad));
        }
        None if *will_hold => {
            let text = "tick will hold the email stage within five minutes; it isn't held yet. `pulse resume email --note \
                        \"..\"` says already now why mails may go on";
            lines.push(line("so", text.to_owned(), Tone::Bad));
        }
        None => {}
    }
    lines
}
