//! The page of the game day: the time, the promises, what is left to do, and faults to throw.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Form, Router,
    extract::State,
    http::header,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use maud::{Markup, html};
use pulse_app::words::{age, grouped, length};
use pulse_console::{Console, Failure, Wanted, moment};
use pulse_sim::{
    game::{FaultPlace, GameFault, Lasting, WATCHED},
    month::Proof,
    world::Violation,
};
use serde::{Deserialize, Serialize};

use crate::{
    game::Shared,
    pace::{Pace, SPEEDS},
};

/// Where it is, and what others link to it by.
pub(crate) const PATH: &str = "/game";
pub(crate) const NAME: &str = "Game day";

/// Where forms are sent by which time passes otherwise.
pub(crate) const PACE: &str = "/game/pace";

const FAULTS: &str = "/game/faults";
const RECORD: &str = "/game/record";

/// Seconds after which it looks again.
const EVERY: u32 = 2;

/// The longest that time can be let pass in one go.
const LONGEST: Duration = Duration::from_hours(31 * 24);

type OfGame = Extension<Arc<Shared>>;

pub(crate) fn routes(shared: &Arc<Shared>) -> Router<Console> {
    Router::new()
        .route(PATH, get(show))
        .route(PACE, post(pace))
        .route(FAULTS, post(faults))
        .route(RECORD, get(record))
        .layer(Extension(Arc::clone(shared)))
}

/// What the page shows.
#[derive(Serialize)]
struct Shown<'a> {
    now: Timestamp,
    pace: Pace,
    faults: Vec<Thrown<'a>>,
    broken: Vec<Violation>,
    proof: Proof,
    command: &'a str,
}

/// A fault that lasts.
#[derive(Serialize)]
struct Thrown<'a> {
    fault: &'a str,
    since: Timestamp,
    until: Option<Timestamp>,
}

async fn show(State(console): State<Console>, Extension(game): OfGame, wanted: Wanted) -> Response {
    let lasting = game.day.lasting();
    let thrown = |one: &Lasting| Thrown { fault: &one.fault.name, since: one.since, until: one.until };
    let shown = Shown {
        now: game.day.now(),
        pace: game.pace(),
        faults: lasting.iter().map(thrown).collect(),
        broken: game.day.violations(),
        proof: game.day.proof(),
        command: &game.command,
    };
    wanted.answer(&shown, || console.host_page(EVERY, page(&shown, &lasting)))
}

fn page(shown: &Shown<'_>, lasting: &[Lasting]) -> Markup {
    html! {
        div.heading {
            h1 { "Game day" }
            p.asof { "It is " (moment(shown.now)) ", " (pace_in_words(shown.pace)) }
        }
        p {
            "A simulated stack, on the code that is shipped: what you do on the other pages happens in it, and nowhere else. \
             Throw a fault, and deal with it as you would at night."
        }
        (time_form(shown.pace))
        (promises(shown))
        div.columns {
            (lasting_faults(shown.now, lasting))
            (left_to_do(&shown.proof, lasting.is_empty()))
        }
        (fault_forms(lasting))
    }
}

fn pace_in_words(pace: Pace) -> String {
    match pace {
        Pace::Paused => "and time stands still".to_owned(),
        Pace::Times(1) => "and time passes as it does".to_owned(),
        Pace::Times(times) => format!("and time passes {} times as fast", grouped(u64::from(times))),
        Pace::FastUntil(until) => format!("on the way to {until:.0}"),
    }
}

fn time_form(pace: Pace) -> Markup {
    let now = |speed: u32| pace == Pace::Times(speed);
    html! {
        form.act method="post" action=(PACE) aria-label="Time" {
            button.quiet[pace != Pace::Paused] name="times" value="0" aria-pressed=(pace == Pace::Paused) { "Pause" }
            @for speed in SPEEDS {
                " " button.quiet[!now(speed)] name="times" value=(speed) aria-pressed=(now(speed)) { (grouped(u64::from(speed))) "×" }
            }
            " " button.quiet name="on" value="10m" { "On by 10 minutes" }
            " " button.quiet name="on" value="1h" { "On by an hour" }
            " " button.quiet name="on" value="1d" { "On by a day" }
            p.small {
                "What is gone on by is computed as fast as it goes, and time stands still then. Pages answer while it does: what you \
                 ask for takes no other time than it waits for."
            }
        }
    }
}

fn promises(shown: &Shown<'_>) -> Markup {
    if shown.broken.is_empty() {
        return html! {
            details {
                summary { "All " (WATCHED.len()) " promises hold " span.badge.good { "kept" } }
                ul.notes { @for promise in WATCHED { li { (promise) } } }
                (to_repeat(shown.command))
            }
        };
    }
    html! {
        section.note.bad role="alert" {
            h2 { "A promise is broken" }
            ul.notes {
                @for one in shown.broken.iter().take(20) { li { strong { (one.promise) } ": " (one.what) ", at " (moment(one.at)) "." } }
            }
            @if shown.broken.len() > 20 { p { "And " (grouped(shown.broken.len() as u64 - 20)) " more." } }
            p {
                "If you had a hand in it, as by settling a mail as not sent that was, that is what it teaches. If not, it is a bug of \
                 Pulse, and the way to it is worth reporting."
            }
            (to_repeat(shown.command))
        }
    }
}

fn to_repeat(command: &str) -> Markup {
    html! {
        p { "To play this game again, to the same end: save " a href=(RECORD) download="game.txt" { "what was done so far" } ", and run" }
        p { code { (command) " --repeat game.txt" } }
    }
}

fn lasting_faults(now: Timestamp, lasting: &[Lasting]) -> Markup {
    html! {
        section {
            h2 { "What is wrong now" }
            @if lasting.is_empty() {
                p.empty { "Nothing." }
            } @else {
                form method="post" action=(FAULTS) aria-label="Mend" {
                    table {
                        tbody {
                            @for one in lasting {
                                tr {
                                    th scope="row" { (subject(one.fault.place)) (one.fault.title) }
                                    td {
                                        "for " (age(now, one.since))
                                        @if let Some(until) = one.until { ", ends in " (age(until, now)) }
                                    }
                                    td.number { button.quiet name="mend" value=(one.fault.name) { "Mend" span.hidden { " that " (subject(one.fault.place)) (one.fault.title) } } }
                                }
                            }
                        }
                    }
                    p { button name="mend" value="all" { "Mend all" } }
                }
            }
        }
    }
}

/// Whose fault it is, where its title begins with what it does.
fn subject(place: FaultPlace) -> String {
    match place {
        FaultPlace::Provider(stage) => format!("the {stage} provider "),
        _ => String::new(),
    }
}

/// What an operator has to bring to an end: all are 0, and nothing is wrong, when the day is won.
fn left_to_do(proof: &Proof, nothing_is_wrong: bool) -> Markup {
    let rows = [
        ("late: due for an hour, and open", proof.open),
        ("given up by a stage", proof.failed),
        ("in doubt, or unconfirmed", proof.unknown),
        ("dead letters", proof.dead_letters),
    ];
    let is_done = nothing_is_wrong && rows.iter().all(|(_, count)| *count == 0);
    html! {
        section {
            h2 { "Left to do " @if is_done { span.badge.good { "everything is done" } } }
            table {
                tbody {
                    @for (name, count) in rows { tr.bad[count > 0] { th scope="row" { (name) } td.number { (grouped(count)) } } }
                    tr { th scope="row" { "sent" } td.number { (grouped(proof.sent)) } }
                    tr { th scope="row" { "skipped, with a reason" } td.number { (grouped(proof.skipped)) } }
                    tr.total { th scope="row" { "due so far" } td.number { (grouped(proof.due)) } }
                    tr { th scope="row" { "mails that the provider took" } td.number { (grouped(proof.accepted)) } }
                    tr.bad[proof.twice > 0] { th scope="row" { "entries with more than one of them" } td.number { (grouped(proof.twice)) } }
                }
            }
        }
    }
}

fn fault_forms(lasting: &[Lasting]) -> Markup {
    html! {
        form.act method="post" action=(FAULTS) aria-label="Throw" {
            h2 { "Throw a fault" }
            label {
                "It ends by itself after, as in 20m, 1h or 2d; empty for until you mend it"
                input type="text" name="lasts" maxlength="10" autocomplete="off";
            }
            div.columns {
                @for place in FaultPlace::all() {
                    section {
                        h3 { (heading(place)) }
                        @for fault in GameFault::all().iter().filter(|fault| fault.place == place) {
                            (throw_button(fault))
                            @if lasting.iter().any(|one| one.fault == fault) { " " span.badge.bad { "lasts" } }
                            p.small { (fault.words) }
                        }
                    }
                }
            }
        }
    }
}

fn throw_button(fault: &GameFault) -> Markup {
    let mut title = fault.title.chars();
    let capital = title.next().into_iter().flat_map(char::to_uppercase).chain(title).collect::<String>();
    html! {
        button.careful name="throw" value=(fault.name) {
            @if let FaultPlace::Provider(stage) = fault.place { span.hidden { "The " (stage) " provider: " } }
            (capital)
        }
    }
}

fn heading(place: FaultPlace) -> String {
    match place {
        FaultPlace::Provider(stage) => format!("The {stage} provider"),
        FaultPlace::Aws => "AWS".to_owned(),
        FaultPlace::Code => "Pulse's own code".to_owned(),
        FaultPlace::Recipients => "Recipients, and what is told of them".to_owned(),
        FaultPlace::Hands => "Somebody's hand in the AWS console".to_owned(),
    }
}

#[derive(Deserialize)]
struct PaceForm {
    times: Option<u32>,
    on: Option<String>,
}

async fn pace(Extension(game): OfGame, Form(form): Form<PaceForm>) -> Result<Redirect, Failure> {
    let pace = match (form.times, form.on) {
        (Some(0), None) => Pace::Paused,
        (Some(times), None) if times <= 100_000 => Pace::Times(times),
        (None, Some(on)) => {
            let on = length(on.trim()).map_err(|error| Failure::wrong(format!("The time {error}.")))?;
            let until = game.day.now().saturating_add(on.min(LONGEST)).unwrap_or(Timestamp::MAX);
            Pace::FastUntil(until)
        }
        _ => return Err(Failure::wrong("Choose one of the speeds, or a length to go on by, such as 10m.")),
    };
    game.set_pace(pace);
    Ok(Redirect::to(PATH))
}

#[derive(Deserialize)]
struct FaultForm {
    throw: Option<String>,
    mend: Option<String>,
    #[serde(default)]
    lasts: String,
}

async fn faults(Extension(game): OfGame, Form(form): Form<FaultForm>) -> Result<Redirect, Failure> {
    let named = |name: &str| {
        GameFault::named(name)
            .ok_or_else(|| Failure::unknown("There is no such fault.").see(PATH, "To all that there are"))
    };
    let lasts = match form.lasts.trim() {
        "" => None,
        lasts => Some(length(lasts).map_err(|error| Failure::wrong(format!("The time {error}.")))?),
    };
    match (form.throw, form.mend.as_deref()) {
        (Some(name), None) => game.day.throw(named(&name)?, lasts),
        (None, Some("all")) => game.day.lasting().iter().for_each(|one| game.day.mend(one.fault)),
        (None, Some(name)) => game.day.mend(named(name)?),
        _ => return Err(Failure::wrong("Press a fault to throw it, or Mend beside one that lasts.")),
    }
    Ok(Redirect::to(PATH))
}

async fn record(Extension(game): OfGame) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], game.record().to_string()).into_response()
}
