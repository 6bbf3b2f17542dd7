use pulse_core::audit::{Audit, AuditDepth, AuditEnd, AuditError, AuditName, AuditProgress, AuditStart};

use crate::App;

/// What an audit is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditOrder {
    /// Whose schedule is read in whole.
    pub depth: AuditDepth,
    /// Whether what is found is repaired.
    pub repair: bool,
    /// What it begins with.
    pub start: AuditStart,
}

impl App {
    /// Holds the roster against the schedules and the ledger, and repairs what is amiss if that is asked for. It ends
    /// early with `stop`, and the next goes on there. `watch` hears how far it is.
    ///
    /// # Errors
    /// When the ledger or the schedules can't be listed. What was repaired stays.
    pub async fn audit(
        &self,
        order: AuditOrder,
        stop: impl Future<Output = ()> + Send,
        watch: &(dyn Fn(AuditProgress) + Send + Sync),
    ) -> Result<AuditEnd, AuditError> {
        let audit = Audit {
            ledger: &*self.ports.ledger,
            listing: &*self.ports.reports,
            schedules: &*self.ports.schedules,
            log: &*self.ports.audits,
            sleeper: &*self.ports.sleeper,
            name: AuditName::ByHand,
            depth: order.depth,
            repair: order.repair,
        };
        audit.run(order.start, stop, watch).await
    }
}
