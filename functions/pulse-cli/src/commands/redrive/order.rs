//! As an order.

use std::{pin::pin, time::Duration};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use pulse_app::{App, Begins};
use pulse_core::{
    control::Note,
    dead_letters::RedriveProgress,
    orders::{Order, OrderAction, OrderState},
};

use crate::{
    commands::orders::{exit_of, sheet},
    exit::Exit,
    interruption::{Asked, interruption},
    output::Output,
};

/// How often it is looked how an order is doing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After so many looks at an order that nobody begins on, whoever waits is told: tick runs every minute.
const LOOKS_WITHOUT_A_TICK: u32 = 120;

/// Looks what it comes to, gives the order, and follows it.
pub(super) async fn give(
    app: &App,
    action: OrderAction,
    note: Option<Note>,
    detach: bool,
    output: Output,
) -> Result<Exit> {
    let asked = Asked::listen()?;
    let bar = progress_bar("{wide_bar} {pos} of about {len} looked at");
    let mut watch = |progress: RedriveProgress| {
        bar.set_length(progress.of.unwrap_or(0).max(progress.done));
        bar.set_position(progress.done);
    };
    let preview = app.preview_order(&action, &mut watch, &|| asked.to_end()).await;
    bar.finish_and_clear();
    if asked.to_end() {
        output.remark("Interrupted before the order was given: nothing was done.");
        return Ok(Exit::Interrupted);
    }
    let preview = preview?;
    if preview.expected == 0 {
        output.show(&preview, || format!("There is nothing to do: to {action} would move none.\n"))?;
        return Ok(Exit::Done);
    }
    let given = app.give(action, note, preview).await?;
    let Order { id, action, .. } = &given.order;
    // Whoever wants JSON finds it there.
    if !output.is_json() {
        let begins = match given.begins {
            Begins::Now => "now",
            Begins::WithinAMinute => "within a minute",
        };
        let expected = given.order.expected();
        output.remark(format!(
            "Order {id}: {action}. {expected} expected; it begins {begins}, and goes on when you leave."
        ));
    }
    if detach {
        output.show(&given, || format!("`pulse orders {id}` shows it, and with --cancel ends it.\n"))?;
        return Ok(Exit::Done);
    }
    follow(app, given.order, output).await
}

async fn follow(app: &App, mut order: Order, output: Output) -> Result<Exit> {
    let mut interrupted = pin!(interruption()?);
    let bar = progress_bar("{wide_bar} {pos} of {len}, {eta} to go");
    bar.set_length(order.expected());
    let mut until_told = Some(LOOKS_WITHOUT_A_TICK);
    while order.state.is_open() {
        if order.state == OrderState::Given && until_told == Some(0) {
            let id = &order.id;
            output.remark(format!(
                "Nobody has begun on {id} yet. An order on the same queue that was given before goes first (`pulse orders` lists \
                 them), or the tick function doesn't run (its reserved concurrency, its rule, its log). Ctrl-C leaves it to that, \
                 `pulse orders {id} --cancel` takes it back, and --direct does without."
            ));
        }
        until_told = until_told.and_then(|looks| looks.checked_sub(1));
        tokio::select! {
            () = &mut interrupted => {
                bar.finish_and_clear();
                let id = &order.id;
                output.remark(format!("It goes on in the stack: `pulse orders {id}` shows it, and with --cancel ends it."));
                return Ok(Exit::Interrupted);
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        // What can't be read now is read the next time.
        if let Ok(Some(now)) = app.order(&order.id).await {
            order = now;
        }
        bar.set_position(order.progress.carried_out());
        bar.set_message(if order.state == OrderState::Given { "waits for tick" } else { "" });
    }
    bar.finish_and_clear();
    output.show(&order, || sheet(&order))?;
    Ok(exit_of(&order))
}

/// On standard error, and only on a terminal.
fn progress_bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
