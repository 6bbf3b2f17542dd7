//! What the receiver was told, as pages to look at and as JSON; and the buttons that have it fail.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use minijinja::{Environment, Value, context};
use serde::Deserialize;
use serde_json::json;

use super::{ReceivedFact, Receiver, ReceiverCounts, ReceiverFault, ReceiverStandIn, UnknownFault};
use crate::standins::pages::{self, clock_time, is_asked_from_elsewhere, style};

/// Customers on a page.
const PAGE: usize = 50;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    pages::pages(&[
        ("list.html", include_str!("pages/list.html")),
        ("fact.html", include_str!("pages/fact.html")),
        ("none.html", include_str!("pages/none.html")),
    ])
});

/// What the word is that has the receiver work again.
const MENDED: &str = "none";

pub(super) fn router(receiver: Arc<Receiver>) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/style.css", get(style))
        .route("/facts", get(facts))
        .route("/facts/{number}", get(fact))
        .route("/fault/{fault}", post(fail))
        .fallback(async || none())
        .with_state(receiver)
}

/// Which facts are listed.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    page: String,
}

/// A fact as the list has it.
fn line(fact: &ReceivedFact) -> Value {
    context! {
        number => fact.number, type => fact.r#type.as_str(), run => fact.run.as_deref(), item => fact.item.as_deref(), at => clock_time(fact.at),
        repeats => fact.repeats.len(), is_in_order => fact.is_in_order,
    }
}

fn count(counts: ReceiverCounts) -> Value {
    let ReceiverCounts { facts, repeats, out_of_order, wrong_signatures, failed, last_failed_at } = counts;
    context! {
        facts => facts, repeats => repeats, out_of_order => out_of_order, wrong_signatures => wrong_signatures,
        failed => failed, last_failed_at => last_failed_at.map(clock_time),
    }
}

/// By customer, whose newest fact is the newest first; of each in the order in which they came.
fn by_customer<'f>(facts: impl Iterator<Item = &'f ReceivedFact>) -> Vec<(Option<&'f str>, Vec<&'f ReceivedFact>)> {
    let mut customers = BTreeMap::<_, Vec<_>>::new();
    for fact in facts {
        customers.entry(fact.customer.as_deref()).or_default().push(fact);
    }
    let mut customers: Vec<_> = customers.into_iter().collect();
    customers.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.last().map(|fact| fact.number)));
    customers
}

async fn list(State(receiver): State<Arc<Receiver>>, Query(wanted): Query<Wanted>) -> Response {
    let query = wanted.q.trim().to_lowercase();
    let page: usize = wanted.page.parse().unwrap_or(1).max(1);
    let fault = *receiver.fault();
    let page = {
        let taken = receiver.taken();
        let fits = |fact: &&ReceivedFact| fact.customer.as_deref().unwrap_or_default().to_lowercase().contains(&query);
        let mut types = BTreeMap::new();
        for fact in taken.facts().iter().filter(fits) {
            *types.entry(fact.r#type.as_str()).or_insert(0_usize) += 1;
        }
        let is_wanted = |fact: &&ReceivedFact| wanted.r#type.is_empty() || fact.r#type == wanted.r#type;
        let customers = by_customer(taken.facts().iter().filter(fits).filter(is_wanted));
        let shown = customers.iter().skip((page - 1).saturating_mul(PAGE)).take(PAGE);
        let shown: Vec<_> = shown
            .map(|(customer, facts)| {
                context! { customer => customer, facts => facts.iter().map(|fact| line(fact)).collect::<Vec<_>>() }
            })
            .collect();
        context! {
            endpoint => ReceiverStandIn::ENDPOINT,
            q => wanted.q.trim(), type => wanted.r#type, page => page, pages => customers.len().div_ceil(PAGE).max(1),
            all => types.values().sum::<usize>(), types => types, customers => shown, listed => customers.len(),
            first => (page - 1).saturating_mul(PAGE).saturating_add(1), counts => count(taken.counts()),
            fault => fault.map(|fault| fault.to_string()), fails => fault.map(ReceiverFault::words), mended => MENDED,
            faults => ReceiverFault::OFFERED.map(|(fault, words)| context! { name => fault.to_string(), words => words }),
        }
    };
    pages::show(&PAGES, "list.html", &page, "")
}

/// What a program reads.
async fn facts(State(receiver): State<Arc<Receiver>>) -> Response {
    let fault = receiver.fault().map(|fault| fault.to_string());
    let taken = receiver.taken();
    Json(json!({ "fault": fault, "counts": taken.counts(), "facts": taken.facts() })).into_response()
}

async fn fact(State(receiver): State<Arc<Receiver>>, Path(number): Path<usize>) -> Response {
    let Some(fact) = receiver.taken().facts().get(number).cloned() else { return none() };
    let repeats: Vec<_> = fact.repeats.iter().copied().map(clock_time).collect();
    let page = context! {
        fact => line(&fact), id => fact.id, customer => fact.customer, version => fact.version,
        as_of => format!("{:.3}", fact.as_of), received_at => format!("{:.3}", fact.at), repeats => repeats, body => fact.body,
        newer => number + 1, older => number.checked_sub(1), last => receiver.taken().facts().len() - 1,
    };
    pages::show(&PAGES, "fact.html", &page, "")
}

/// Has it fail from now on, or work again. A browser comes back to the list.
async fn fail(State(receiver): State<Arc<Receiver>>, Path(fault): Path<String>, headers: HeaderMap) -> Response {
    if is_asked_from_elsewhere(&headers) {
        return (StatusCode::FORBIDDEN, "Asked by a page of elsewhere.\n").into_response();
    }
    let fault = match fault.as_str() {
        MENDED => None,
        fault => match fault.parse() {
            Ok(fault) => Some(fault),
            Err(UnknownFault) => {
                return (StatusCode::NOT_FOUND, format!("A fault {UnknownFault}; {MENDED} ends it.\n")).into_response();
            }
        },
    };
    *receiver.fault() = fault;
    let is_browser = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if is_browser.is_some_and(|accept| accept.contains("text/html")) {
        return Redirect::to("/").into_response();
    }
    let does = fault.map_or_else(|| "works".to_owned(), ReceiverFault::words);
    format!("The receiver {does} from now on.\n").into_response()
}

fn none() -> Response {
    (StatusCode::NOT_FOUND, pages::show(&PAGES, "none.html", &context! {}, "")).into_response()
}
