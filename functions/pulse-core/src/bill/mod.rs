//! What a month costs at AWS, or a campaign: what is used of it, and its public prices.

mod campaign;
mod capacity;
mod console;
mod expected;
mod given;
mod prices;
mod word;

pub use campaign::CampaignWork;
pub use capacity::{COUNTED_AT_ONCE, CapacityHours, SCALING_ALARMS, TableCapacity, Units};
pub use console::{CONSOLE_MEMORY_GB, Viewers};
pub use expected::{BYTES_PER_CUSTOMER, FEEDBACK_MEMORY_GB, LOG_BYTES_PER_INVOCATION, STAGE_MEMORY_GB, TICK_MEMORY_GB};
pub use given::GIVEN_METRICS;
pub use prices::{ALARMS, ApiUse, Bill, BillLine, METRICS, Prices};
pub use word::Told;
