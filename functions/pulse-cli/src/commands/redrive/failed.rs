//! By the ledger, whether or not there is a letter.

use anyhow::Result;
use pulse_app::{App, FailedOrder, FailedReport};

use crate::{exit::Exit, output::Output};

pub(super) async fn redrive(app: &App, order: FailedOrder, output: Output) -> Result<Exit> {
    let report = app.redrive_failed(order).await?;
    output.show(&report, || text(&report))?;
    Ok(if report.failed == 0 { Exit::Done } else { Exit::Failed })
}

fn text(report: &FailedReport) -> String {
    let FailedOrder { stage, run, .. } = report.order;
    match *report {
        FailedReport { queued: 0, failed: 0, .. } => {
            format!("The {stage} stage gave nothing up in run {run}: there is nothing to redrive.\n")
        }
        FailedReport { dry_run: true, queued, .. } => {
            format!("{queued} entries would be queued to the {stage} stage again.\n")
        }
        FailedReport { queued, failed: 0, .. } => format!("{queued} entries are queued to the {stage} stage again.\n"),
        FailedReport { queued, failed, .. } => {
            format!("{queued} entries are queued to the {stage} stage again; {failed} couldn't be: run it again.\n")
        }
    }
}
