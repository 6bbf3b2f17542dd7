use jiff::Timestamp;

/// Tells the time. The wall clock in production, a virtual one in the simulator.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
