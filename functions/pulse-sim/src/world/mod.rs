//! The whole of Pulse under virtual time: schedules, queues, mappings, functions, ledger, providers,
//! and the real stage code between them.

mod build;
mod calling;
mod campaign_days;
mod campaigns;
mod connections;
mod desk;
mod distant;
mod distant_campaigns;
mod distant_deliveries;
mod distant_snapshots;
mod endpoints;
mod faults;
mod feedback;
mod handler;
mod invariants;
mod lane_control;
mod lanes;
mod mailing;
mod neighbours;
mod operator;
mod orders;
mod panics;
mod ports;
mod presence;
mod scheduled;
mod scoring;
mod settings;
mod snapshots;
mod stage_stack;
mod start;
mod system_under_test;
mod trace;
mod watch;

pub use build::World;
pub use calling::SimPartner;
pub use campaigns::{OtherStart, SimulatedCampaign};
pub use desk::OperatorDesk;
pub use endpoints::{EndpointFaults, SimEndpoints, SimulatedEndpoint};
pub use faults::{ActiveFaults, Down, Faults, FeedbackFaults, Noise, ProviderFaults};
pub use feedback::{FeedbackWatch, IntakeFunction, IntakeQueueStack, IntakeStack, RecipientWays, Recipients, Told};
pub use invariants::{InvariantChecker, Promise, Violation};
pub use lanes::{LaneUse, ProviderLanes};
pub use mailing::SimMailer;
pub use orders::Ordered;
pub use panics::{PanicPlace, Panics};
pub use ports::WorldPorts;
pub use presence::Presence;
pub use scoring::SimScorer;
pub use settings::{ConnectionReuse, Latency, Record, SimulatedMailProvider, StageSettings, WorldSettings};
pub use stage_stack::StageStack;
pub use system_under_test::{Production, SystemUnderTest};
pub use trace::Trace;
pub use watch::SweepWatch;

#[cfg(test)]
mod tests;
