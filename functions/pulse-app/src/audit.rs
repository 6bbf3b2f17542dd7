use pulse_core::audit::{Audit, AuditDepth, AuditError, AuditReport};

use crate::App;

impl App {
    /// Holds the roster against the schedules and the ledger, and repairs what is amiss if that is asked for. `watch`
    /// hears how many customers are done.
    ///
    /// # Errors
    /// When the ledger or the schedules can't be listed. What was repaired stays.
    pub async fn audit(
        &self,
        depth: AuditDepth,
        repair: bool,
        watch: &mut (dyn FnMut(u64) + Send),
    ) -> Result<AuditReport, AuditError> {
        let audit = Audit {
            ledger: &*self.ports.ledger,
            listing: &*self.ports.reports,
            schedules: &*self.ports.schedules,
            clock: self.clock(),
            depth,
            repair,
        };
        audit.run(watch).await
    }
}
