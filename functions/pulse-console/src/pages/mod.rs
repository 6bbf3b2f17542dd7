//! The pages, each with its JSON.

mod customer;
mod letters;
mod overview;
mod plan;
mod run;
mod search;
mod suppressions;

use axum::{
    Router,
    routing::{get, post},
};

use crate::Console;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .route("/", get(overview::show).post(overview::count))
        .route("/runs", get(run::current))
        .route("/runs/{run}", get(run::show).post(run::count))
        .route("/customers/{id}", get(customer::show))
        .route("/search", post(search::find))
        .route("/dead-letters", get(letters::all))
        .route("/dead-letters/{queue}", get(letters::of).post(letters::look))
        .route("/suppressions", get(suppressions::show))
        .route("/plan", get(plan::show))
}
