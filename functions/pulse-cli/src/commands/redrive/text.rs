//! The result in words.

use std::fmt::Write as _;

use pulse_core::{
    dead_letters::{RedriveOrder, Redriven, Way},
    ports::DlqName,
};

pub(super) fn text(queue: DlqName, order: &RedriveOrder, redriven: &Redriven) -> String {
    let mut text = String::new();
    let taker = queue.taker();
    let (are, is_deleted) = if order.dry_run { ("would be", "would be deleted") } else { ("are", "are deleted") };
    if redriven.letters() + redriven.newer == 0 && redriven.trouble.is_none() && !redriven.interrupted {
        let what = if redriven.way == Way::SomeonesMoveTask { "moved" } else { "to redrive" };
        return format!("The {} queue has nothing {what}.\n", queue.queue());
    }
    let mut line = |count: u64, words: String| {
        if count > 0 {
            let _ = writeln!(text, "{count:>7} {words}");
        }
    };
    line(redriven.redriven, format!("{are} queued to {taker} again"));
    line(redriven.closed, format!("{are} of customers who have left: entry closed, letter deleted"));
    line(redriven.done, format!("{is_deleted}, as nothing is left to do for them"));
    let others = if order.endpoint.is_some() { "are for another endpoint, or died" } else { "died" };
    line(redriven.others, format!("stay, as they {others} of something else"));
    for stuck in &redriven.stuck {
        line(stuck.count, format!("stay, as they would only die again: {}", stuck.cause));
    }
    line(redriven.newer, "stay, as they came in meanwhile: see `pulse dlq` for what they died of".into());
    line(redriven.failed, "couldn't be moved, and stay".into());
    text += &remarks(queue, redriven);
    text
}

fn remarks(queue: DlqName, redriven: &Redriven) -> String {
    let mut text = String::new();
    match redriven.way {
        Way::MoveTask if redriven.redriven > 0 => {
            text += "SQS moved them by a task of its own.";
            text += if queue.stage().is_some() {
                " The stage closes the entries of customers who have left.\n"
            } else {
                "\n"
            };
        }
        Way::SomeonesMoveTask => text += "A task that someone had started moved them already, as fast as they chose.\n",
        Way::Fallback if queue != DlqName::Schedules => {
            text += "This endpoint has no tasks that move messages, so they were moved one by one.\n";
        }
        _ => {}
    }
    if let Some(trouble) = &redriven.trouble {
        let _ = writeln!(text, "It ended early: {}. Nothing is lost: run it again.", trouble.clause());
    }
    if redriven.interrupted {
        text += match redriven.way {
            Way::MoveTask | Way::SomeonesMoveTask => "Interrupted. SQS goes on by itself: run it again to follow.\n",
            Way::OneByOne | Way::Fallback => "Interrupted. The rest stays: run it again to go on.\n",
        };
    }
    text
}

#[cfg(test)]
mod tests;
