//! Where orders are kept, wherever that is.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use futures::future::join_all;
use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    control::Note,
    dead_letters::{CauseFilter, Stuck},
    delivery::EndpointName,
    entry::{ItemId, StageName},
    failure::Cause,
    orders::{
        EndpointChange, Order, OrderAction, OrderId, OrderKind, OrderPreview, OrderProgress, OrderState, newest_orders,
    },
    ports::{DlqName, Orders, Rate},
    run::RunId,
};

use super::samples::{due, id};

fn redrive() -> OrderAction {
    let cause = CauseFilter::parse("503").ok();
    let (queue, rate) = (DlqName::Stage(StageName::Email), Rate::parse("20/s").ok());
    OrderAction::Redrive { queue, cause, endpoint: None, rate }
}

fn given_at(at: Timestamp) -> Order {
    let note = Note::parse("The provider is well again.").ok();
    Order::given(redrive(), "aoife".into(), note, OrderPreview::of(&redrive(), at, 12), at)
}

fn crm() -> EndpointName {
    EndpointName::parse("crm").unwrap()
}

fn paused_at(at: Timestamp) -> Order {
    Order::at_once(OrderAction::Pause { stage: StageName::Score, until: None }, "max".into(), None, Ok(()), at)
}

async fn save(orders: &dyn Orders, order: &Order) {
    assert_eq!(orders.save_order(order).await, Ok(true), "{}", order.id);
}

pub async fn every_order_is_read_back(orders: &dyn Orders) {
    let run = RunId::parse("2026-11").unwrap();
    let (customer, stage) = (id("c-1"), StageName::Score);
    let actions = [
        redrive(),
        OrderAction::Redrive { queue: DlqName::Schedules, cause: None, endpoint: Some(crm()), rate: None },
        OrderAction::RedriveFailed { stage, run },
        OrderAction::Replay { customer: customer.clone(), run, item: None, by_force: true },
        OrderAction::Pause { stage, until: Some(due()) },
        OrderAction::Resume { stage },
        OrderAction::Lanes { stage, lanes: 20 },
        OrderAction::Settle { customer: customer.clone(), run, item: None, sent: false },
        OrderAction::Settle {
            customer,
            run: RunId::parse("invoices").unwrap(),
            item: ItemId::parse("INV-1").ok(),
            sent: true,
        },
        OrderAction::Release { digest: "1-0123456789".to_owned() },
        OrderAction::Endpoint { endpoint: crm(), change: EndpointChange::Pause { until: Some(due()) } },
        OrderAction::Endpoint { endpoint: crm(), change: EndpointChange::FinishRotation },
    ];
    let states = [
        OrderState::Given,
        OrderState::Running,
        OrderState::Done,
        OrderState::AsksAgain { more: 3 },
        OrderState::Failed { cause: Cause::new("It is too late.") },
        OrderState::Cancelled { cancelled_by: "max".into() },
    ];
    let all = actions.iter().flat_map(|action| states.iter().map(move |state| (action.clone(), state.clone())));
    for (second, (action, state)) in (0..).zip(all) {
        let stuck = vec![Stuck { cause: Cause::new("The customer is unknown."), count: 2 }];
        let progress = OrderProgress { moved: 5, stuck, trouble: Some(Cause::new("slow")), ..OrderProgress::default() };
        let at = due() + second.seconds();
        let preview = OrderPreview::of(&action, at, 7);
        let mut order = Order { state, progress, ..Order::given(action, "aoife".into(), None, preview, at) };
        assert_eq!(orders.order(&order.id).await, Ok(None));
        save(orders, &order).await;
        assert_eq!(orders.order(&order.id).await.as_ref(), Ok(&Some(order.clone())));
        order.version += 1;
        order.preview = None;
        save(orders, &order).await;
        assert_eq!(orders.order(&order.id).await, Ok(Some(order)));
    }
}

pub async fn an_order_of_another_version_is_not_written(orders: &dyn Orders) {
    let first = given_at(due());
    save(orders, &first).await;
    let cancelled = first.cancelled("max".into(), due()).unwrap();
    let late = Order { state: OrderState::Done, ..cancelled.clone() };
    save(orders, &cancelled).await;
    for order in [&first, &late, &Order { version: 4, ..late.clone() }] {
        assert_eq!(orders.save_order(order).await, Ok(false));
    }
    assert_eq!(orders.order(&first.id).await, Ok(Some(cancelled)));
}

pub async fn of_twenty_who_change_an_order_at_once_one_does(orders: &dyn Orders) {
    let first = given_at(due());
    save(orders, &first).await;
    let nexts: Vec<_> = (0..20).map(|n| first.cancelled(format!("op-{n}").as_str().into(), due()).unwrap()).collect();
    let saved = join_all(nexts.iter().map(|next| orders.save_order(next))).await;
    assert_eq!(saved.iter().filter(|saved| **saved == Ok(true)).count(), 1, "{saved:?}");
}

pub async fn orders_come_newest_first_by_kind_and_page(orders: &dyn Orders) {
    let given: Vec<_> = (0..7).map(|n| given_at(due() + n.seconds())).collect();
    let paused = paused_at(due() + 3.seconds());
    for order in given.iter().chain([&paused]) {
        save(orders, order).await;
    }
    let newest: Vec<_> = given.iter().rev().cloned().collect();
    assert_eq!(orders.orders(OrderKind::Redrive, None, 100).await.as_ref(), Ok(&newest));
    assert_eq!(orders.orders(OrderKind::Redrive, None, 2).await.unwrap(), newest[..2]);
    assert_eq!(orders.orders(OrderKind::Redrive, Some(&newest[1].id), 3).await.unwrap(), newest[2..5]);
    assert_eq!(orders.orders(OrderKind::Settle, None, 3).await, Ok(Vec::new()));

    let mut seen = Vec::new();
    let mut before: Option<OrderId> = None;
    loop {
        let page = newest_orders(orders, None, before.as_ref(), 3).await.unwrap();
        assert!(page.orders.len() == 3 || page.next.is_none());
        seen.extend(page.orders);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.contains(&paused));
    assert!(seen.iter().map(|order| order.given_at).rev().is_sorted());
}

pub async fn orders_are_among_the_open_ones_until_they_end(orders: &dyn Orders) {
    assert_eq!(orders.open_orders(10).await, Ok(Vec::new()));
    let (first, second, paused) = (given_at(due()), given_at(due() + 1.minute()), paused_at(due()));
    for order in [&second, &first, &paused] {
        save(orders, order).await;
    }
    assert_eq!(orders.open_orders(10).await, Ok(vec![first.id.clone(), second.id.clone()]));
    assert_eq!(orders.open_orders(1).await, Ok(vec![first.id.clone()]));
    save(orders, &Order { state: OrderState::Running, version: 2, ..first.clone() }).await;
    save(orders, &second.cancelled("max".into(), due()).unwrap()).await;
    assert_eq!(orders.open_orders(10).await, Ok(vec![first.id]));
}
