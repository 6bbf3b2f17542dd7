//! Logs: JSON lines with ids as fields, never an address, a name or a score. Metrics: lines among them.

mod metrics;
mod transitions;

use std::panic;

use pulse_core::panics;
use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::{Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use metrics::{Metrics, StackGauges, StageGauges};
pub use transitions::{CountedLedger, Transitions};

/// Pulse's own crates; what isn't logs warnings only.
const OWN: [&str; 16] = [
    "pulse_core",
    "pulse_app",
    "pulse_aws",
    "pulse_providers",
    "pulse_letters",
    "pulse_feedback",
    "pulse_console",
    "pulse_endpoints",
    "score",
    "email",
    "deliver",
    "call",
    "tick",
    "audit",
    "feedback",
    "console",
];

/// Starts JSON logging to standard output, which Lambda keeps in the function's log group (AWS Lambda Developer Guide,
/// "Configuring JSON and plain text log formats"). `level` is `LOG_LEVEL`: error, warn, info, debug or trace. Panics
/// are logged by their places from now on, and no longer printed with what they say.
pub fn start(level: Option<&str>) {
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(Level::INFO);
    let filter = Targets::new().with_default(LevelFilter::WARN).with_targets(OWN.map(|target| (target, level)));
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false);
    // Fails only when a subscriber is set already, as it may be in a test.
    let _ = tracing_subscriber::registry().with(json.with_filter(filter)).try_init();
    panic::set_hook(Box::new(panics::hook));
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::OWN;

    #[test]
    fn every_function_is_heard() {
        let functions = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let names = fs::read_dir(functions).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let lambdas: Vec<_> = names.filter(|name| !name.contains(['-', '.'])).collect();
        assert!(lambdas.len() >= 4, "{lambdas:?}");
        for lambda in lambdas {
            assert!(OWN.contains(&lambda.as_str()), "what {lambda} has to say is filtered out");
        }
    }
}
