//! An order ends, adds up, and moves no more than was previewed, whatever is killed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::FutureExt as _;
use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    dead_letters::CauseFilter,
    entry::{Entry, EntryId, StageName},
    failure::Cause,
    message::WorkMessage,
    orders::{Order, OrderAction, OrderId, OrderKind, OrderPlace, OrderPreview, OrderRound, OrderState, OrderStepped},
    ports::{DlqName, Ledger as _, LedgerError, Orders, StageQueue},
    run::RunId,
    stage::PerStage,
};
use pulse_sim::{
    dead_letters::MemoryReader,
    world::{Faults, Production, Promise, SystemUnderTest, World, WorldPorts, WorldSettings},
};
use pulse_tests::in_memory_stack::customer;

use super::{bugs::assert_caught_with_orders, mutants::Nowhere};

const STAGE: StageName = StageName::Score;

fn starts() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

/// What is in the dead-letter queue.
#[derive(Clone, Copy)]
struct Letters {
    /// Of the cause that is meant.
    meant: usize,
    /// Of another.
    others: usize,
    /// Of how many of the cause that is meant the preview knows.
    previewed: u64,
    /// Of the cause that is meant, but after the preview.
    newer: usize,
}

/// A world with letters, whose score stage is held: what is redriven stays in its queue.
fn world(product: impl SystemUnderTest + 'static, seed: u64, letters: Letters) -> Arc<World> {
    let settings = WorldSettings { audits: false, ..WorldSettings::shipped(starts(), seed) };
    let world = World::new(settings, Arc::new(product));
    world.switch_by_hand(STAGE, false);
    world.run_until(starts() + 5.minutes());
    for n in 0..letters.meant + letters.others {
        let words = if n < letters.meant { "answered 503" } else { "answered 422" };
        die(&world, n, &format!("The scoring API {words}."));
    }
    world
}

/// Someone whom the score stage gave up, with the letter of it.
fn die(world: &World, n: usize, cause: &str) {
    let customer = customer(&format!("c-{n}"));
    let id = EntryId::of(customer.id.clone(), RunId::parse("2026-11").unwrap());
    let entry = Entry::scheduled(id.clone(), starts(), None);
    let failed = entry.fail(STAGE, Cause::new(cause), starts(), None).unwrap();
    let written = async {
        assert!(world.ledger.save_customer(&customer).await.unwrap() && world.ledger.open(&entry).await.unwrap());
        world.ledger.apply(&failed).await.unwrap();
    };
    written.now_or_never().expect("nothing in memory has to be waited for");
    world.stack(STAGE).dlq.send_body(&WorkMessage::for_entry(&id).body());
}

/// Gives the order, lets it be carried out while ticks are killed, and says what was seen that must not be.
fn problems_of(product: impl SystemUnderTest + 'static, seed: u64, letters: Letters, deaths: f64) -> Vec<String> {
    let world = world(product, seed, letters);
    world.time.run(world.time.sleep(Duration::from_secs(1)));
    let action = OrderAction::Redrive {
        queue: DlqName::Stage(STAGE),
        cause: CauseFilter::parse("answered 503").ok(),
        endpoint: None,
        rate: None,
    };
    let preview = OrderPreview::of(&action, world.time.now(), letters.previewed);
    let order = Order::given(action, "operator".into(), None, preview, world.time.now());
    assert_eq!(world.ledger.save_order(&order).now_or_never(), Some(Ok(true)));
    world.time.run(world.time.sleep(Duration::from_secs(1)));
    for n in 0..letters.newer {
        die(&world, letters.meant + letters.others + n, "The scoring API answered 503.");
    }
    world.faults.set(Faults { death: deaths, ..Faults::default() });
    let ends = world.time.now() + 12.hours();
    let read = || world.ledger.order(&order.id).now_or_never().unwrap().unwrap().unwrap();
    while read().state.is_open() && world.time.now() < ends {
        world.run_until(world.time.now() + 1.minute());
    }
    let order = read();
    // What stays is in sight again.
    world.run_until(world.time.now() + 11.hours());

    let mut problems = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            problems.push(format!("{what}: {:?} {:?}", order.state, order.progress));
        }
    };
    let received = world.stack(STAGE).queue.receive(usize::MAX);
    let moved = received.iter().map(|message| message.body.clone()).collect::<BTreeSet<_>>().len();
    let left = world.stack(STAGE).dlq.depth().visible;
    let (all, progress) = (letters.meant + letters.others + letters.newer, &order.progress);
    let beyond = (letters.meant as u64).saturating_sub(letters.previewed);
    let state = if beyond == 0 { OrderState::Done } else { OrderState::AsksAgain { more: beyond } };
    must(!order.state.is_open(), "it never ends");
    must(moved as u64 <= letters.previewed, &format!("{moved} move of {} that were previewed", letters.previewed));
    must(progress.carried_out() == moved as u64, &format!("{moved} move and {} count", progress.carried_out()));
    must(progress.looked_at() == all as u64, &format!("{} of {all} letters count", progress.looked_at()));
    must(moved + left == all, &format!("{moved} move and {left} stay of {all}"));
    must(order.state == state, "it ends in another way");
    world.time.end();
    problems
}

const SOME: Letters = Letters { meant: 330, others: 40, previewed: 330, newer: 25 };
const MORE: Letters = Letters { previewed: 300, ..SOME };

/// Some calls in a thousand are a tick's last: of a step of a hundred letters every third.
const DEATHS: f64 = 0.0006;

/// Has another row of an order than is kept come to whoever reads one.
struct Misread<'a> {
    orders: &'a dyn Orders,
    misread: fn(Order) -> Order,
}

#[async_trait]
impl Orders for Misread<'_> {
    async fn order(&self, id: &OrderId) -> Result<Option<Order>, LedgerError> {
        Ok(self.orders.order(id).await?.map(self.misread))
    }

    async fn save_order(&self, order: &Order) -> Result<bool, LedgerError> {
        self.orders.save_order(order).await
    }

    async fn orders(&self, kind: OrderKind, before: Option<&OrderId>, most: usize) -> Result<Vec<Order>, LedgerError> {
        self.orders.orders(kind, before, most).await
    }

    async fn open_orders(&self, limit: usize) -> Result<Vec<OrderId>, LedgerError> {
        self.orders.open_orders(limit).await
    }
}

async fn carry_out(ports: &WorldPorts, until: Timestamp, misread: fn(Order) -> Order) -> Vec<OrderStepped> {
    let orders = Misread { orders: &*ports.orders, misread };
    let round = OrderRound {
        orders: &orders,
        ledger: &*ports.ledger,
        deliveries: &*ports.deliveries,
        listing: &*ports.listing,
        queues: &ports.queues,
        dead_letters: &ports.dead_letters,
        intake: &MemoryReader,
        sleeper: &*ports.sleeper,
    };
    round.run(until).await
}

/// Takes all that matches for what was previewed.
struct MovesWhatCameAfter;

#[async_trait]
impl SystemUnderTest for MovesWhatCameAfter {
    async fn carry_out_orders(&self, ports: &WorldPorts, until: Timestamp) -> Vec<OrderStepped> {
        carry_out(ports, until, |order| {
            let preview = OrderPreview::of(&order.action, Timestamp::MAX, u64::MAX);
            Order { preview: Some(preview), ..order }
        })
        .await
    }
}

/// Goes on from no place in particular.
struct LosesItsPlace;

#[async_trait]
impl SystemUnderTest for LosesItsPlace {
    async fn carry_out_orders(&self, ports: &WorldPorts, until: Timestamp) -> Vec<OrderStepped> {
        carry_out(ports, until, |order| Order { place: OrderPlace::default(), ..order }).await
    }
}

/// Leaves orders to the next tick.
struct NeverEnds;

#[async_trait]
impl SystemUnderTest for NeverEnds {
    async fn carry_out_orders(&self, _: &WorldPorts, _: Timestamp) -> Vec<OrderStepped> {
        Vec::new()
    }
}

/// Deletes letters whose messages it never queues.
struct ForgetsToQueue;

#[async_trait]
impl SystemUnderTest for ForgetsToQueue {
    async fn carry_out_orders(&self, ports: &WorldPorts, until: Timestamp) -> Vec<OrderStepped> {
        let queues = PerStage::from_fn(|_| -> Arc<dyn StageQueue> { Arc::new(Nowhere) });
        carry_out(&WorldPorts { queues, ..ports.clone() }, until, |order| order).await
    }
}

#[test]
fn months_with_an_order_that_never_ends_are_caught() {
    assert_caught_with_orders(NeverEnds, Promise::OrdersAddUp, 0..40);
}

#[test]
fn months_with_letters_that_an_order_loses_are_caught() {
    // It takes an order that finds letters of entries that were given up: few months have one, and seed 90 is the first.
    assert_caught_with_orders(ForgetsToQueue, Promise::OrdersAddUp, 80..200);
}

#[test]
fn an_order_ends_adds_up_and_moves_no_more_than_was_previewed_whatever_is_killed() {
    for seed in 0..12 {
        for letters in [SOME, MORE] {
            assert_eq!(problems_of(Production, seed, letters, DEATHS), [""; 0], "seed {seed}");
        }
    }
}

#[test]
fn moving_what_came_after_the_preview_is_caught() {
    let seen = problems_of(MovesWhatCameAfter, 1, SOME, 0.0);
    assert!(seen.iter().any(|problem| problem.contains("that were previewed")), "{seen:?}");
}

#[test]
fn losing_its_place_and_counting_twice_is_caught() {
    let mut seen = (0..12).flat_map(|seed| problems_of(LosesItsPlace, seed, SOME, DEATHS));
    assert!(seen.any(|problem| problem.contains(" count")));
}

#[test]
fn an_order_that_never_ends_is_caught() {
    let seen = problems_of(NeverEnds, 1, SOME, 0.0);
    assert!(seen.iter().any(|problem| problem.contains("it never ends")), "{seen:?}");
}

#[test]
fn a_redrive_of_100_000_letters_by_cause_ends_and_adds_up() {
    let letters = Letters { meant: 100_000, others: 5_000, previewed: 100_000, newer: 100 };
    assert_eq!(problems_of(Production, 7, letters, 0.000_002), [""; 0]);
}
