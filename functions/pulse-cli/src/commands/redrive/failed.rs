//! By the ledger, whether or not there is a letter.

use anyhow::Result;
use pulse_app::{App, FailedOrder, FailedReport};
use pulse_core::orders::OrderAction;

use crate::{exit::Exit, output::Output};

pub(super) async fn redrive(app: &App, order: FailedOrder, output: Output) -> Result<Exit> {
    let report = app.redrive_failed(order).await?;
    output.show(&report, || text(&report))?;
    Ok(if report.failed == 0 { Exit::Done } else { Exit::Failed })
}

/// Whether --limit leaves some out. An order is for all of them, so that the command does as many as it says itself then. What
/// the provider dropped is told, which no redrive touches.
pub(super) async fn is_cut(app: &App, action: &OrderAction, limit: usize, output: Output) -> Result<bool> {
    let OrderAction::RedriveFailed { stage, run } = *action else { return Ok(false) };
    let order = FailedOrder { stage, run, limit: limit.saturating_add(1), dry_run: true };
    let report = app.redrive_failed(order).await?;
    let is_cut = report.queued > limit;
    if report.dropped > 0 && !is_cut {
        output.remark(dropped(&report).trim_end());
    }
    Ok(is_cut)
}

fn text(report: &FailedReport) -> String {
    queued(report) + &dropped(report)
}

fn dropped(report: &FailedReport) -> String {
    let FailedOrder { run, limit, .. } = report.order;
    match report.dropped {
        0 => String::new(),
        dropped => {
            let (at_least, mails) =
                (if dropped >= limit { "At least " } else { "" }, if dropped == 1 { "mail" } else { "mails" });
            format!(
                "{at_least}{dropped} {mails} of the run the provider accepted and then didn't send: they stay as they are. Who \
                 is to get a further one gets it by `pulse replay CUSTOMER --run {run} --again --force --note \"..\"`.\n"
            )
        }
    }
}

fn queued(report: &FailedReport) -> String {
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

#[cfg(test)]
mod tests {
    use pulse_core::{entry::StageName, run::RunId};

    use super::*;

    #[test]
    fn what_the_provider_dropped_is_told_apart_with_how_a_further_mail_is_sent() {
        let order =
            FailedOrder { stage: StageName::Email, run: RunId::parse("2026-11").unwrap(), limit: 100, dry_run: false };
        let report = FailedReport { dry_run: false, queued: 0, failed: 0, dropped: 2, order };
        let told = text(&report);
        assert!(told.contains("there is nothing to redrive.\n2 mails of the run the provider accepted"), "{told}");
        assert!(told.contains("`pulse replay CUSTOMER --run 2026-11 --again --force --note"), "{told}");
        assert!(!text(&FailedReport { dropped: 0, queued: 1, ..report }).contains("accepted"));
        assert!(text(&FailedReport { dropped: 100, ..report }).contains("At least 100 mails"));
    }
}
