//! A run filling up: what is done, what went wrong, and what is to come.

use std::collections::BTreeMap;

use maud::{Markup, html};
use pulse_app::words::grouped;
use pulse_core::entry::TallyKey;

fn class(key: TallyKey) -> &'static str {
    match key {
        TallyKey::Sent => "sent",
        TallyKey::Skipped(_) | TallyKey::Cancelled => "skipped",
        TallyKey::Failed(_) | TallyKey::Dropped | TallyKey::Abandoned => "failed",
        TallyKey::Indeterminate | TallyKey::Unconfirmed => "doubt",
        TallyKey::NotDue | TallyKey::Due(_) => "open",
    }
}

/// The bar of these places, and of so many entries more that are open.
pub(super) fn bar(places: &BTreeMap<TallyKey, u64>, more_open: u64) -> Markup {
    let parts = ["sent", "skipped", "failed", "doubt", "open"].map(|one| {
        let counted: u64 = places.iter().filter(|(key, _)| class(**key) == one).map(|(_, count)| count).sum();
        (one, counted + if one == "open" { more_open } else { 0 })
    });
    let all: u64 = parts.iter().map(|(_, count)| count).sum();
    let share = |count: u64| count as f64 * 1_000.0 / all.max(1) as f64;
    let before = |until: usize| parts[..until].iter().map(|(_, count)| share(*count)).sum::<f64>();
    html! {
        svg.bar viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" {
            title { @for (name, count) in parts { (grouped(count)) " " (name) ", " } "of " (grouped(all)) }
            @for (number, (name, count)) in parts.into_iter().enumerate() {
                rect class=(name) x=(format!("{:.2}", before(number))) y="0" width=(format!("{:.2}", share(count))) height="24" {}
            }
        }
    }
}
