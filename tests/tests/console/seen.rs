//! How the pages look to a browser, and to those who use one without a mouse, a large screen, good eyes or scripts.

use std::time::Duration;

use pulse_core::entry::StageName;
use pulse_game::{GameOptions, Record};
use pulse_sim::game::GameFault;
use pulse_tests::{
    browser::Browser,
    in_memory_app::{Fate, InMemoryApp, start},
    served_console::{ServedConsole, ServedGame},
};
use serde_json::{Value, json};

use super::game::scenario;

/// The most that a first load may transfer, in bytes.
const FIRST_LOAD: u64 = 60_000;

/// How each kind of page is reached.
fn visits() -> Vec<(u64, Value)> {
    let search = |words: &str| json!({ "path": "/plan", "fill": ["#search", words], "press": ".search button" });
    let press = |path: &str| json!({ "path": path, "press": ".act button" });
    let path = |path: &str| json!({ "path": path });
    let (found, wrong, unknown) = (200, 400, 404);
    vec![
        (found, path("/")),
        (found, press("/")),
        (found, path("/runs")),
        (found, path("/runs/2026-10")),
        (found, json!({ "path": "/feedback", "press": "form[action='/doubts'] button" })),
        (found, press("/runs/2026-11")),
        (found, path("/customers/c-failed")),
        (found, path("/customers/c-hostile")),
        (found, path("/customers/c-forgotten")),
        (found, search("c-sent")),
        (found, search("c-suppressed@example.com")),
        (found, search("c-nobody@example.com")),
        (unknown, search("c-nobody")),
        (wrong, search("no id, and no address")),
        (found, path("/dead-letters")),
        (found, press("/dead-letters/score")),
        (found, press("/dead-letters/email")),
        (found, press("/dead-letters/unsubscribe")),
        (found, json!({ "path": "/dead-letters/score", "press": "main > form:last-of-type button" })),
        (
            found,
            json!({ "path": "/stages/email", "fill": ["form[action$=pause] input", "Drill"], "press": "form[action$=pause] button" }),
        ),
        (found, path("/endpoints")),
        (found, press("/endpoints")),
        (found, path("/endpoints/crm")),
        (found, press("/endpoints/crm")),
        (found, json!({ "path": "/endpoints/crm", "press": ".act button", "then": "form[action$=redrive] button" })),
        (
            found,
            json!({ "path": "/endpoints/crm", "fill": ["form[action$=pause] input", "Drill"], "press": "form[action$=pause] button" }),
        ),
        (unknown, path("/endpoints/nowhere")),
        (found, path("/campaigns")),
        (found, path("/campaigns/newcomers")),
        (found, path("/campaigns/spring-sale")),
        (found, path("/campaigns/price-change")),
        (found, path("/campaigns/autumn")),
        (unknown, path("/campaigns/nowhere")),
        (found, json!({ "path": "/campaigns/spring-sale", "press": "form[action$=cancel] button" })),
        (found, path("/customers/c-0080")),
        (found, path("/orders")),
        (found, path("/feedback")),
        (found, press("/feedback")),
        (found, path("/suppressions")),
        (found, path("/customers/c-sent/mail?run=2026-11")),
        (unknown, path("/customers/c-due/mail")),
        (found, path("/inbox")),
        (found, path("/inbox/1")),
        (unknown, path("/inbox/7")),
        (
            found,
            json!({ "path": "/plan", "fill": ["#search", "c-sent@example.com"], "press": ".search button", "then": ".act button" }),
        ),
        (found, path("/plan?backlog=100000&within=6")),
        (found, path("/plan?utilisation=3")),
        (found, path("/plan/campaign?items=10000&each=60s&within=90m&stage=score")),
        (found, path("/plan/campaign?within=soon")),
        (unknown, path("/nowhere")),
    ]
}

#[test]
fn everyone_can_use_every_page() {
    let console = ServedConsole::over(InMemoryApp::eventful());
    assert_all_can_use(visits(), |visit| console.ask("examine", visit, json!({})));
}

/// A game in which scoring is down, and an hour of it has passed.
fn game() -> ServedGame {
    let command = "pulse simulate --console".to_owned();
    let options = GameOptions { scenario: scenario(2_000), actor: "aoife".into(), command, repeat: Record::default() };
    ServedGame::after(options, |game| {
        let fault = |name| GameFault::named(name).unwrap();
        game.advance_to(game.now() + Duration::from_hours(43));
        game.day().throw(fault("score-down"), Some(Duration::from_hours(2)));
        game.day().throw(fault("bounces"), None);
        game.advance_to(game.now() + Duration::from_hours(1));
    })
}

/// How the page of the game day is reached, and those beside it.
fn visits_of_the_game() -> Vec<(u64, Value)> {
    let press = |button: &str| json!({ "path": "/game", "press": button });
    let throw = "button[name=throw][value=email-slow]";
    vec![
        (200, json!({ "path": "/game" })),
        (200, press("button[value='10m']")),
        (200, json!({ "path": "/game", "fill": ["input[name=lasts]", "20m"], "press": throw })),
        (400, json!({ "path": "/game", "fill": ["input[name=lasts]", "soon"], "press": throw })),
        (200, press("button[value=all]")),
        (200, json!({ "path": "/" })),
        (200, json!({ "path": "/stages/score" })),
    ]
}

#[test]
fn everyone_can_play_a_game_day() {
    let game = game();
    assert_all_can_use(visits_of_the_game(), |visit| game.ask("examine", visit, json!({})));
}

#[test]
fn without_scripts_a_game_day_is_played_as_well() {
    let game = game();
    let scripts = json!({ "scripts": false });
    let thrown = game.ask("read", &json!({ "path": "/game", "press": "button[value=email-down]" }), scripts.clone());
    assert!(thrown["text"].as_str().unwrap().contains("the email provider is down"), "{thrown}");
    let mended = game.ask("read", &json!({ "path": "/game", "press": "button[value=all]" }), scripts);
    assert!(mended["text"].as_str().unwrap().contains("Nothing."), "{mended}");
}

/// Ages are told by the world's own time, which isn't the browser's.
#[test]
fn a_page_reckons_with_the_time_of_the_world_that_it_shows() {
    let game = game();
    let _ = game.ask("keep", &json!({ "path": "/" }), json!({ "name": "game" }));
    let script = "document.querySelector('.asof time').dataset.age";
    let told = Browser::shared().ask(&json!({ "run": "evaluate", "name": "game", "script": script }));
    let told = told["result"].as_str().unwrap();
    assert!(["now", "ago"].iter().any(|word| told.contains(word)) && !told.contains("day"), "{told}");
}

fn assert_all_can_use(visits: Vec<(u64, Value)>, examine: impl Fn(&Value) -> Value) {
    let mut faults = Vec::new();
    for (status, visit) in visits {
        let seen = examine(&visit);
        assert_eq!(seen["status"], status, "{visit}: {}", seen["text"]);
        for part in ["invalid", "violations", "troubles", "elsewhere", "wider"] {
            let found = seen[part].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
            // A browser reports an answer that is an error, which it is.
            let found = found.filter(|one| !(status >= 400 && one.starts_with("Failed to load resource")));
            faults.extend(found.map(|one| format!("{visit} {part}: {one}")));
        }
        let keyboard = &seen["keyboard"];
        if keyboard["unreached"] != 0 || keyboard["unseen"] != json!([]) {
            faults.push(format!("{visit} keyboard: {keyboard}"));
        }
        if seen["first"].as_u64().unwrap() > FIRST_LOAD {
            faults.push(format!("{visit} transfers {} bytes", seen["first"]));
        }
        let (title, text) = (seen["title"].as_str().unwrap(), seen["text"].as_str().unwrap());
        if !title.ends_with(" · Pulse") || text.len() < 40 {
            faults.push(format!("{visit} says {title}: {text}"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_mail_of_somebody_with_evil_in_mind_runs_loads_and_sends_nothing() {
    let console = ServedConsole::over(async { InMemoryApp::at(start()) });
    let seen = console.ask("examine", &json!({ "path": "/inbox/0" }), json!({}));
    assert_eq!((&seen["status"], &seen["title"]), (&json!(200), &json!("A mail · Pulse")));
    assert_eq!(seen["elsewhere"], json!([]), "{seen}");
    let troubles = seen["troubles"].as_array().unwrap();
    assert!(troubles.iter().any(|one| one.as_str().unwrap().contains("sandbox")), "{troubles:?}");
}

#[test]
fn without_scripts_every_page_says_and_does_the_same() {
    let console = ServedConsole::over(InMemoryApp::eventful());
    for (status, visit) in visits() {
        let [with, without] = [true, false].map(|scripts| console.ask("read", &visit, json!({ "scripts": scripts })));
        assert_eq!((&with["status"], &with["text"]), (&without["status"], &without["text"]), "{visit}");
        assert_eq!(without["status"], status, "{visit}");
    }
}

#[test]
fn a_page_looks_again_by_itself_and_says_when_nothing_answers() {
    let console = ServedConsole::over(async {
        let world = InMemoryApp::at(start());
        world.bring("c-1", Fate::Due, "").await;
        world
    });
    let (world, browser) = (&console.world, Browser::shared());
    for (name, path) in [("overview", "/"), ("letters", "/dead-letters"), ("customer", "/customers/c-1")] {
        let _ = console.ask("keep", &json!({ "path": path }), json!({ "name": name, "fast": true }));
    }
    let until = |name: &str, selector: &str, words: &str| {
        let _ = browser.ask(&json!({ "run": "until", "name": name, "selector": selector, "words": words }));
    };
    let mark = json!({ "run": "evaluate", "name": "overview", "script": "globalThis.isTheSame = true" });
    let _ = browser.ask(&mark);
    until("overview", "main", "Nothing was counted yet");
    console.wait(async {
        world.bury(StageName::Email, "c-1");
        world.bring("c-2", Fate::Sent, "").await;
        world.app.count_now().await.unwrap();
        // What was read a moment ago is shown for a while.
        world.clock.advance(Duration::from_mins(2));
    });
    until("overview", "main", "Stage email");
    until("letters", "tr.bad", "email DLQ");
    let is_the_same = browser.ask(&json!({ "run": "evaluate", "name": "overview", "script": "globalThis.isTheSame" }));
    assert_eq!(is_the_same["result"], true, "the page was loaded anew");
    console.kill();
    for name in ["overview", "letters", "customer"] {
        until(name, "#state", "The console can't be reached");
    }
    until("overview", "main", "Stage email");
}

#[test]
fn the_link_lets_one_browser_in_and_the_next_is_told_why_not() {
    let console = ServedConsole::over(async { InMemoryApp::at(start()) });
    let overview = json!({ "path": "/" });
    let first = console.ask("read", &overview, json!({}));
    assert_eq!(first["status"], 200);
    let second = console.ask("read", &overview, json!({ "stranger": true }));
    assert_eq!(second["status"], 401);
    assert!(second["text"].as_str().unwrap().contains("lets one browser in, once"), "{second}");
}
