//! Word reaches an endpoint once, in order, and as late as it takes; and an endpoint's trouble is its own.

use std::{num::NonZeroU32, time::Duration};

use pulse_core::{
    control::{Breaker, Note, Pause},
    dead_letters::{Redrive, RedriveOrder},
    delivery::{
        Bodies, Delivery, DeliveryProgress, Endpoint, EndpointControl, EndpointName, EndpointRounds, FactKind,
        KNOWN_WITHIN, Keeps, Line, Owner, Target, pause_endpoint, resume_endpoint,
    },
    entry::StageName,
    failure::Cause,
    feedback::{About, Feedback, FeedbackKind, FeedbackListener, FeedbackSource},
    forgetting::Forgetting,
    ports::{
        Clock as _, CourierError, Deliveries as _, DlqName, EndpointControls as _, Endpoints as _, StageQueue,
        Stages as _,
    },
    stage::RawMessage,
};
use pulse_sim::dead_letters::MemoryReader;
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};
use serde_json::{Value, json};

const RUN: &str = "2026-11";
const DELIVER: StageName = StageName::Deliver;

fn name(text: &str) -> EndpointName {
    EndpointName::parse(text).unwrap()
}

fn endpoint(stack: &InMemoryStack, text: &str) -> Endpoint {
    let bus = Target::EventBridge { bus: text.into() };
    Endpoint::new(name(text), bus, FactKind::ALL.iter().copied(), "aoife".into(), stack.clock.now())
}

async fn add(stack: &InMemoryStack, endpoint: Endpoint) {
    assert_eq!(stack.ledger.save_endpoint(&endpoint).await, Ok(true));
    stack.clock.advance(KNOWN_WITHIN);
}

/// A stack with customers whose mails went out, which an endpoint is to be told.
async fn with_word(of: impl FnOnce(&InMemoryStack) -> Endpoint, customers: &[&str]) -> InMemoryStack {
    let stack = InMemoryStack::new();
    let endpoint = of(&stack);
    add(&stack, endpoint).await;
    mail(&stack, customers).await;
    stack
}

async fn mail(stack: &InMemoryStack, customers: &[&str]) {
    let customers: Vec<_> = customers.iter().map(|id| customer(id)).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire(customer);
    }
    stack.drain().await;
}

async fn hear(stack: &InMemoryStack, id: &str, kind: FeedbackKind) {
    let listener = FeedbackListener::new(&*stack.outbox, &*stack.ledger, &*stack.clock);
    let about = About { entry: Some(entry_id(id, RUN)), ..About::default() };
    let at = stack.clock.now();
    listener.hear(&Feedback { source: FeedbackSource::Ses, id: format!("e-{at}"), about, kind, at }).await.unwrap();
}

async fn line(stack: &InMemoryStack, id: &str, to: &str) -> Vec<Delivery> {
    let line = Line { owner: Owner::Customer(customer(id).id), endpoint: name(to) };
    stack.ledger.line(&line).await.unwrap()
}

/// What an endpoint took, in its order, as `c-1 sent`.
fn taken(stack: &InMemoryStack, by: &str) -> Vec<String> {
    let short = |id: &str| {
        let parts: Vec<_> = id.split('/').collect();
        format!("{} {}", parts[0], parts[3])
    };
    let by_it = stack.courier.brought().into_iter().filter(|(to, _)| to.as_str() == by);
    by_it.map(|(_, word)| short(&word.id)).collect()
}

/// Invokes the deliver function until nothing is left to receive, whatever comes back later.
async fn deliver(stack: &InMemoryStack) {
    while stack.invoke(DELIVER).await {}
}

/// The same for all that comes back, and the ticks of those minutes, for so long.
async fn deliver_for(stack: &InMemoryStack, lasts: Duration) -> Vec<EndpointRounds> {
    let ends = stack.clock.now() + lasts;
    let mut rounds = Vec::new();
    while stack.clock.now() < ends {
        deliver(stack).await;
        rounds.extend(stack.endpoint_round().run().await.unwrap());
        stack.clock.advance(Duration::from_mins(1));
    }
    rounds
}

fn retry() -> CourierError {
    CourierError::Retry { after: None, cause: Cause::new("The endpoint answered 500.") }
}

async fn hold(stack: &InMemoryStack, to: &str, pause: Option<Pause>) {
    let mut control = stack.ledger.endpoint_control(&name(to)).await.unwrap();
    control = EndpointControl { version: control.version + 1, pause, ..EndpointControl::default() };
    assert_eq!(stack.ledger.save_endpoint_control(&name(to), &control).await, Ok(true));
}

fn pause(stack: &InMemoryStack) -> Pause {
    Pause { by: "aoife".into(), note: Note::parse("moving house").unwrap(), since: stack.clock.now(), until: None }
}

#[tokio::test]
async fn word_reaches_whoever_asks_once_and_says_no_more_than_whose_it_is() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1", "c-2"]).await;
    deliver(&stack).await;
    let mut all = taken(&stack, "crm");
    all.sort();
    assert_eq!(all, ["c-1 sent", "c-2 sent"]);
    let (_, word) = stack.courier.brought().remove(0);
    let body: Value = serde_json::from_str(&word.body).unwrap();
    let fact = line(&stack, "c-1", "crm").await.remove(0).fact().clone();
    let data = json!({ "customer": "c-1", "run": RUN, "version": fact.id.version });
    assert_eq!(body, json!({ "type": "mail.sent", "timestamp": fact.as_of, "data": data }));
    assert_eq!(word.id, fact.id.to_string());
    assert!(matches!(line(&stack, "c-1", "crm").await[0].progress(), DeliveryProgress::Delivered { .. }));
    assert_eq!(stack.deliver.queue.depth().visible + stack.deliver.dlq.depth().visible, 0);
}

#[tokio::test]
async fn what_was_held_until_a_later_moment_flows_at_once_when_an_operator_ends_that_early() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    let until = Some(stack.clock.now() + Duration::from_hours(6));
    let paused = pause_endpoint(&*stack.ledger, &name("crm"), &Pause { until, ..pause(&stack) }).await.unwrap();
    assert_eq!(paused, EndpointControl::default());
    deliver_for(&stack, Duration::from_mins(3)).await;
    assert_eq!(taken(&stack, "crm"), [""; 0]);
    resume_endpoint(&*stack.ledger, &name("crm"), stack.clock.now()).await.unwrap();
    deliver_for(&stack, Duration::from_mins(3)).await;
    assert_eq!(taken(&stack, "crm"), ["c-1 sent"]);
}

#[tokio::test]
async fn a_customers_facts_go_one_after_another_in_whatever_order_their_messages_come() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1", "c-2"]).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    hear(&stack, "c-1", FeedbackKind::Complained).await;
    let mut messages = stack.receive(DELIVER);
    messages.reverse();
    let receipts: Vec<_> = messages.iter().map(|message| message.receipt.clone()).collect();
    assert_eq!(stack.work(DELIVER, messages).await, Vec::<String>::new());
    stack.deliver.queue.delete_all(&receipts);
    deliver(&stack).await;
    let of_first: Vec<_> = taken(&stack, "crm").into_iter().filter(|told| told.starts_with("c-1")).collect();
    assert_eq!(of_first, ["c-1 sent", "c-1 delivered", "c-1 complained"]);
}

#[tokio::test]
async fn what_fails_holds_up_its_own_customer_alone_and_is_tried_until_it_is_taken() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    // More often than a message is received.
    stack.courier.fail_next(&name("crm"), std::iter::repeat_with(retry).take(7));
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    deliver(&stack).await;
    assert_eq!(taken(&stack, "crm"), Vec::<String>::new());
    mail(&stack, &["c-2"]).await;
    for _ in 0..3 {
        // The seven failures are of the first customer's.
        deliver(&stack).await;
    }
    deliver_for(&stack, Duration::from_hours(3)).await;
    let of_first: Vec<_> = taken(&stack, "crm").into_iter().filter(|told| told.starts_with("c-1")).collect();
    assert_eq!(of_first, ["c-1 sent", "c-1 delivered"]);
    assert!(taken(&stack, "crm").contains(&"c-2 sent".to_owned()));
    assert_eq!(stack.deliver.dlq.depth().visible, 0, "no receive is the endpoint's trouble's");
}

#[tokio::test]
async fn word_for_an_endpoint_that_is_held_waits_on_the_ledger_without_end_and_goes_in_order_then() {
    let stack = InMemoryStack::new();
    add(&stack, endpoint(&stack, "crm")).await;
    add(&stack, endpoint(&stack, "warehouse")).await;
    hold(&stack, "crm", Some(pause(&stack))).await;
    mail(&stack, &["c-1"]).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    deliver(&stack).await;
    assert_eq!(taken(&stack, "warehouse"), ["c-1 sent", "c-1 delivered"]);
    stack.clock.advance(Duration::from_hours(24 * 20));
    let rounds = deliver_for(&stack, Duration::from_mins(3)).await;
    let of_crm = rounds.iter().filter(|round| round.endpoint == name("crm"));
    assert!(of_crm.clone().all(|round| round.held == "paused" && round.woken == 0), "{rounds:?}");
    let sent_at = line(&stack, "c-1", "crm").await.iter().map(|delivery| delivery.fact().written_at).min();
    assert!(sent_at.is_some() && of_crm.clone().all(|round| round.oldest_due == sent_at), "{rounds:?}");
    assert_eq!(taken(&stack, "crm"), Vec::<String>::new());
    hold(&stack, "crm", None).await;
    deliver_for(&stack, Duration::from_mins(3)).await;
    assert_eq!(taken(&stack, "crm"), ["c-1 sent", "c-1 delivered"]);
    assert_eq!(stack.deliver.dlq.depth().visible, 0);
}

#[tokio::test]
async fn an_endpoint_that_fails_is_left_alone_tried_a_little_and_told_all_once_it_is_well() {
    let stack = InMemoryStack::new();
    add(&stack, endpoint(&stack, "crm")).await;
    add(&stack, endpoint(&stack, "warehouse")).await;
    stack.courier.set_down(Some(name("crm")));
    let ids: Vec<_> = (0..30).map(|number| format!("c-{number}")).collect();
    mail(&stack, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for id in &ids {
        hear(&stack, id, FeedbackKind::Delivered).await;
    }
    deliver_for(&stack, Duration::from_mins(30)).await;
    assert_eq!(taken(&stack, "warehouse").len(), 60, "the other's trouble is none of its own");
    let control = stack.ledger.endpoint_control(&name("crm")).await.unwrap();
    let Breaker::Open(open) = control.breaker else { panic!("it is taken to be well") };
    assert!(open.tries > 0, "{open:?}");
    let calls = |rounds: &[EndpointRounds]| rounds.iter().filter(|round| round.held == "tried").count();
    let held = deliver_for(&stack, Duration::from_mins(30)).await;
    assert!((1..10).contains(&calls(&held)), "it is tried ever more seldom: {}", calls(&held));
    stack.courier.set_down(None);
    // Nothing happens any more that would bring a message of its own.
    deliver_for(&stack, Duration::from_hours(3)).await;
    assert_eq!(taken(&stack, "crm").len(), 60);
    let control = stack.ledger.endpoint_control(&name("crm")).await.unwrap();
    assert!(matches!(control.breaker, Breaker::Closed { since: Some(_) }));
    assert_eq!(stack.deliver.dlq.depth().visible, 0);
}

#[tokio::test]
async fn an_endpoint_that_asks_never_to_be_called_again_is_not_until_someone_says_so() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1", "c-2"]).await;
    stack.courier.fail_next(&name("crm"), [CourierError::Gone { cause: Cause::new("It answered 410.") }]);
    deliver_for(&stack, Duration::from_mins(20)).await;
    // Its message comes back once, to be put off.
    assert_eq!((taken(&stack, "crm").len(), stack.deliver.dlq.depth().visible), (0, 0));
    let control = stack.ledger.endpoint_control(&name("crm")).await.unwrap();
    assert_eq!(control.gone.map(|gone| gone.cause), Some(Cause::new("It answered 410.")));
    assert!(stack.endpoint_round().run().await.unwrap().iter().all(|round| round.held == "gone"));
    hold(&stack, "crm", None).await;
    deliver_for(&stack, Duration::from_mins(3)).await;
    let mut all = taken(&stack, "crm");
    all.sort();
    assert_eq!(all, ["c-1 sent", "c-2 sent"]);
}

async fn redrive(stack: &InMemoryStack) {
    let letters = stack.dead_letters(DlqName::Stage(DELIVER));
    let redrive = Redrive {
        letters: &letters,
        queue: Some(&*stack.deliver.queue as &dyn StageQueue),
        ledger: &*stack.ledger,
        deliveries: &*stack.ledger,
        sleeper: &*stack.clock,
        intake: &MemoryReader,
    };
    let done = redrive.run(&RedriveOrder::default(), &mut |_| {}, &|| false).await.unwrap();
    assert_eq!((done.redriven, done.failed), (1, 0), "{done:?}");
}

/// A stack whose endpoint has refused that the mail of `c-1` was sent, and taken other word since.
async fn that_refuses(of: impl FnOnce(&InMemoryStack) -> Endpoint) -> InMemoryStack {
    let stack = with_word(of, &["c-1"]).await;
    let refused = line(&stack, "c-1", "crm").await[0].fact().id.to_string();
    stack.courier.set_refused([refused]);
    deliver_for(&stack, Duration::from_mins(10)).await;
    assert!(line(&stack, "c-1", "crm").await[0].is_open(), "it may refuse everything");
    mail(&stack, &["c-0"]).await;
    deliver_for(&stack, Duration::from_hours(3)).await;
    assert!(
        matches!(line(&stack, "c-1", "crm").await[0].progress(), DeliveryProgress::GivenUp { cause, .. } if cause.as_str().contains("422"))
    );
    assert_eq!(stack.deliver.dlq.depth().visible, 1);
    stack
}

#[tokio::test]
async fn what_an_endpoint_refuses_is_given_up_the_next_goes_on_and_a_redrive_brings_it_again() {
    let stack = that_refuses(|stack| endpoint(stack, "crm")).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    deliver(&stack).await;
    assert_eq!(taken(&stack, "crm"), ["c-0 sent", "c-1 delivered"]);
    stack.courier.set_refused([]);
    redrive(&stack).await;
    deliver(&stack).await;
    assert_eq!(taken(&stack, "crm"), ["c-0 sent", "c-1 delivered", "c-1 sent"]);
}

#[tokio::test]
async fn what_was_refused_is_not_brought_again_after_a_newer_one_to_whoever_wants_the_latest_alone() {
    let stack = that_refuses(|stack| Endpoint { keeps: Keeps::Latest, ..endpoint(stack, "crm") }).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    deliver(&stack).await;
    stack.courier.set_refused([]);
    redrive(&stack).await;
    deliver_for(&stack, Duration::from_mins(5)).await;
    assert_eq!(taken(&stack, "crm"), ["c-0 sent", "c-1 delivered"]);
    assert_eq!(stack.deliver.dlq.depth().visible, 0);
}

/// As one does that has another key, of those that answer 400 then.
#[tokio::test]
async fn an_endpoint_that_refuses_everything_is_taken_to_be_out_of_order_and_told_all_once_it_is_well() {
    let ids: Vec<_> = (0..30).map(|number| format!("c-{number}")).collect();
    let stack = with_word(|stack| endpoint(stack, "crm"), &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut all = Vec::new();
    for id in &ids {
        all.push(line(&stack, id, "crm").await[0].fact().id.to_string());
    }
    stack.courier.set_refused(all);
    deliver_for(&stack, Duration::from_hours(2)).await;
    let control = stack.ledger.endpoint_control(&name("crm")).await.unwrap();
    assert!(matches!(control.breaker, Breaker::Open(_)));
    stack.courier.set_refused([]);
    deliver_for(&stack, Duration::from_hours(2)).await;
    assert_eq!((taken(&stack, "crm").len(), stack.deliver.dlq.depth().visible), (30, 0));
}

#[tokio::test]
async fn what_waited_for_another_of_the_same_name_is_not_told_to_the_next() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    hold(&stack, "crm", Some(pause(&stack))).await;
    deliver(&stack).await;
    let before = stack.ledger.endpoints().await.unwrap().remove(0);
    assert_eq!(stack.ledger.remove_endpoint(&before).await, Ok(true));
    hold(&stack, "crm", None).await;
    stack.clock.advance(Duration::from_secs(1));
    add(&stack, endpoint(&stack, "crm")).await;
    deliver_for(&stack, Duration::from_mins(5)).await;
    assert!(matches!(line(&stack, "c-1", "crm").await[0].progress(), DeliveryProgress::GivenUp { .. }));
    assert_eq!(taken(&stack, "crm"), Vec::<String>::new());
}

/// Whoever wrote word for it knew it: the book was read before.
#[tokio::test]
async fn an_endpoint_that_the_book_does_not_have_yet_is_looked_up() {
    let stack = InMemoryStack::new();
    let desk = stack.deliver_stage().step.desk;
    assert!(desk.counter(&name("crm")).await.unwrap().is_none());
    assert_eq!(stack.ledger.save_endpoint(&endpoint(&stack, "crm")).await, Ok(true));
    assert!(desk.counter(&name("crm")).await.unwrap().is_some());
}

#[tokio::test]
async fn an_endpoint_that_asks_to_be_left_alone_is_told_nothing_else_meanwhile() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    let after = Some(Duration::from_mins(5));
    stack.courier.fail_next(&name("crm"), [CourierError::Retry { after, cause: Cause::new("It answered 429.") }]);
    assert!(stack.invoke(DELIVER).await);
    mail(&stack, &["c-2"]).await;
    let began = stack.clock.now();
    deliver_for(&stack, Duration::from_mins(1)).await;
    assert!(taken(&stack, "crm").is_empty() && stack.clock.now() < began + Duration::from_mins(5));
    deliver_for(&stack, Duration::from_mins(10)).await;
    let mut all = taken(&stack, "crm");
    all.sort();
    assert_eq!(all, ["c-1 sent", "c-2 sent"]);
}

#[tokio::test]
async fn while_the_stage_is_paused_nothing_is_woken_and_no_repeat_is_queued() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1", "c-2"]).await;
    let waiting = || stack.deliver.queue.depth().visible;
    assert_eq!(waiting(), 2);
    stack.stages.set_enabled(DELIVER, false).await.unwrap();
    for _ in 0..3 {
        let rounds = stack.endpoint_round().run().await.unwrap();
        assert!(rounds.iter().all(|round| (round.held, round.repeated) == ("stage-held", 0)), "{rounds:?}");
        assert_eq!(EndpointRounds::unwell(&rounds), [], "it isn't the endpoint's trouble");
        stack.clock.advance(Duration::from_hours(24));
    }
    assert_eq!(waiting(), 2);
}

#[tokio::test]
async fn whoever_wants_the_latest_alone_is_not_told_of_what_is_overtaken() {
    let latest = |stack: &InMemoryStack| Endpoint { keeps: Keeps::Latest, ..endpoint(stack, "crm") };
    let stack = with_word(latest, &["c-1"]).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    stack.clock.advance(Duration::from_mins(1));
    hear(&stack, "c-1", FeedbackKind::Complained).await;
    deliver(&stack).await;
    assert_eq!(taken(&stack, "crm"), ["c-1 complained"]);
    let states = line(&stack, "c-1", "crm").await;
    let superseded = |one: &&Delivery| matches!(one.progress(), DeliveryProgress::Superseded { .. });
    assert_eq!(states.iter().filter(superseded).count(), 2);
}

#[tokio::test]
async fn a_full_body_is_read_when_it_is_sent_and_of_whoever_was_forgotten_there_is_none() {
    let full = |stack: &InMemoryStack| Endpoint { bodies: Bodies::Full, ..endpoint(stack, "crm") };
    let stack = with_word(full, &["c-1"]).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    hold(&stack, "crm", Some(pause(&stack))).await;
    deliver(&stack).await;
    let forgetting = Forgetting {
        ledger: &*stack.outbox,
        in_campaigns: &*stack.ledger,
        notes: &*stack.ledger,
        schedules: &stack.schedules,
        sleeper: &*stack.clock,
    };
    let note = Note::parse("asked to be").unwrap();
    forgetting.forget(&customer("c-1").id, &"aoife".into(), &note, &mut |_, _| {}).await.unwrap();
    hold(&stack, "crm", None).await;
    deliver_for(&stack, Duration::from_mins(5)).await;
    assert_eq!(taken(&stack, "crm"), ["c-1 sent", "c-1 delivered", "c-1 skipped", "c-1 forgotten"]);
    for (_, word) in stack.courier.brought() {
        let body: Value = serde_json::from_str(&word.body).unwrap();
        assert_eq!(body["data"]["entry"].get("score"), None, "{body}");
        assert!(!word.body.contains("provider_id\":\"m-"), "{body}");
    }
    let (_, last) = stack.courier.brought().pop().unwrap();
    let body: Value = serde_json::from_str(&last.body).unwrap();
    assert_eq!(body["data"]["profile"]["forgotten"], true);
    assert_eq!(body["data"]["profile"].get("product"), None);
}

#[tokio::test]
async fn a_full_body_says_how_the_entry_stands() {
    let full = |stack: &InMemoryStack| Endpoint { bodies: Bodies::Full, ..endpoint(stack, "crm") };
    let stack = with_word(full, &["c-1"]).await;
    deliver(&stack).await;
    let (_, word) = stack.courier.brought().remove(0);
    let body: Value = serde_json::from_str(&word.body).unwrap();
    let entry = stack.entry("c-1", RUN).await;
    assert_eq!(body["data"]["entry"]["state"], "sent");
    assert_eq!(body["data"]["entry"]["score"]["value"], u32::from(entry.score().unwrap().value.expose()));
    assert!(!word.body.contains("example.com") && !word.body.contains("Ada"), "no name, no address: {body}");
}

#[tokio::test]
async fn word_whose_message_is_lost_is_found_by_the_sweep_and_so_is_what_waited_for_it() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    stack.deliver.queue.purge();
    deliver_for(&stack, Duration::from_mins(30)).await;
    assert_eq!(taken(&stack, "crm"), Vec::<String>::new());
    let rounds = deliver_for(&stack, Duration::from_hours(1)).await;
    assert_eq!(taken(&stack, "crm"), ["c-1 sent", "c-1 delivered"]);
    assert_eq!(rounds.iter().map(|round| round.repeated).sum::<usize>(), 1, "what follows needs none of its own");
}

#[tokio::test]
async fn a_worker_that_dies_leaves_word_to_another_that_the_endpoint_knows_again() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    // It was claimed, and its worker is gone.
    let waiting = line(&stack, "c-1", "crm").await;
    let now = stack.clock.now();
    let claim = waiting[0].claim(now, now + Duration::from_mins(2)).unwrap();
    stack.ledger.apply_delivery(&claim).await.unwrap();
    deliver(&stack).await;
    assert_eq!(taken(&stack, "crm"), Vec::<String>::new(), "the next may not overtake it");
    deliver_for(&stack, Duration::from_mins(20)).await;
    assert_eq!(taken(&stack, "crm"), ["c-1 sent", "c-1 delivered"]);
}

#[tokio::test]
async fn a_message_that_is_received_again_queues_what_its_worker_left() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    let messages = stack.receive(DELIVER);
    // The first is delivered, its worker dies before it queues the second, whose own message had come and gone.
    let waiting = line(&stack, "c-1", "crm").await;
    let now = stack.clock.now();
    let claim = waiting[0].claim(now, now + Duration::from_mins(2)).unwrap();
    stack.ledger.apply_delivery(&claim).await.unwrap();
    let done = claim.after().record_delivered(now).unwrap();
    stack.ledger.apply_delivery(&done).await.unwrap();
    let first: RawMessage = messages.into_iter().find(|message| message.body.contains("sent")).unwrap();
    let id = first.message_id.clone();
    assert_eq!(stack.work(DELIVER, vec![RawMessage { receive_count: 2, ..first }]).await, Vec::<String>::new(), "{id}");
    deliver(&stack).await;
    assert_eq!(taken(&stack, "crm"), ["c-1 delivered"]);
}

#[tokio::test]
async fn an_endpoint_that_is_removed_is_told_nothing_more_and_goes_when_nothing_waits_for_it() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1"]).await;
    hold(&stack, "crm", Some(pause(&stack))).await;
    deliver(&stack).await;
    let known = stack.ledger.endpoints().await.unwrap().remove(0);
    let removed = Endpoint { removed_at: Some(stack.clock.now()), ..known };
    assert_eq!(stack.ledger.save_endpoint(&removed).await, Ok(true));
    stack.clock.advance(KNOWN_WITHIN);
    hear(&stack, "c-1", FeedbackKind::Delivered).await;
    let rounds = deliver_for(&stack, Duration::from_mins(5)).await;
    assert_eq!(rounds.iter().map(|round| round.dropped).sum::<usize>(), 1, "{rounds:?}");
    assert_eq!(stack.ledger.endpoints().await, Ok(vec![]));
    let all = line(&stack, "c-1", "crm").await;
    assert_eq!(all.len(), 1, "nothing new is written for it");
    assert!(matches!(all[0].progress(), DeliveryProgress::GivenUp { .. }) && taken(&stack, "crm").is_empty());
}

#[tokio::test]
async fn an_endpoint_with_fewer_lanes_than_invocations_is_never_overrun() {
    let few = |stack: &InMemoryStack| Endpoint { lanes: NonZeroU32::MIN, ..endpoint(stack, "crm") };
    let stack = with_word(few, &["c-1"]).await;
    deliver_for(&stack, Duration::from_mins(10)).await;
    assert_eq!(taken(&stack, "crm"), Vec::<String>::new(), "two invocations can't share one lane");
    assert_eq!(stack.deliver.dlq.depth().visible, 0);
    assert!(line(&stack, "c-1", "crm").await[0].is_open());
}

#[tokio::test]
async fn a_batch_goes_on_with_others_when_one_endpoint_fails() {
    let stack = InMemoryStack::new();
    add(&stack, endpoint(&stack, "crm")).await;
    add(&stack, endpoint(&stack, "warehouse")).await;
    stack.courier.set_down(Some(name("crm")));
    let ids: Vec<_> = (0..20).map(|number| format!("c-{number}")).collect();
    mail(&stack, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(stack.invoke(DELIVER).await, "one batch");
    assert_eq!(taken(&stack, "warehouse").len(), 20);
}

#[tokio::test]
async fn what_has_to_wait_for_another_never_keeps_that_from_being_found() {
    let stack = with_word(|stack| endpoint(stack, "crm"), &["c-1", "c-2"]).await;
    stack.courier.set_down(Some(name("crm")));
    // More of them than an endpoint is tried with at once.
    for id in ["c-1", "c-2"] {
        hear(&stack, id, FeedbackKind::Delivered).await;
        hear(&stack, id, FeedbackKind::Complained).await;
    }
    deliver_for(&stack, Duration::from_hours(6)).await;
    let control = stack.ledger.endpoint_control(&name("crm")).await.unwrap();
    assert!(matches!(control.breaker, Breaker::Open(_)));
    stack.courier.set_down(None);
    deliver_for(&stack, Duration::from_hours(2)).await;
    assert_eq!(taken(&stack, "crm").len(), 6);
}
