//! What the pages tell of campaigns is what the commands tell, adds up to what was sealed, and is held by whom it says.

use std::{num::NonZeroU32, time::Duration};

use axum::http::StatusCode;
use pulse_app::{
    PlannedCampaign,
    words::{campaign_event, campaign_next, campaign_places, campaign_state},
};
use pulse_core::{
    campaign::{Campaign, CampaignState},
    customer::Zone,
    entry::{Entry, EntryId, Plan, StageName},
    failure::Cause,
    plan::{Bound, Utilisation},
    ports::{Campaigns as _, Clock as _, Ledger as _},
};
use pulse_tests::{
    console_client::{Client, rows, words},
    in_memory_app::{Fate, InMemoryApp, start},
    in_memory_campaigns::{CAMPAIGNS, Happened, campaign_run},
};
use serde_json::Value;

fn of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// Where a page names commands, they are set as such.
fn plain(words: &str) -> String {
    words.replace('`', "")
}

async fn campaign(world: &InMemoryApp, name: &str) -> Campaign {
    world.ledger.campaign(campaign_run(name)).await.unwrap().unwrap()
}

/// Presses, and follows where that leads.
async fn pressed(client: &Client, path: &str, body: &str) -> String {
    let answer = client.post(path, "text/html", body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.body);
    client.get(answer.headers["location"].to_str().unwrap()).await.body
}

fn number(cell: &str) -> u64 {
    cell.replace(',', "").parse().unwrap_or_else(|error| panic!("{cell}: {error}"))
}

/// A campaign that has run for an hour, of so many entries that are sent and so many that are held.
async fn running(world: &InMemoryApp, sent: usize, held: usize) -> Campaign {
    let way = [Happened::Planned, Happened::Sealed, Happened::Started];
    let at = world.clock.now() - Duration::from_hours(1);
    world.campaign("spring", at, &way, &[(sent, Some(Fate::Sent)), (held, None)]).await
}

#[tokio::test]
async fn all_of_them_are_told_as_the_command_lists_them_the_newest_first() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let report = world.app.campaigns(50).await.unwrap();
    assert_eq!(client.get_json("/campaigns").await, of(&report));
    let page = client.get("/campaigns").await.body;
    let told: Vec<_> = rows(&page).into_iter().filter(|row| row.len() == 5 && row[0] != "campaign").collect();
    assert_eq!(told.len(), CAMPAIGNS.len());
    for (row, listed) in told.iter().zip(&report.campaigns) {
        let campaign = &listed.campaign;
        assert!(row[0].starts_with(&campaign.run.to_string()), "{row:?}");
        assert_eq!(row[1], campaign_state(campaign));
        let closed: u64 = listed.closed.values().sum();
        let far = campaign.sealed.map_or("not known yet".to_owned(), |(seal, _)| format!("{closed} of {}", seal.count));
        assert!(row[2].ends_with(&far), "{far}: {row:?}");
        assert!(row[3].contains("by aoife: For the season.") && row[3].contains(" UTC"), "{row:?}");
        assert_eq!(row[4] == "none", campaign.request.deadline.is_none(), "{row:?}");
    }
    let empty = InMemoryApp::at(start());
    let page = Client::of(&empty).await.get("/campaigns").await;
    assert!(page.status == StatusCode::OK && words(&page.body).contains("None was ever started"), "{}", page.body);
}

#[tokio::test]
async fn of_each_state_a_page_adds_up_and_says_what_happened_what_comes_next_and_what_can_be_done() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    for (name, happened, _) in CAMPAIGNS {
        let path = format!("/campaigns/{name}");
        let shown = world.app.campaign(campaign_run(name)).await.unwrap();
        assert_eq!(client.get_json(&path).await, of(&shown), "{name}");
        let page = client.get(&path).await.body;
        assert!(page.contains(&campaign_state(&shown.campaign)), "{name}: {page}");
        let rows = rows(&page);
        let places = campaign_places(&shown);
        let counted = |place: &str| {
            let row = rows.iter().find(|row| row[0] == place).unwrap_or_else(|| panic!("{place}: {page}"));
            number(&row[1])
        };
        let sum: u64 = places.iter().map(|(place, _)| counted(place)).sum();
        match shown.campaign.sealed {
            Some((seal, _)) => assert_eq!((sum, counted("all that were sealed")), (seal.count, sum), "{name}"),
            None => assert_eq!(counted("so far: it isn't sealed yet"), sum, "{name}"),
        }
        assert!(!page.contains("moving"), "{name}: {page}");
        for record in &shown.records {
            let told = campaign_event(&record.event);
            assert!(rows.iter().any(|row| row.get(1) == Some(&told)), "{told}: {rows:?}");
        }
        if let Some(next) = campaign_next(&shown, &Zone::UTC) {
            assert!(words(&page).contains(&plain(&next)), "{next}: {page}");
        }
        let is_over = shown.campaign.state.is_over();
        // What is over stays as it is: nobody looks again.
        assert_eq!(page.contains("data-every="), !is_over, "{name}");
        let is_cancelled = happened.contains(&Happened::Cancelled);
        let is_stoppable = shown.campaign.state <= CampaignState::Running && !is_cancelled;
        let is_paused = happened.contains(&Happened::Paused);
        let buttons = ["pause", "resume", "cancel"].map(|action| page.contains(&format!("action=\"{path}/{action}\"")));
        assert_eq!(buttons, [is_stoppable && !is_paused, is_stoppable && is_paused, is_stoppable], "{name}");
    }
    let finished = words(&client.get("/campaigns/autumn").await.body);
    for told in [
        "Finished with failures. Planned within 10 min, ran for 5 min.",
        "The provider answered 400: the address can't be used.",
        "didn't reach 3: pulse run start NAME --unreached-of autumn",
    ] {
        assert!(finished.contains(told), "{told}: {finished}");
    }
}

/// An entry that is written down as sealed, and that no index shows yet.
#[tokio::test]
async fn what_moves_while_it_is_counted_is_told_and_all_adds_up() {
    let world = InMemoryApp::at(start());
    let campaign = running(&world, 3, 2).await;
    let client = Client::of(&world).await;
    assert!(!client.get("/campaigns/spring").await.body.contains("moving"));
    let (mut seal, at) = campaign.sealed.unwrap();
    seal.count += 2;
    let lagging = Campaign { sealed: Some((seal, at)), ..campaign };
    let change = lagging.change(pulse_core::campaign::CampaignEvent::DeadlinePassed, at).unwrap();
    assert!(world.ledger.save_campaign(&change).await.unwrap());
    let rows = rows(&Client::of(&world).await.get("/campaigns/spring").await.body);
    let counted = |place: &str| rows.iter().find(|row| row[0] == place).map(|row| row[1].as_str());
    assert_eq!((counted("moving"), counted("all that were sealed")), (Some("2"), Some("7")), "{rows:?}");
}

#[tokio::test]
async fn it_is_held_and_goes_on_with_words_that_stay_and_by_whoever_did_it() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let (pause, resume) = ("/campaigns/spring-sale/pause", "/campaigns/spring-sale/resume");
    for wrong in ["note=", "note=a%40example.com", "words=none"] {
        assert_eq!(client.post(pause, "text/html", wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(client.post(resume, "text/html", "note=").await.status, StatusCode::CONFLICT);
    assert_eq!(campaign(&world, "spring-sale").await.paused, None);
    // What was read a moment ago isn't shown any more once something is done.
    for path in ["/", "/campaigns", "/campaigns/spring-sale"] {
        assert!(!client.get(path).await.body.contains("spring-sale</a>: running, paused"), "{path}");
    }
    let page = pressed(&client, pause, "note=The+price+is+wrong").await;
    assert!(page.contains("paused by aoife: The price is wrong") && page.contains("Resume spring-sale"), "{page}");
    assert!(client.get("/").await.body.contains("spring-sale</a>: running, paused"));
    assert!(words(&client.get("/campaigns").await.body).contains("running, paused"));
    let held = campaign(&world, "spring-sale").await.paused.unwrap();
    assert_eq!((held.by.as_str(), held.note.unwrap().as_str()), ("aoife", "The price is wrong"));
    assert_eq!(client.post(pause, "text/html", "note=again").await.status, StatusCode::CONFLICT);
    let page = pressed(&client, resume, "note=").await;
    assert!(page.contains("resumed by aoife") && page.contains("Pause spring-sale"), "{page}");
    assert_eq!(campaign(&world, "spring-sale").await.paused, None);
    for action in ["pause", "resume", "cancel"] {
        for (name, status) in [("nowhere", StatusCode::NOT_FOUND), ("2026-11", StatusCode::BAD_REQUEST)] {
            let answer = client.post(&format!("/campaigns/{name}/{action}"), "text/html", "note=x").await;
            assert_eq!(answer.status, status, "{name} {action}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn it_is_cancelled_after_a_second_look_and_only_once() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let path = "/campaigns/spring-sale/cancel";
    let asked = client.post(path, "text/html", "").await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let said = words(&asked.body);
    assert!(said.contains("36 entries are open") && said.contains("70 are sent"), "{said}");
    let shown = world.app.campaign(campaign_run("spring-sale")).await.unwrap();
    assert_eq!(client.post(path, "application/json", "").await.json(), of(&shown));
    assert_eq!(client.post(path, "text/html", "note=").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(campaign(&world, "spring-sale").await.cancelled, None);
    let page = pressed(&client, path, "note=It+was+the+wrong+letter").await;
    assert!(page.contains("cancelled by aoife: It was the wrong letter"), "{page}");
    assert!(page.contains("being cancelled") && !page.contains("action=\"/campaigns/spring-sale"), "{page}");
    for (name, body) in [("spring-sale", ""), ("spring-sale", "note=again"), ("autumn", ""), ("autumn", "note=late")] {
        let answer = client.post(&format!("/campaigns/{name}/cancel"), "text/html", body).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{name} {body}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_overview_names_those_that_are_not_over() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let page = client.get("/").await.body;
    for (name, happened, _) in CAMPAIGNS {
        let told =
            format!("<a href=\"/campaigns/{name}\">{name}</a>: {}", campaign_state(&campaign(&world, name).await));
        assert_eq!(page.contains(&told), !happened.contains(&Happened::Finished), "{name}");
    }
    let live = world.app.live_campaigns().await.unwrap();
    assert_eq!((live.len(), &client.get_json("/").await["campaigns"]), (8, &of(&live)));
    let none = InMemoryApp::at(start());
    none.app.count_now().await.unwrap();
    let before = none.ledger.used();
    none.app.live_campaigns().await.unwrap();
    assert!(none.ledger.used().since(before).half_reads <= 2);
    assert!(!Client::of(&none).await.get("/").await.body.contains("Campaigns: "));
}

#[tokio::test]
async fn a_customers_page_leads_to_their_campaigns_and_offers_nothing_that_a_campaign_refuses() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let page = client.get("/customers/c-0080").await.body;
    assert!(page.contains("<a href=\"/campaigns/spring-sale\">To campaign spring-sale</a>"), "{page}");
    let (_, in_campaigns) = page.split_once("id=\"campaigns\"").unwrap();
    for hidden in ["Queue it again", "/mail?run=", "/replay", "Run spring-sale"] {
        assert!(!in_campaigns.contains(hidden), "{hidden}: {in_campaigns}");
    }
    let said = words(&page);
    assert!(said.contains("pulse run start NAME --unreached-of spring-sale"), "{said}");
    assert!(!said.contains("--run spring-sale --again") && !said.contains("redrive email --run spring-sale"), "{said}");
    let replay = client.post("/customers/c-0080/replay", "text/html", "run=spring-sale&again=yes").await;
    assert_eq!(replay.status, StatusCode::CONFLICT, "{}", replay.body);
    // Whoever knows what became of one in doubt says so; it isn't sent again.
    let page = client.get("/customers/c-0082").await.body;
    let (_, in_campaigns) = page.split_once("id=\"campaigns\"").unwrap();
    assert!(in_campaigns.contains("/settle") && !in_campaigns.contains("It wasn't: send it"), "{in_campaigns}");
    pressed(&client, "/customers/c-0082/settle", "run=spring-sale&note=seen&sent=&outcome=not-sent").await;
    assert_eq!(client.get("/runs/spring-sale").await.headers["location"], "/campaigns/spring-sale");
    let counted = client.post("/runs/spring-sale", "text/html", "").await;
    assert_eq!(counted.status, StatusCode::BAD_REQUEST, "{}", counted.body);
}

/// What `pulse plan --items` says, as its own tests have it.
#[tokio::test]
async fn lanes_are_planned_against_time_as_the_command_plans_them() {
    let client = Client::of(&InMemoryApp::at(start())).await;
    let path = "/plan/campaign?items=10000&each=60s&within=90m&stage=score";
    let planned = PlannedCampaign::of(&pulse_core::plan::Campaign {
        stage: StageName::Score,
        items: NonZeroU32::new(10_000).unwrap(),
        each: Duration::from_mins(1),
        bound: Bound::Within { within: Duration::from_mins(90), allowed: None },
        in_flight: None,
        call_timeout: None,
        utilisation: Utilisation::default(),
    });
    let planned = planned.unwrap();
    assert_eq!(client.get_json(path).await, of(&planned));
    let page = client.get(path).await.body;
    assert!(words(&page).contains("140 lanes are the fewest that end it within 90 min"), "{page}");
    let rows = rows(&page);
    for point in &planned.plan.frontier {
        let row =
            rows.iter().find(|row| row[0] == point.lanes.count().to_string()).unwrap_or_else(|| panic!("{rows:?}"));
        assert_eq!(row[3] == "too late", point.in_time == Some(false), "{row:?}");
    }
    assert!(page.contains("class=\"limit arrivals\"") && page.contains("class=\"line score\""), "{page}");
    for (wrong, said) in [
        ("within=soon", "no length of time"),
        ("within=1s", "nothing can end within"),
        ("stage=deliver", "of the email, the score or the call stage"),
    ] {
        let page = words(&client.get(&format!("/plan/campaign?{wrong}")).await.body);
        assert!(page.contains(said) || page.to_lowercase().contains(said), "{wrong}: {page}");
    }
    assert!(client.get("/plan").await.body.contains("action=\"/plan/campaign\""));
}

/// Counting costs by the entry: the page of a large one looks again, and is read, more seldom.
#[tokio::test]
async fn the_larger_a_campaign_the_more_seldom_it_is_counted() {
    for (entries, every) in [(100, 20), (15_000, 30)] {
        let world = InMemoryApp::at(start());
        running(&world, entries, 0).await;
        let client = Client::of(&world).await;
        let page = client.get("/campaigns/spring").await.body;
        assert!(page.contains(&format!("data-every=\"{every}\"")), "{entries}: {page}");
        let before = world.ledger.used();
        world.clock.advance(Duration::from_secs(every - 1));
        client.get("/campaigns/spring").await;
        assert_eq!(world.ledger.used().since(before).half_reads, 0, "{entries}");
        world.clock.advance(Duration::from_secs(1));
        client.get("/campaigns/spring").await;
        assert!(world.ledger.used().since(before).half_reads > 0, "{entries}");
    }
}

#[tokio::test]
async fn items_of_a_customer_stand_apart_and_the_doubt_of_one_is_settled_by_its_form() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let (now, plan) = (world.clock.now(), Plan::of(&[StageName::Email]).unwrap());
    let of = |item: &str| EntryId::parse("c-sent", "invoices", Some(item)).unwrap();
    for item in ["A", "B"] {
        let held = Entry::of_campaign(of(item), plan, now);
        world.ledger.open(&held).await.unwrap();
        let claimed = held.claim(StageName::Email, now, now).unwrap();
        world.ledger.apply(&claimed).await.unwrap();
        let lost = claimed.after().mark_indeterminate(Cause::new("The answer was lost."), now, None).unwrap();
        world.ledger.apply(&lost).await.unwrap();
    }
    let page = client.get("/customers/c-sent").await.body;
    for words in [
        "id=\"campaign-invoices.A\"",
        "Campaign invoices, item B",
        "name=\"item\" value=\"A\"",
        "--run invoices --item B",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let story = client.get_json("/customers/c-sent").await;
    let entries = story["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["id"]["item"] == "A"), "{story}");

    let settle = async |body: &str| client.post("/customers/c-sent/settle", "text/html", body).await.status;
    assert_eq!(settle("run=invoices&item=&note=seen&sent=m-9&outcome=sent").await, StatusCode::BAD_REQUEST);
    assert_eq!(settle("run=invoices&item=C&note=seen&sent=m-9&outcome=sent").await, StatusCode::NOT_FOUND);
    assert_eq!(settle("run=invoices&note=seen&sent=m-9&outcome=sent").await, StatusCode::NOT_FOUND);
    assert_eq!(settle("run=invoices&item=B&note=seen&sent=m-9&outcome=sent").await, StatusCode::SEE_OTHER);
    let state = async |item| world.ledger.entry(&of(item)).await.unwrap().unwrap().state();
    assert_eq!((state("A").await, state("B").await), ("unknown", "sent"));
    let orders = client.get("/orders").await.body;
    assert!(orders.contains("mail of run invoices, item B as sent"), "{orders}");
}
