//! `pulse orders`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;
use pulse_core::orders::{Order, OrderId, OrderKind, OrderPage};

use crate::{
    exit::Exit,
    output::{Output, Table, heading},
    target::Target,
    text::{advised, order_lines, order_state},
};

/// What `pulse orders` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Without an id: the newest, of all kinds. What was done at once is among them: who, why, what, when.\n\
                        Exit code with an id: 0, it is done or goes on; 1: it asks again, failed, was cancelled, or some stay."
)]
pub struct Options {
    /// One order.
    #[arg(value_name = "ID", value_parser = OrderId::parse)]
    id: Option<OrderId>,

    /// Ends it. What was done stays done.
    #[arg(long, requires = "id")]
    cancel: bool,

    /// Only those of this kind: redrive, replay, pause, resume, lanes, settle or release.
    #[arg(long, value_name = "KIND", conflicts_with = "id")]
    kind: Option<OrderKind>,

    /// Only those that were given before this one.
    #[arg(long, value_name = "ID", value_parser = OrderId::parse, conflicts_with = "id")]
    before: Option<OrderId>,

    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "id")]
    limit: usize,
}

/// Carries `pulse orders` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or read, or there is no such order, or it can't be cancelled.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Some(id) = &options.id else {
        let app = target.app().await?;
        let page = app.orders(options.kind, options.before.as_ref(), options.limit.max(1)).await?;
        output.show(&page, || list(&page))?;
        return Ok(Exit::Done);
    };
    if options.cancel {
        let app = target.app_of(None).await?;
        let order = app.cancel(id).await.map_err(|error| advised(&error, error.advice().as_ref()))?;
        output.show(&order, || sheet(&order))?;
        return Ok(Exit::Done);
    }
    let order = target.app().await?.order(id).await?;
    let order = order.with_context(|| format!("There is no order {id}: `pulse orders` lists them"))?;
    output.show(&order, || sheet(&order))?;
    Ok(if order.state.is_open() { Exit::Done } else { exit_of(&order) })
}

/// How a command ends that has carried an order to its end.
pub(super) fn exit_of(order: &Order) -> Exit {
    if order.is_complete() { Exit::Done } else { Exit::Failed }
}

fn list(page: &OrderPage) -> String {
    let Some(last) = page.orders.last() else { return "Nothing was ordered.\n".into() };
    let mut text = heading("Orders, the newest first");
    let mut table = Table::default();
    for order in &page.orders {
        table.push(&order.id, format!("{} by {}: {}", order.action, order.by, order_state(order)));
    }
    text += &table.render();
    if page.next.is_some() {
        let _ = writeln!(text, "\nOlder ones: `pulse orders --before {}`", last.id);
    }
    text
}

/// An order in full.
pub(super) fn sheet(order: &Order) -> String {
    let mut text = heading(&format!("Order {}", order.id));
    let mut table = Table::default().row("what", &order.action);
    table.push("given", format!("{:.0} by {}", order.given_at, order.by));
    if let Some(note) = &order.note {
        table.push("why", note);
    }
    if let Some(preview) = &order.preview {
        table.push("previewed", format!("{} at {:.0}", preview.expected, preview.at));
    }
    table.push("state", format!("{}, since {:.0}", order_state(order), order.changed_at));
    text += &table.render();
    text + &progress(order)
}

fn progress(order: &Order) -> String {
    order_lines(order).into_iter().fold(String::new(), |mut text, (count, words)| {
        let _ = match count {
            Some(count) => writeln!(text, "{count:>7} {words}"),
            None => writeln!(text, "{words}"),
        };
        text
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pulse_core::{
        dead_letters::Stuck,
        entry::StageName,
        failure::Cause,
        orders::{OrderAction, OrderPreview, OrderProgress, OrderState},
        ports::DlqName,
    };

    use super::*;

    fn redrive(state: OrderState, progress: OrderProgress) -> Order {
        let at: Timestamp = "2026-11-26T21:12:00Z".parse().unwrap();
        let action =
            OrderAction::Redrive { queue: DlqName::Stage(StageName::Email), cause: None, endpoint: None, rate: None };
        let preview = OrderPreview::of(&action, at, 12);
        Order { state, progress, ..Order::given(action, "aoife".into(), None, preview, at) }
    }

    #[test]
    fn an_order_says_what_moved_what_stays_and_why() {
        let stuck = vec![Stuck { cause: Cause::new("The customer is unknown."), count: 2 }];
        let progress = OrderProgress { moved: 9, closed: 3, beyond: 4, stuck, ..OrderProgress::default() };
        let order = redrive(OrderState::AsksAgain { more: 4 }, progress);
        let said = sheet(&order);
        for words in [
            "redrive the email queue's letters",
            "by aoife",
            "12 of 12 are done, and 4 more have come since",
            "9 are queued to the email stage again",
            "3 are of customers who have left",
            "2 stay, as they would only die again: The customer is unknown.",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(exit_of(&order), Exit::Failed);
        let done = redrive(OrderState::Done, OrderProgress { moved: 12, ..OrderProgress::default() });
        assert_eq!(exit_of(&done), Exit::Done);
    }

    #[test]
    fn the_list_says_how_to_see_older_ones() {
        let order = redrive(OrderState::Running, OrderProgress { moved: 5, ..OrderProgress::default() });
        let page = OrderPage { next: Some(order.id.clone()), orders: vec![order.clone()] };
        let said = list(&page);
        assert!(said.contains("goes on: 5 of 12") && said.contains(&format!("--before {}", order.id)), "{said}");
        assert!(list(&OrderPage { orders: Vec::new(), next: None }).contains("Nothing was ordered"));
    }
}
