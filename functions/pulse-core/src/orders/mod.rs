//! Orders: what operators do, as rows that say who, why, what and when.
//!
//! What is one conditional write (a pause, a release) is done by whoever gives it, with their own credentials, and leaves an
//! [`Order`] that is done. What takes many steps (a redrive) is given, bound to the [preview](OrderPreview) that its giver saw,
//! and [carried out](OrderRound) by tick, in steps that each are written down: it ends whether or not its giver stays, goes on
//! from where it was killed, and can be cancelled.
//!
//! There is no personal data in an order: customers are told by their ids, addresses by the beginning of a digest.

mod action;
mod carrier;
mod failed;
mod id;
mod letters;
mod list;
mod order;
mod place;
mod progress;

pub use action::{EndpointChange, OrderAction, OrderKind};
pub use carrier::{OrderError, OrderRound, OrderStepped};
pub use id::OrderId;
pub use list::{OrderPage, newest_orders};
pub use order::{Order, OrderPreview, OrderState};
pub use place::OrderPlace;
pub use progress::OrderProgress;
