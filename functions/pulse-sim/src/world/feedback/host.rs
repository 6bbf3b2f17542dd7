use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Weak,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use jiff::Timestamp;
use pulse_core::{
    backoff::wait_before_retry,
    feedback::{FeedbackListener, Heard},
    ports::{StageQueue as _, Visibility},
    stage::RawMessage,
};

use super::{
    stack::{IntakeQueueStack, MAX_RECEIVES},
    told::{FORGED, Told, UNREADABLE},
};
use crate::{
    lambda::{Answer, Handler, Invocation},
    world::{
        World,
        panics::{PanicPlace, PlannedPanic},
        ports::WorldPorts,
    },
};

/// As the feedback function has it: messages that are read side by side, when no more are begun, and for how long what must
/// come back is hidden.
const IN_FLIGHT: usize = 4;
const CLOSING_TIME: Duration = Duration::from_secs(20);
const GIVE_UP_WAIT: Duration = Duration::from_secs(1);
const FIRST_REREAD: Duration = Duration::from_secs(10);
const LONGEST_REREAD: Duration = Duration::from_mins(2);

/// The feedback function on one queue of the intake.
pub(in crate::world) struct IntakeHandler {
    pub(super) world: Weak<World>,
    pub(super) stack: IntakeQueueStack,
}

/// What came of a message.
enum Taken {
    Done,
    Later(Timestamp),
    Unreadable,
    Failed,
}

impl Handler for IntakeHandler {
    fn handle(&self, batch: Vec<RawMessage>, invocation: Invocation) -> BoxFuture<'static, Answer> {
        let (world, stack) = (self.world.upgrade(), self.stack.clone());
        Box::pin(async move {
            let Some(world) = world else { return Answer::Error };
            let ports = world.feedback_ports(&invocation);
            let listener = FeedbackListener::new(&*ports.ledger, &*ports.feedback_log, &*ports.clock);
            let start_by = invocation.deadline - CLOSING_TIME;
            let worked = stream::iter(batch)
                .map(|raw| one(&world, &ports, &listener, raw, start_by))
                .buffer_unordered(IN_FLIGHT);
            let unfinished: Vec<_> = worked.filter_map(std::future::ready).collect().await;
            listener.finish().await;
            if !unfinished.is_empty() {
                let changes: Vec<_> = unfinished.iter().map(|(_, change)| change.clone()).collect();
                // They come back all the same, only at another time.
                let _ = world.at_queue(&stack, &invocation).hide(&changes).await;
            }
            if world.chance_in_intake(|faults| faults.bad_answer) {
                return world.bad_answer_of_intake();
            }
            Answer::failures(unfinished.iter().map(|(id, _)| id))
        })
    }

    fn is_reached(&self) -> bool {
        self.world.upgrade().is_none_or(|world| !world.chance_in_intake(|faults| faults.lost_batch))
    }
}

/// A message, and for how long it is to be hidden if it must come back.
async fn one(
    world: &World,
    ports: &WorldPorts,
    listener: &FeedbackListener<'_>,
    raw: RawMessage,
    start_by: Timestamp,
) -> Option<(String, Visibility)> {
    let now = ports.clock.now();
    let taken = if now > start_by { Taken::Later(now) } else { take(world, ports, listener, &raw.body).await };
    let receives = raw.receive_count;
    let now = ports.clock.now();
    let wait = match taken {
        Taken::Done => return None,
        _ if receives >= MAX_RECEIVES => GIVE_UP_WAIT,
        Taken::Later(until) => Duration::try_from(until.duration_since(now)).unwrap_or_default().max(GIVE_UP_WAIT),
        Taken::Unreadable => (FIRST_REREAD * (1 << receives.saturating_sub(1).min(16))).min(LONGEST_REREAD),
        Taken::Failed => wait_before_retry(&raw.message_id, receives, None),
    };
    Some((raw.message_id, Visibility { receipt: raw.receipt, hidden_for: wait }))
}

async fn take(world: &World, ports: &WorldPorts, listener: &FeedbackListener<'_>, body: &str) -> Taken {
    if body.starts_with(FORGED) {
        return Taken::Done;
    }
    let body = if world.feedback.reads_all() { body.trim_start_matches(UNREADABLE) } else { body };
    let Some(told) = Told::read(body) else { return Taken::Unreadable };
    world.feedback.about_to_hear(&told);
    let heard = async {
        let heard = world.product.hear(ports, listener, &told).await;
        if let Some(customer) = told.customer() {
            world.panics.strike(PanicPlace::Heard, customer);
        }
        heard
    };
    match AssertUnwindSafe(heard).catch_unwind().await {
        Ok(Ok(Heard::Later { until })) => {
            world.feedback.put_off(&told, until);
            Taken::Later(until)
        }
        Ok(Ok(Heard::Done | Heard::NoEntry)) => {
            world.feedback.heard(&told);
            Taken::Done
        }
        Ok(Err(_)) => Taken::Failed,
        Err(panic) if panic.is::<PlannedPanic>() => Taken::Failed,
        Err(panic) => resume_unwind(panic),
    }
}
