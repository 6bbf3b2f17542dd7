//! AWS Lambda: functions, and the event source mappings that feed them from queues.

mod carrying;
mod concurrency;
mod environments;
mod function;
mod gathering;
mod mapping;
mod mapping_settings;
mod pollers;
mod reading;
mod switch;
mod turns;

#[cfg(test)]
mod tests;

pub use environments::FunctionUse;
pub use function::{Environment, Function, FunctionSettings, Invocation, InvokeError};
pub use mapping::{Answer, Handler, Mapping};
pub use mapping_settings::{MappingSettings, MappingUse, WindowMissing};
pub use switch::{KillSwitch, MappingBusy, MappingState};
