//! The last seconds of an invocation: what is left to do after the last call to a provider, against the time that the
//! worker keeps for it.

use std::time::Duration;

use pulse_aws::{
    sdk::{WORKER_ATTEMPT_TIMEOUT, WORKER_BACKOFF},
    sqs::HIDES_AT_ONCE,
};
use pulse_core::stage::{BESIDE_THE_LANES, CLOSING_TIME};
use serde_json::Value;

use super::{Mapping, Template};

/// Memory with which a function has one processor (AWS Lambda Developer Guide, "Configure Lambda function memory").
const MIB_OF_A_PROCESSOR: u64 = 1_769;

/// Calls to the ledger that a message takes after its provider's, at the most: when the call of its last receive failed,
/// the entry is released, the breaker's row and the outcomes of the last minutes are read, profile and entry are read
/// once more, the entry is given up, and that is noted. (Where its patience is over two more are read, but then the
/// fuse of the same invocation keeps most others from being called.)
const LEDGER_CALLS: u64 = 7;

/// Messages in a `ChangeMessageVisibilityBatch`.
const HIDDEN_TOGETHER: u64 = 10;

/// Processor time of a call (signing, encryption, JSON), and of the handshake of a new connection: its key exchange and
/// the certificates' signatures. Both are some times what one core of a laptop takes; on Lambda they weren't measured.
const CALL: Duration = Duration::from_millis(1);
const HANDSHAKE: Duration = Duration::from_millis(2);

/// There and back, to a service of the same Region.
const ROUND_TRIP: Duration = Duration::from_millis(10);

/// One attempt that goes unanswered, and the wait before the next.
const UNANSWERED: Duration = WORKER_ATTEMPT_TIMEOUT.saturating_add(WORKER_BACKOFF);

/// With as many calls in flight as the template allows, all of which end together at their timeout, an invocation has
/// written all that comes of them, and answered, before Lambda ends it: with the share of a processor that its memory
/// gives, with connections that were closed meanwhile, and with a call that has to be made twice.
#[must_use]
pub fn the_worker_keeps_time_for_its_end(template: &Template) -> Vec<String> {
    ends_that_take_longer(template, CLOSING_TIME)
}

/// The invocations whose end takes longer than `given`.
#[must_use]
pub fn ends_that_take_longer(template: &Template, given: Duration) -> Vec<String> {
    let mut problems = Vec::new();
    for mapping in template.mappings().into_iter().filter(|mapping| !mapping.is_of_the_intake()) {
        let Mapping { name, function, event } = mapping;
        let in_flight = template.most(&function["Environment"]["Variables"]["IN_FLIGHT"]);
        let (batch, memory) = (template.number(&event["BatchSize"]), template.number(&function["MemorySize"]));
        let needed =
            in_flight.zip(batch).zip(memory).and_then(|((in_flight, batch), mib)| needed(in_flight, batch, mib));
        if needed.is_none_or(|needed| needed > given) {
            let shown: &Value = &function["MemorySize"];
            problems.push(format!(
                "{name}: with {in_flight:?} in flight and {shown} MiB, its end takes {needed:?}, and {given:?} are kept for it"
            ));
        }
    }
    problems
}

/// The time that an invocation's end takes.
fn needed(in_flight: u64, batch: u64, mib: u64) -> Option<Duration> {
    // And what came of the calls that ended just before.
    let in_flight = (in_flight + BESIDE_THE_LANES as u64).min(batch);
    let hides = batch.div_ceil(HIDDEN_TOGETHER);
    let report = 1;
    let calls = u32::try_from(in_flight * LEDGER_CALLS + hides + report).ok()?;
    let handshakes = u32::try_from(in_flight + hides.min(HIDES_AT_ONCE as u64)).ok()?;
    let whole_processor = CALL * calls + HANDSHAKE * handshakes;
    let share = mib.min(MIB_OF_A_PROCESSOR) as f64 / MIB_OF_A_PROCESSOR as f64;
    let one_after_the_other = u32::try_from(LEDGER_CALLS + hides.div_ceil(HIDES_AT_ONCE as u64) + report).ok()?;
    Some(whole_processor.div_f64(share) + ROUND_TRIP * one_after_the_other + UNANSWERED)
}

/// A claim ends after its worker has, and before its message comes back, which is in the time that the queue hides it for.
#[must_use]
pub fn a_claim_ends_before_its_message_is_back(template: &Template) -> Vec<String> {
    use pulse_core::stage::{HOLD_GRACE, LEASE_GRACE};
    let mut problems = Vec::new();
    if LEASE_GRACE.is_zero() || LEASE_GRACE >= HOLD_GRACE {
        problems.push(format!(
            "a claim ends {LEASE_GRACE:?} after its worker, and its message is back after {HOLD_GRACE:?}"
        ));
    }
    for mapping in template.mappings() {
        let Mapping { name, function, .. } = &mapping;
        let pointer = format!("/Resources/{}/Properties/VisibilityTimeout", mapping.queue().unwrap_or_default());
        let hidden = template.at(&pointer).and_then(|hidden| template.number(hidden));
        let held = template.number(&function["Timeout"]).map(|timeout| timeout + HOLD_GRACE.as_secs());
        if held.zip(hidden).is_none_or(|(held, hidden)| held > hidden) {
            problems.push(format!(
                "{name}: messages are held for {held:?} s, of the {hidden:?} s that their queue hides them"
            ));
        }
    }
    problems
}
