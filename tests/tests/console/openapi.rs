//! What programs are told of the console's JSON is so: functions/pulse-console/openapi.json against every route.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use axum::http::{Method, StatusCode};
use jsonschema::Validator;
use pulse_tests::{
    console_client::{Client, PAGES},
    emulator::workspace,
    in_memory_app::InMemoryApp,
};
use serde_json::{Value, json};

/// A method and a path with its parameters, as in `get /runs/{run}`.
type Operation = String;

fn read(path: &str) -> String {
    fs::read_to_string(workspace().root().join("functions/pulse-console").join(path)).unwrap()
}

fn document() -> Value {
    serde_json::from_str(&read("openapi.json")).unwrap()
}

/// What the router is made of, by its source: axum doesn't list its routes.
fn routes() -> BTreeSet<Operation> {
    let source = read("src/pages/mod.rs");
    let routes = source.split(".route(\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let methods = |rest: &str| {
        let line = rest.lines().next().unwrap_or_default().to_owned();
        ["get", "post"].into_iter().filter(move |method| line.contains(&format!("{method}(")))
    };
    routes.flat_map(|(path, rest)| methods(rest).map(move |method| format!("{method} {path}"))).collect()
}

/// Routes that have no JSON.
const PAGES_ALONE: [&str; 5] = [
    "get /runs",
    "get /doubts",
    "get /feedback/{run}",
    "get /customers/{id}/mail/letter",
    "get /inbox/{number}/letter",
];

fn documented(document: &Value) -> BTreeSet<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |path: &Value| path.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let of =
        |(path, item): (&String, &Value)| methods(item).into_iter().map(|method| format!("{method} {path}")).collect();
    paths.iter().flat_map(|one| -> Vec<_> { of(one) }).collect()
}

/// Which route a path is of.
fn operation(method: &Method, path: &str) -> Operation {
    let path = path.split('?').next().unwrap();
    let fits = |route: &str| {
        let (wanted, path) = (route.split('/'), path.split('/'));
        wanted.clone().count() == path.clone().count()
            && wanted.zip(path).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    let method = method.as_str().to_lowercase();
    let routes = routes();
    let found =
        routes.iter().filter(|route| route.split_once(' ').is_some_and(|(of, route)| of == method && fits(route)));
    found.min_by_key(|route| route.matches('{').count()).unwrap_or_else(|| panic!("{path} is of no route")).clone()
}

/// Presses that answer something, in an order in which each has something to do; `+` is a space.
fn presses() -> Vec<(&'static str, &'static str)> {
    vec![
        ("/", ""),
        ("/runs/2026-11", ""),
        ("/runs/2026-10", ""),
        ("/feedback/2026-11", ""),
        ("/doubts", ""),
        ("/search", "q=c-sent"),
        ("/search", "q=c-suppressed%40example.com"),
        ("/search", "q=c-nobody%40example.com"),
        ("/search", "q=nothing+of+this"),
        ("/search/customers", "q=c-sent%40example.com"),
        ("/dead-letters/score", ""),
        ("/dead-letters/email", ""),
        ("/dead-letters/score/redrive", ""),
        ("/dead-letters/nowhere/redrive", ""),
        ("/stages/score/lanes", "lanes=12"),
        ("/stages/score/lanes", "lanes=4294967296"),
        ("/stages/score/pause", ""),
        ("/customers/c-failed/replay", "run=2026-11"),
        ("/customers/c-failed/replay", "run=2026-11&again=yes"),
        ("/customers/c-nobody/replay", "run=2026-11"),
        ("/customers/c-in-doubt/settle", "run=invoices&item=A&note=seen&sent=m-1&outcome=sent"),
        ("/customers/c-in-doubt/settle", "run=2026-11&note=seen&sent=m-1&outcome=sent"),
        ("/customers/c-in-doubt/settle", "run=2026-11&note=seen&sent=m-1&outcome=sent"),
        ("/endpoints", ""),
        ("/endpoints/crm", ""),
        ("/endpoints/CRM", ""),
        ("/endpoints/crm/pause", "note=&lasts="),
        ("/endpoints/nowhere/pause", "note=Drill&lasts="),
        ("/endpoints/crm/pause", "note=Drill&lasts=6h"),
        ("/endpoints/crm/resume", "note=Over"),
        ("/campaigns/spring-sale/pause", "note=Drill"),
        ("/campaigns/spring-sale/pause", "note=Drill"),
        ("/campaigns/spring-sale/pause", "note="),
        ("/campaigns/nowhere/pause", "note=Drill"),
        ("/campaigns/spring-sale/resume", "note="),
        ("/campaigns/spring-sale/resume", "note="),
        ("/campaigns/spring-sale/cancel", ""),
        ("/campaigns/spring-sale/cancel", "note=Over"),
        ("/campaigns/spring-sale/cancel", ""),
        ("/dead-letters/deliver/redrive", "endpoint=crm"),
        ("/dead-letters/score/redrive", "endpoint=crm"),
        ("/stages/email/pause", "note=&lasts="),
        ("/stages/email/pause", "note=Drill&lasts=6h"),
        ("/stages/email/resume", "note=Over"),
    ]
}

struct Asked {
    operation: Operation,
    words: String,
    status: StatusCode,
    body: Option<Value>,
}

/// Everything that can be asked, with its answer.
async fn everything() -> Vec<Asked> {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let accept = ("accept", "application/json");
    let mut asked = Vec::new();
    let mut ask = async |method: Method, path: &str, body: &str| {
        let answer = match method {
            Method::GET => client.ask(Method::GET, path, &[accept], "").await,
            _ => client.post(path, accept.1, body).await,
        };
        let is_json = answer.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        asked.push(Asked {
            operation: operation(&method, path),
            words: format!("{method} {path} {body}"),
            status: answer.status,
            body: is_json.then(|| answer.json()),
        });
        answer
    };
    let preview = ask(Method::POST, "/dead-letters/score/redrive", "").await.json();
    let of = |name: &str| preview[name].to_string().trim_matches('"').replace('+', "%2B").replace(':', "%3A");
    let order = format!("at={}&expected={}&fingerprint={}&note=Mended", of("at"), of("expected"), of("fingerprint"));
    let given = ask(Method::POST, "/dead-letters/score/redrive", &order).await;
    let order = given.headers["location"].to_str().unwrap().to_owned();
    for (path, body) in presses() {
        ask(Method::POST, path, body).await;
    }
    let others = [
        &*order,
        "/customers/c-nobody",
        "/orders/x",
        "/plan?utilisation=3",
        "/inbox/9999",
        "/campaigns/nowhere",
        "/campaigns/NOWHERE",
        "/runs/spring-sale",
        "/plan/campaign?within=1s",
        "/plan/campaign?each=60s&stage=score",
        "/campaigns/survey",
        "/campaigns/jubilee",
        "/campaigns/thanks",
        "/campaigns/last-call",
    ];
    for path in PAGES.iter().copied().chain(others) {
        ask(Method::GET, path, "").await;
    }
    for path in [format!("{order}/cancel"), format!("{order}/cancel")] {
        ask(Method::POST, &path, "").await;
    }
    asked
}

/// The description of an answer with this status, and of its JSON.
fn described<'a>(document: &'a Value, asked: &Asked) -> Option<&'a Value> {
    let (method, path) = asked.operation.split_once(' ')?;
    let answers = &document["paths"][path][method]["responses"];
    let described = answers.get(asked.status.as_str())?;
    let reference = described.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    Some(reference.and_then(|pointer| document.pointer(pointer)).unwrap_or(described))
}

/// A schema of the document, which refers to its others.
fn validator(document: &Value, schema: &Value) -> Validator {
    let root = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], "allOf": [schema] });
    jsonschema::options().should_validate_formats(true).build(&root).unwrap_or_else(|error| panic!("{error}"))
}

/// Closes every object, so that what isn't described is seen.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let pages: BTreeSet<_> = PAGES_ALONE.map(str::to_owned).into();
    let with_json: BTreeSet<_> = routes().difference(&pages).cloned().collect();
    assert_eq!(documented(&document()), with_json);
}

#[tokio::test]
async fn the_console_serves_it() {
    let client = Client::of(&InMemoryApp::eventful().await).await;
    assert_eq!(client.get_json("/openapi.json").await, document());
}

#[tokio::test]
async fn every_answer_is_as_it_is_described() {
    let mut document = document();
    let asked = everything().await;
    close(&mut document);
    let mut faults = BTreeSet::new();
    let mut seen: BTreeMap<Operation, BTreeSet<String>> = BTreeMap::new();
    for asked in &asked {
        let Some(answer) = described(&document, asked) else {
            faults.insert(format!("{}: {} isn't described", asked.words, asked.status));
            continue;
        };
        seen.entry(asked.operation.clone()).or_default().insert(asked.status.as_str().to_owned());
        match (answer.pointer("/content/application~1json/schema"), &asked.body) {
            (None, None) => {}
            (Some(schema), Some(body)) => {
                let validator = validator(&document, schema);
                faults.extend(
                    validator
                        .iter_errors(body)
                        .map(|error| format!("{}: {}: {error}", asked.words, error.instance_path())),
                );
            }
            (described, _) => {
                faults.insert(format!("{}: JSON is described: {}", asked.words, described.is_some()));
            }
        }
    }
    for operation in documented(&document) {
        if !seen.get(&operation).is_some_and(|seen| seen.contains("200") || seen.contains("303")) {
            faults.insert(format!("{operation} was never asked with success"));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), Vec::from_iter(faults).join("\n"));
}
