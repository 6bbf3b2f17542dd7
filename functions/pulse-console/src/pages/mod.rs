//! The pages, each with its JSON.

mod bar;
mod campaign;
mod campaigns;
mod customer;
mod doubts;
mod endpoint;
mod endpoints;
mod feedback;
mod inbox;
mod letters;
mod mail;
mod orders;
mod overview;
mod plan;
mod plan_campaign;
mod plots;
mod run;
mod search;
mod stage;
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
        .route("/campaigns", get(campaigns::all))
        .route("/campaigns/{name}", get(campaign::show))
        .route("/campaigns/{name}/pause", post(campaign::pause))
        .route("/campaigns/{name}/resume", post(campaign::resume))
        .route("/campaigns/{name}/cancel", post(campaign::cancel))
        .route("/customers/{id}", get(customer::show))
        .route("/customers/{id}/mail", get(mail::show))
        .route("/customers/{id}/mail/letter", get(mail::letter))
        .route("/inbox", get(inbox::list))
        .route("/inbox/{number}", get(inbox::one))
        .route("/inbox/{number}/letter", get(inbox::letter))
        .route("/search", post(search::find))
        .route("/search/customers", post(search::customers))
        .route("/dead-letters", get(letters::all))
        .route("/dead-letters/{queue}", get(letters::of).post(letters::look))
        .route("/dead-letters/{queue}/redrive", post(letters::redrive))
        .route("/stages/{stage}", get(stage::show))
        .route("/stages/{stage}/pause", post(stage::pause))
        .route("/stages/{stage}/resume", post(stage::resume))
        .route("/stages/{stage}/lanes", post(stage::lanes))
        .route("/orders", get(orders::all))
        .route("/orders/{id}", get(orders::one))
        .route("/orders/{id}/cancel", post(orders::cancel))
        .route("/customers/{id}/replay", post(customer::replay))
        .route("/customers/{id}/settle", post(customer::settle))
        .route("/feedback", get(feedback::show))
        .route("/feedback/{run}", get(feedback::uncounted).post(feedback::count))
        .route("/doubts", get(doubts::unlisted).post(doubts::list))
        .route("/suppressions", get(suppressions::show))
        .route("/endpoints", get(endpoints::all).post(endpoints::count))
        .route("/endpoints/{name}", get(endpoint::show).post(endpoint::given_up))
        .route("/endpoints/{name}/pause", post(endpoint::pause))
        .route("/endpoints/{name}/resume", post(endpoint::resume))
        .route("/plan", get(plan::show))
        .route("/plan/campaign", get(plan_campaign::show))
}
