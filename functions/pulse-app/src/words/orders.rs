//! Where orders stand, and what has come of them.

use pulse_core::{
    dead_letters::Stuck,
    orders::{Order, OrderAction, OrderProgress, OrderState},
};

/// Where an order stands.
#[must_use]
pub fn order_state(order: &Order) -> String {
    let so_far = || format!("{} of {}", order.progress.carried_out(), order.expected());
    match &order.state {
        OrderState::Given => "waits to be begun".into(),
        OrderState::Running => match order.rests_until() {
            Some(until) => format!("goes on: {}; it looks again at {until:.0}", so_far()),
            None => format!("goes on: {}", so_far()),
        },
        OrderState::Done if order.preview.is_some() => format!("done: {}", so_far()),
        OrderState::Done => "done".into(),
        OrderState::AsksAgain { more } => {
            format!("asks again: {} are done, and {more} more have come since: give it again for those", so_far())
        }
        OrderState::Failed { cause } => format!("failed: {cause}"),
        OrderState::Cancelled { cancelled_by } => format!("cancelled by {cancelled_by} at {}", so_far()),
    }
}

/// What has come of an order of many steps, line by line: how many, and what of them.
#[must_use]
pub fn order_lines(order: &Order) -> Vec<(Option<u64>, String)> {
    let OrderProgress { moved, closed, done, others, beyond, newer, ref stuck, failed, ref trouble } = order.progress;
    let (taker, others_are) = match &order.action {
        OrderAction::Redrive { queue, endpoint: Some(_), .. } => (queue.taker(), "are for another endpoint, or died"),
        OrderAction::Redrive { queue, .. } => (queue.taker(), "died"),
        OrderAction::RedriveFailed { stage, .. } => (format!("the {stage} stage"), "died"),
        _ => return Vec::new(),
    };
    let again = |stuck: &Stuck| (stuck.count, format!("stay, as they would only die again: {}", stuck.cause));
    let counted = [
        (moved, format!("are queued to {taker} again")),
        (closed, "are of customers who have left: entry closed, letter deleted".to_owned()),
        (done, "are deleted, as nothing is left to do for them".to_owned()),
        (others, format!("stay, as they {others_are} of something else")),
        (beyond, "stay, as they are more than were previewed".to_owned()),
        (newer, "stay, as they came in meanwhile: see `pulse dlq` for what they died of".to_owned()),
    ];
    let failed = (failed, "couldn't be moved, and stay".to_owned());
    let missing = "weren't met: someone else had them in hand, or they are gone. Look again in ten minutes".to_owned();
    let missing = (order.missing(), missing);
    let counted = counted.into_iter().chain(stuck.iter().map(again)).chain([failed, missing]);
    let lines = counted.filter(|(count, _)| *count > 0).map(|(count, words)| (Some(count), words));
    lines.chain(trouble.as_ref().map(|trouble| (None, format!("In the way last: {trouble}")))).collect()
}
