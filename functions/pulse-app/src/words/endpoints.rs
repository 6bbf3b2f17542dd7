//! What other systems know, and what is on its way to them, in sentences.

use pulse_core::{
    customer::Zone,
    delivery::{EndpointName, EndpointStanding, FactKind},
    entry::{ItemId, RunAndItem},
    run::RunId,
    why::{EndpointTold, NextWord},
};

use super::{holder, local};

/// How an endpoint stands, in words that follow its name.
#[must_use]
pub fn endpoint_standing(standing: &EndpointStanding, endpoint: &EndpointName, zone: &Zone) -> String {
    match standing {
        EndpointStanding::Flows => "flows".into(),
        EndpointStanding::Tried { since } => {
            format!("is out of order since {}, and is being tried now with a few facts", local(*since, zone))
        }
        EndpointStanding::Paused { by, note, since, until } => {
            let until = until.map_or_else(
                || format!("until `pulse endpoint resume {endpoint}`"),
                |until| format!("until {}", local(until, zone)),
            );
            format!("is paused since {} by {by} ({note}), {until}", local(*since, zone))
        }
        EndpointStanding::Gone { since, cause } => format!(
            "is held since {}, as it asked never to be called again ({}): `pulse endpoint resume {endpoint}` alone ends it",
            local(*since, zone),
            cause.clause()
        ),
        EndpointStanding::Broken { since, probe_at } => format!(
            "is held since {}, as it is out of order; it is tried next at {}",
            local(*since, zone),
            local(*probe_at, zone)
        ),
        EndpointStanding::Removed { since } => {
            format!("is being removed since {}: what waits for it is dropped", local(*since, zone))
        }
    }
}

/// What an endpoint knows of a customer, and what comes next of each fact that it isn't told yet, with times in `zone`.
#[must_use]
pub fn endpoint_sentences(told: &EndpointTold, zone: &Zone) -> Vec<String> {
    let name = &told.endpoint;
    let knows = match &told.knows {
        Some(known) => format!(
            "Endpoint {name} knows last: {}, as of {}, told {}.",
            fact(known.fact, known.run, known.item),
            local(known.as_of, zone),
            local(known.told_at, zone)
        ),
        None => format!("Endpoint {name} was told nothing of the customer in the last weeks."),
    };
    let none = told.coming.is_empty().then(|| "Nothing is on its way to it.".to_owned());
    let first = [Some(knows), none].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let coming = told.coming.iter().map(|coming| {
        let since = local(coming.since, zone);
        format!(
            "Of {}, since {since}, {name} isn't told yet. {}",
            fact(coming.fact, coming.run, coming.item),
            next_word(&coming.next, name, zone)
        )
    });
    std::iter::once(first).chain(coming).collect()
}

fn fact(kind: FactKind, run: Option<RunId>, item: Option<ItemId>) -> String {
    run.map_or_else(|| kind.to_string(), |run| format!("{kind} in run {}", RunAndItem { run, item }))
}

/// What comes next of word to an endpoint, in a sentence or two.
#[must_use]
pub fn next_word(next: &NextWord, name: &EndpointName, zone: &Zone) -> String {
    let at = |moment| local(moment, zone);
    match next {
        NextWord::GivenUp { cause, at: given_up } => format!(
            "Given up {}: {cause} Nothing happens until `pulse redrive deliver --endpoint {name}`.",
            at(*given_up)
        ),
        NextWord::InHand { lease_until } => format!("A worker is telling it, until {} at most.", at(*lease_until)),
        NextWord::Overtaken => format!("It won't be: {name} wants the newest alone, and a newer one is there."),
        NextWord::WaitsFor { before, before_in, before_of } => {
            format!("{name} is told of {} first.", fact(*before, *before_in, *before_of))
        }
        NextWord::StageHeld { holder: held } => {
            format!("It waits for the deliver stage, which {}.", holder(held, zone))
        }
        NextWord::Held { standing } => {
            format!("It waits for {name}, which {}.", endpoint_standing(standing, name, zone))
        }
        NextWord::PutOff { until, cause } => {
            let cause = cause.as_ref().map(|cause| format!(" {cause}")).unwrap_or_default();
            format!("It is tried again at {}.{cause}", at(*until))
        }
        NextWord::Woken => {
            "It was put off until now: tick queues it when its turn comes among those that wait, no faster than the \
             endpoint's lanes carry them."
                .into()
        }
        NextWord::Abandoned { repeated_at } => format!(
            "The worker that had it died: its message comes back within minutes; if it was lost, tick queues it again from \
             {} on.",
            at(*repeated_at)
        ),
        NextWord::Retries { cause, not_before, repeated_at } => format!(
            "It waits in the deliver queue for its next try{}: {cause} If its message was lost, tick queues it again from {} \
             on.",
            not_before.map_or_else(String::new, |moment| format!(", not before {}", at(moment))),
            at(*repeated_at)
        ),
        NextWord::Waits { repeated_at } => format!(
            "It waits in the deliver queue for its turn. If its message was lost, tick queues it again from {} on.",
            at(*repeated_at)
        ),
        NextWord::Repeated => "Its message is given up for lost: tick queues it again within a minute.".into(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan as _};
    use pulse_core::{
        control::Note,
        failure::Cause,
        why::{ComingFact, KnownFact},
    };

    use super::*;

    fn due() -> Timestamp {
        "2026-11-10T10:30:00Z".parse().unwrap()
    }

    fn told(next: NextWord) -> Vec<String> {
        let run = RunId::parse("2026-11").ok();
        let knows = KnownFact { fact: FactKind::Sent, run, item: None, as_of: due(), told_at: due() + 1.minute() };
        let coming = vec![ComingFact { fact: FactKind::Bounced, run, item: None, since: due() + 2.minutes(), next }];
        let told = EndpointTold { endpoint: EndpointName::parse("crm").unwrap(), knows: Some(knows), coming };
        endpoint_sentences(&told, &Zone::parse("Europe/Dublin").unwrap())
    }

    #[test]
    fn what_it_knows_and_why_it_does_not_know_more_is_told() {
        let paused = EndpointStanding::Paused {
            by: "aoife".into(),
            note: Note::parse("moving house").unwrap(),
            since: due(),
            until: Some(due() + 6.hours()),
        };
        assert_eq!(
            told(NextWord::Held { standing: paused }),
            [
                "Endpoint crm knows last: sent in run 2026-11, as of 2026-11-10 10:30 Europe/Dublin, told 2026-11-10 10:31 \
                 Europe/Dublin.",
                "Of bounced in run 2026-11, since 2026-11-10 10:32 Europe/Dublin, crm isn't told yet. It waits for crm, \
                 which is paused since 2026-11-10 10:30 Europe/Dublin by aoife (moving house), until 2026-11-10 16:30 \
                 Europe/Dublin."
            ]
        );
    }

    #[test]
    fn what_is_tried_again_says_when_and_what_is_given_up_what_brings_it_back() {
        let next = |next| told(next).pop().unwrap();
        let cause = Cause::new("crm answered 422: it won't take this.");
        let given_up = next(NextWord::GivenUp { cause: cause.clone(), at: due() });
        assert!(given_up.ends_with("`pulse redrive deliver --endpoint crm`."), "{given_up}");
        let put_off = next(NextWord::PutOff { until: due() + 1.hour(), cause: Some(cause.clone()) });
        assert!(
            put_off.ends_with(
                "It is tried again at 2026-11-10 11:30 Europe/Dublin. crm answered 422: it won't take this."
            )
        );
        let retries =
            next(NextWord::Retries { cause, not_before: Some(due() + 5.minutes()), repeated_at: due() + 1.hour() });
        assert!(
            retries.contains("its next try, not before 2026-11-10 10:35 Europe/Dublin: crm answered 422"),
            "{retries}"
        );
        let after = next(NextWord::WaitsFor {
            before: FactKind::Sent,
            before_in: RunId::parse("2026-11").ok(),
            before_of: None,
        });
        assert!(after.ends_with("isn't told yet. crm is told of sent in run 2026-11 first."), "{after}");
    }

    #[test]
    fn whoever_was_told_nothing_is_said_so() {
        let endpoint = EndpointName::parse("crm").unwrap();
        let told = EndpointTold { endpoint, knows: None, coming: Vec::new() };
        let sentences = endpoint_sentences(&told, &Zone::UTC);
        assert_eq!(
            sentences,
            ["Endpoint crm was told nothing of the customer in the last weeks. Nothing is on its way to it."]
        );
    }

    #[test]
    fn whatever_holds_it_says_what_ends_it() {
        let words =
            |standing: EndpointStanding| endpoint_standing(&standing, &EndpointName::parse("crm").unwrap(), &Zone::UTC);
        let gone = words(EndpointStanding::Gone { since: due(), cause: Cause::new("crm answered 410.") });
        assert!(gone.ends_with("(crm answered 410): `pulse endpoint resume crm` alone ends it"), "{gone}");
        let broken = words(EndpointStanding::Broken { since: due(), probe_at: due() + 1.minute() });
        assert!(broken.ends_with("it is tried next at 2026-11-10 10:31 UTC"), "{broken}");
    }
}
