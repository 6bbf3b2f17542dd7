use std::cmp::Reverse;

use futures::future::try_join_all;
use serde::Serialize;

use super::{Order, OrderId, OrderKind};
use crate::ports::{LedgerError, Orders};

/// Some orders, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderPage {
    /// By when they were given, whatever their kinds.
    pub orders: Vec<Order>,
    /// The last of them, if there are older ones: what to ask on from.
    pub next: Option<OrderId>,
}

/// The newest orders of one kind, or of all, that were given before another, at most `limit`. Each kind is asked once.
///
/// # Errors
/// When the ledger can't be read.
pub async fn newest_orders(
    orders: &dyn Orders,
    kind: Option<OrderKind>,
    before: Option<&OrderId>,
    limit: usize,
) -> Result<OrderPage, LedgerError> {
    let kinds = OrderKind::ALL.iter().filter(|one| kind.is_none_or(|kind| kind == **one));
    let of_kinds = kinds.map(|kind| orders.orders(*kind, before, limit.saturating_add(1)));
    let mut found: Vec<_> = try_join_all(of_kinds).await?.into_iter().flatten().collect();
    found.sort_by(|one, other| Reverse(&one.id).cmp(&Reverse(&other.id)));
    let there_are_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| there_are_more).map(|order| order.id.clone());
    Ok(OrderPage { orders: found, next })
}
