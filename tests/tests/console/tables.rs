//! Every table of figures can be had as CSV, and says what the page says.

use axum::http::{Method, StatusCode};
use pulse_core::entry::StageName;
use pulse_tests::{
    console_client::{Answer, Client, PAGES, rows},
    in_memory_app::{Fate, InMemoryApp},
};

/// What is read back, and whether it is a file to keep.
fn table(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8; header=present");
    let name = answer.headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with("attachment; filename=\"pulse-") && name.ends_with(".csv\""), "{name}");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(answer.body.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Where the links beside a page's tables lead.
fn links(page: &str) -> Vec<String> {
    let links = page.split("<p class=\"csv\"><a href=\"").skip(1);
    links.map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn every_table_has_a_link_that_leads_to_it_as_csv() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let mut found = Vec::new();
    for path in PAGES.into_iter().chain(["/plan?customers=1000&days=30", "/orders?before=pause-20261126-211200-3f9a2c"])
    {
        for link in links(&client.get(path).await.body) {
            let table = table(&client.get(&link).await);
            assert!(table.iter().all(|row| row.len() == table[0].len()), "{link}: {table:?}");
            found.push((link, table.len()));
        }
    }
    for (link, least) in [
        ("/?format=csv&table=points", 200),
        ("/?format=csv&table=month", 100),
        ("/?format=csv&table=places", 5),
        ("/?format=csv&table=queues", 9),
        ("/?format=csv&table=causes", 2),
        ("/runs/2026-11?format=csv&table=places", 5),
        ("/dead-letters?format=csv&table=queues", 5),
        ("/suppressions?format=csv&table=reasons", 3),
        ("/suppressions?format=csv&table=newest", 3),
        ("/orders?format=csv&table=orders", 2),
        ("/endpoints?format=csv&table=endpoints", 2),
        ("/endpoints/crm?format=csv&table=waiting", 3),
        ("/campaigns?format=csv&table=campaigns", 11),
        ("/campaigns/spring-sale?format=csv&table=places", 6),
        ("/campaigns/spring-sale?format=csv&table=events", 5),
        ("/campaigns/autumn?format=csv&table=causes", 2),
        ("/feedback?format=csv&table=days", 9),
        ("/feedback?format=csv&table=intake", 5),
        ("/plan?customers=1000&days=30&format=csv&table=bill", 10),
        ("/plan?format=csv&table=lanes", 3),
        ("/plan/campaign?format=csv&table=frontier", 5),
    ] {
        let (_, rows) = found.iter().find(|(one, _)| one == link).unwrap_or_else(|| panic!("{link}: {found:?}"));
        assert!(*rows >= least, "{link}: {rows}");
    }
    let unknown = client.get("/?format=csv&table=nothing").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let none = client.ask(Method::GET, "/stages/email", &[("accept", "text/csv")], "").await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_table_says_what_the_page_says_and_reckons_nothing_in_a_spreadsheet() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let shown = rows(&client.get("/dead-letters").await.body);
    let told = table(&client.ask(Method::GET, "/dead-letters", &[("accept", "text/csv")], "").await);
    for row in &told[1..] {
        assert!(shown.iter().any(|cells| cells[0] == row[0] && cells[1] == row[1]), "{row:?}: {shown:?}");
    }
    world.bring("c-formula", Fate::Failed(StageName::Email), "=HYPERLINK(\"http://192.0.2.1\")").await;
    world.bury(StageName::Email, "c-formula");
    let told = table(&client.post("/dead-letters/email?format=csv", "text/html", "").await);
    let causes: Vec<_> = told.iter().map(|row| row[1].as_str()).collect();
    assert!(causes.iter().any(|cause| cause.starts_with("'=HYPERLINK(")), "{causes:?}");
    // What a button has shown is in its link, and not received again.
    let page = client.post("/dead-letters/email", "text/html", "").await;
    assert!(links(&page.body)[0].starts_with("data:text/csv;charset=utf-8;base64,"), "{:?}", links(&page.body));
}
