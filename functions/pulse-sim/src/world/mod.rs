//! The whole of Pulse under virtual time: schedules, queues, mappings, functions, ledger, providers,
//! and the real stage code between them.

mod build;
mod chores;
mod distant;
mod handler;
mod house;
mod lanes;
mod letters;
mod mailing;
mod neighbours;
mod operator;
mod panics;
mod ports;
mod product;
mod scoring;
mod settings;
mod start;
mod trace;
mod watch;
mod weather;
mod witness;

pub use build::World;
pub use house::House;
pub use lanes::{LaneUse, Lanes};
pub use mailing::SimMailer;
pub use panics::{PanicPlace, Panics};
pub use ports::Ports;
pub use product::{Product, Shipped};
pub use scoring::SimScorer;
pub use settings::{Latency, MailProvider, Record, StageSettings, WorldSettings};
pub use trace::Trace;
pub use watch::SweepWatch;
pub use weather::{Conditions, Down, Noise, ProviderWeather, Weather};
pub use witness::{Breach, Promise, Witness};

#[cfg(test)]
mod tests;
