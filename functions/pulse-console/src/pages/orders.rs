//! Who did what, and why; and what goes on.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use pulse_app::words::{grouped, order_lines, order_state};
use pulse_core::{
    orders::{Order, OrderId, OrderPage},
    ports::LedgerError,
};
use serde::Deserialize;

use super::customer::{self, commands};
use crate::{
    console::Of,
    failure::Failure,
    layout::{Page, Place, moment},
    tables::{Table, Tables},
    wanted::Wanted,
};

/// Orders on a page.
const PAGE: usize = 50;

#[derive(Deserialize)]
pub(super) struct Before {
    before: Option<OrderId>,
}

/// Where an order's page is.
pub(super) fn path(id: &OrderId) -> String {
    format!("/orders/{id}")
}

pub(super) async fn all(
    State(console): Of,
    Query(Before { before }): Query<Before>,
    tables: Tables,
) -> Result<Response, Failure> {
    let page = console.app.orders(None, before.as_ref(), PAGE).await?;
    tables.answer(&page, || vec![listed(&page)], || {
        let main = html! {
            h1 { "Orders" }
            p { "Who did what, when and why. What takes many steps is carried out by the tick function, and goes on when you leave." }
            (list(&page))
            @if !page.orders.is_empty() { (tables.link("orders")) }
        };
        console.frame.page(&Page { title: "Orders".into(), place: Place::Orders, every: None, main })
    })
}

fn listed(page: &OrderPage) -> Table {
    let rows = page.orders.iter().map(|order| {
        let note = order.note.as_ref().map(ToString::to_string).unwrap_or_default();
        let given_at = order.given_at.to_string();
        [order.id.to_string(), given_at, order.action.to_string(), order.by.to_string(), note, order_state(order)]
    });
    Table::new("orders", ["id", "given_at", "what", "by", "why", "state"], rows)
}

fn list(page: &OrderPage) -> Markup {
    if page.orders.is_empty() {
        return html! { p.empty { "Nothing was ordered." } };
    }
    html! {
        table {
            thead { tr { th scope="col" { "given" } th scope="col" { "what" } th scope="col" { "by" } th scope="col" { "why" } th scope="col" { "state" } } }
            tbody {
                @for order in &page.orders {
                    tr {
                        td { (moment(order.given_at)) }
                        th scope="row" { a href=(path(&order.id)) { (order.action) } }
                        td { (order.by) }
                        td { @if let Some(note) = &order.note { (note) } }
                        td { (order_state(order)) }
                    }
                }
            }
        }
        @if let Some(next) = &page.next { p { a href=(format!("/orders?before={next}")) { "Older ones" } } }
    }
}

pub(super) async fn one(State(console): Of, Path(id): Path<String>, wanted: Wanted) -> Result<Response, Failure> {
    let id = parse(&id)?;
    let read = async { Ok::<_, LedgerError>(console.app.order(&id).await?.map(Arc::new)) };
    let order = console.read.orders.get(&id, console.now(), read).await?;
    let order = order.ok_or_else(|| {
        Failure::unknown(format!("There is no order {id}: look for it on the list of orders."))
            .see("/orders", "To the orders")
    })?;
    Ok(wanted.answer(&*order, || {
        let every = order.state.is_open().then_some(10);
        console.frame.page(&Page { title: format!("Order {id}"), place: Place::Orders, every, main: sheet(&order) })
    }))
}

fn parse(id: &str) -> Result<OrderId, Failure> {
    OrderId::parse(id).map_err(|error| Failure::wrong(format!("{error}.")).see("/orders", "To the orders"))
}

fn sheet(order: &Order) -> Markup {
    let carried_out = order.progress.carried_out();
    html! {
        h1 { "Order: " (order.action) }
        table.facts {
            tbody {
                tr { th scope="row" { "id" } td { code { (order.id) } } }
                tr { th scope="row" { "given" } td { (moment(order.given_at)) " by " (order.by) } }
                @if let Some(note) = &order.note { tr { th scope="row" { "why" } td { (note) } } }
                @if let Some(preview) = &order.preview {
                    tr { th scope="row" { "previewed" } td { (grouped(preview.expected)) ", " (moment(preview.at)) } }
                }
                @if let Some(customer) = order.action.customer() {
                    tr { th scope="row" { "customer" } td { a href=(customer::path(customer)) { (customer) } } }
                }
                tr { th scope="row" { "state" } td { strong { (order_state(order)) } ", since " (moment(order.changed_at)) } }
            }
        }
        @if order.preview.is_some() {
            progress value=(carried_out) max=(order.expected().max(1)) aria-label="Carried out" {}
            table {
                tbody {
                    @for (count, words) in order_lines(order) {
                        tr { td.number { @if let Some(count) = count { (grouped(count)) } } td { (commands(&words)) } }
                    }
                }
            }
        }
        @if order.state.is_open() {
            form.act method="post" action=(format!("{}/cancel", path(&order.id))) {
                button.careful { "Cancel it" }
                p.small { "What was done stays done." }
            }
        }
    }
}

pub(super) async fn cancel(State(console): Of, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse(&id)?;
    console.app.cancel(&id).await?;
    console.read.orders.forget(&id).await;
    Ok(Redirect::to(&path(&id)).into_response())
}
