//! The faults that can be thrown, each with what it is in reality.

use std::{sync::OnceLock, time::Duration};

use pulse_core::{
    entry::Plan,
    stage::{StageName, StageSet},
};

use crate::{
    queue::Disorder,
    scheduler::TargetFailure,
    seeds::{Act, Kind},
    world::{Down, FeedbackFaults, Noise, PanicPlace, ProviderFaults, RecipientWays},
};

/// A fault that can be thrown.
#[derive(Debug, Clone, PartialEq)]
pub struct GameFault {
    /// What it is called by whoever throws it: `score-down`.
    pub name: String,
    /// Where it is thrown.
    pub place: FaultPlace,
    /// What it is, in a few words after which no full stop stands.
    pub title: String,
    /// What it is in reality.
    pub words: &'static str,
    /// What the simulator makes of it.
    pub kind: Kind,
}

/// Where a fault is thrown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPlace {
    /// At a stage's provider.
    Provider(StageName),
    /// Of the services that Pulse runs on: queues, ledger, scheduler, functions.
    Aws,
    /// In Pulse's own code.
    Code,
    /// At recipients, and what is told of them.
    Recipients,
    /// By someone's hand in the AWS console.
    Hands,
}

impl FaultPlace {
    /// All of them, in the order in which pages list them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let providers = Plan::MONTHLY.steps().map(Self::Provider);
        providers.chain([Self::Aws, Self::Code, Self::Recipients, Self::Hands]).collect()
    }
}

impl GameFault {
    /// All of them, by place.
    #[must_use]
    pub fn all() -> &'static [Self] {
        static ALL: OnceLock<Vec<GameFault>> = OnceLock::new();
        ALL.get_or_init(|| {
            let providers = Plan::MONTHLY.steps().flat_map(of_provider);
            providers.chain(of_aws()).chain(of_code()).chain(of_recipients()).chain(of_hands()).collect()
        })
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|fault| fault.name == name)
    }
}

fn fault(place: FaultPlace, name: &str, title: &str, words: &'static str, kind: Kind) -> GameFault {
    GameFault { name: name.to_owned(), place, title: title.to_owned(), words, kind }
}

fn of_provider(stage: StageName) -> Vec<GameFault> {
    let one = |name: &str, title, words, kind| {
        fault(FaultPlace::Provider(stage), &format!("{stage}-{name}"), title, words, kind)
    };
    let down = |name, title, words, down| one(name, title, words, Kind::Outage(stage, down));
    let unreliable = |name, title, words, faults| one(name, title, words, Kind::Unreliable(stage, faults));
    let none = ProviderFaults::default();
    let mut all = vec![
        down(
            "down",
            "is down",
            "It answers each call at once with an error, as a gateway does whose servers are gone (503).",
            Down::Refusing,
        ),
        down(
            "silent",
            "doesn't answer",
            "It takes calls and says nothing: each waits for its whole timeout.",
            Down::Hanging,
        ),
        down(
            "limiting",
            "asks to be left alone",
            "It answers 429 with Retry-After: 5 minutes, as if someone else had used up its limit.",
            Down::Limiting(Duration::from_mins(5)),
        ),
        down(
            "failing",
            "fails inside",
            "It answers 500, and may have done what it was asked: a mail that half of the time is out is in doubt.",
            Down::Failing,
        ),
        unreliable(
            "slow",
            "is four times as slow",
            "Its calls take four times as long, as on a busy day: lanes carry a quarter, and some calls time out.",
            ProviderFaults { slower: 4.0, ..none },
        ),
        unreliable(
            "busy",
            "is busy now and then",
            "It answers three calls in ten with an error that passes: each is made again.",
            ProviderFaults { retry: 0.3, ..none },
        ),
        unreliable(
            "refusing",
            "refuses one in twenty",
            "It refuses one call in twenty for good (400), as after a change of its rules: those letters die.",
            ProviderFaults { fail: 0.05, ..none },
        ),
        unreliable(
            "losing",
            "loses one answer in ten",
            "It does what it is asked, and the connection breaks before its answer is there.",
            ProviderFaults { answer_lost: 0.1, ..none },
        ),
    ];
    if stage == StageName::Email {
        all.push(unreliable(
            "late",
            "sends one in ten minutes later",
            "It answers nothing, and sends the mail minutes after the call was given up.",
            ProviderFaults { late: 0.1, ..none },
        ));
    }
    all
}

fn of_aws() -> Vec<GameFault> {
    let one = |name, title, words, kind| fault(FaultPlace::Aws, name, title, words, kind);
    let disorder = Disorder { duplicate: 0.05, forgotten_delete: 0.05, unordered: false, fewer: 0.2 };
    vec![
        one(
            "ledger-throttled",
            "DynamoDB throttles",
            "One call in ten to the ledger is refused, and one in fifty is done without an answer. Pages feel it, too.",
            Kind::Ledger(Noise { refused: 0.1, answer_lost: 0.02 }),
        ),
        one(
            "ledger-away",
            "DynamoDB can't be reached",
            "Every call to the ledger fails, as in an outage of the Region: no page has figures, and nobody is mailed.",
            Kind::Ledger(Noise { refused: 1.0, answer_lost: 0.0 }),
        ),
        one(
            "queues-failing",
            "SQS fails now and then",
            "One call in ten to a queue is refused, and one in fifty is done without an answer.",
            Kind::Queues(Noise { refused: 0.1, answer_lost: 0.02 }),
        ),
        one(
            "queues-disorderly",
            "SQS repeats and forgets",
            "One message in twenty is handed out twice, one delete in twenty is forgotten, and receives miss what is there.",
            Kind::Disorder(disorder),
        ),
        one(
            "workers-die",
            "Lambda kills workers",
            "At each of its calls, a function dies with a chance of one in two hundred, as when it is out of memory.",
            Kind::Deaths(0.005),
        ),
        one(
            "batches-lost",
            "Lambda loses batches",
            "One batch in ten is received, and never reaches its function: each message has lost a receive.",
            Kind::LostBatches(0.1),
        ),
        one(
            "scheduler-away",
            "Scheduler can't reach its queue",
            "Schedules fire into nothing. EventBridge tries them again for a day: once it is mended, all come in a storm.",
            Kind::SchedulerCutOff,
        ),
        one(
            "scheduler-refused",
            "Scheduler is refused by its queue",
            "A policy was changed: what fires goes to the schedules' dead-letter queue at once.",
            Kind::SchedulerRefused(TargetFailure::Refused),
        ),
    ]
}

fn of_code() -> Vec<GameFault> {
    let one = |name, title, words, kind| fault(FaultPlace::Code, name, title, words, kind);
    vec![
        one(
            "tick-silent",
            "the tick doesn't run",
            "Its function fails each minute: no breaker opens, nothing is swept, no order is carried out, figures grow old.",
            Kind::NothingScheduled,
        ),
        one(
            "tick-killed",
            "ticks are killed half-way",
            "At each of its calls, a tick dies with a chance of one in a hundred: orders go on from where they were written down.",
            Kind::TickDeaths(0.01),
        ),
        one(
            "panics-scored",
            "the score stage panics on some",
            "For one customer in ten the code panics once they are scored, as on a score that nobody thought of.",
            Kind::Panics(PanicPlace::Scored, 10),
        ),
        one(
            "panics-written",
            "the email stage panics on some",
            "For one customer in ten the code panics while their mail is written, as on a name that no letter can hold.",
            Kind::Panics(PanicPlace::Written, 10),
        ),
        one(
            "deployment",
            "a deployment",
            "Somebody deploys in the middle of it: all is as the template says, and functions start anew.",
            Kind::Once(Act::Deploy),
        ),
    ]
}

fn of_recipients() -> Vec<GameFault> {
    let one = |name, title, words, kind| fault(FaultPlace::Recipients, name, title, words, kind);
    let told = |name, title, words, faults| one(name, title, words, Kind::Feedback(faults));
    let ways = RecipientWays { soft: 0.01, delayed: 0.01, clicks: 0.002, ..RecipientWays::default() };
    let none = FeedbackFaults::default();
    vec![
        one(
            "bounces",
            "a wave of bounces",
            "One mail in five comes back for good, as when a large mail provider has closed: the email stage is held for that.",
            Kind::Recipients(RecipientWays { hard: 0.2, complaints: 0.0005, ..ways }),
        ),
        one(
            "complaints",
            "a wave of complaints",
            "Two mails in a hundred are called spam, as after a letter that offends: the email stage is held for that.",
            Kind::Recipients(RecipientWays { hard: 0.005, complaints: 0.02, ..ways }),
        ),
        told(
            "events-lost",
            "half of the events are lost",
            "Nobody tells of one mail in two.",
            FeedbackFaults { lost: 0.5, ..none },
        ),
        told(
            "events-repeated",
            "events come twice, late, and forged",
            "Half of them are told again, a third within a fortnight, and strangers forge complaints.",
            FeedbackFaults { late: 0.3, repeated: 0.5, strangers: 0.3, ..none },
        ),
        told(
            "events-unreadable",
            "events can't be read",
            "The provider has changed their form: they go to the feedback queue's dead letters. Mended means a new parser is deployed.",
            FeedbackFaults { unreadable: 1.0, ..none },
        ),
    ]
}

fn of_hands() -> Vec<GameFault> {
    let mut all = vec![fault(
        FaultPlace::Hands,
        "intake-off",
        "the intake's mappings are disabled",
        "Somebody has switched off what reads feedback and opt-outs: these wait, for four days at most.",
        Kind::IntakeOff,
    )];
    for stage in StageSet::of_every_stack().iter() {
        let one = |name: &str, title: &str, words, kind| {
            fault(FaultPlace::Hands, &format!("{stage}-{name}"), &format!("the {stage} {title}"), words, kind)
        };
        all.extend([
            one(
                "disabled",
                "mapping is disabled",
                "Somebody has disabled the event source mapping, without a word. Mended means it is enabled there again.",
                Kind::Disable(stage),
            ),
            one(
                "reserved",
                "function may not run",
                "Somebody has reserved 0 for the function, without a word. Mended means that is taken back there.",
                Kind::Throttle(stage, 0),
            ),
            one(
                "purged",
                "queue is purged",
                "Somebody has deleted every message that waits. What was there is on the ledger: the tick finds it in an hour or so.",
                Kind::Once(Act::Purge(stage)),
            ),
        ]);
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_fault_has_a_name_of_its_own_and_whole_sentences() {
        let names: BTreeSet<_> = GameFault::all().iter().map(|fault| &fault.name).collect();
        assert_eq!(names.len(), GameFault::all().len());
        for fault in GameFault::all() {
            assert!(fault.words.ends_with('.') && !fault.title.ends_with('.'), "{fault:?}");
            assert!(FaultPlace::all().contains(&fault.place));
        }
    }
}
