//! Logs: JSON lines with ids as fields, never an address, a name or a score.

use tracing_subscriber::EnvFilter;

/// Starts JSON logging to standard output, which Lambda keeps in the function's log group (AWS
/// Lambda Developer Guide, "Configuring JSON and plain text log formats"). `level` is `LOG_LEVEL`;
/// what isn't Pulse's own logs warnings only.
pub fn start(level: Option<&str>) {
    let level = level.unwrap_or("info");
    let filter = EnvFilter::new(format!("warn,pulse_core={level},pulse_aws={level},score={level},email={level}"));
    // Fails only when a subscriber is set already, as it may be in a test.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .try_init();
}
