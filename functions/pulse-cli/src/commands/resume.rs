//! `pulse resume`.

use anyhow::Result;
use clap::Args;
use pulse_app::{NextLook, ResumeReport, Until};
use pulse_core::{control::Note, entry::StageName, pausing::Resumed};

use super::pause::watched;
use crate::{exit::Exit, names, output::Output, target::Target};

/// What `pulse resume` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Ends a pause, however it was made, but for a reserved concurrency of 0, which raising it ends. \
                        A stage that is held because its provider is out of order flows again, and is held again if \
                        the provider still is.\n\n\
                        What recipients take badly is held until --note says why it may go on. Where `pulse status` says \
                        that tick will hold the stage, --note ends that ahead."
)]
pub struct Options {
    /// The stage concerned.
    #[arg(value_name = "STAGE", value_parser = names::stage())]
    stage: StageName,
    /// Why it may go on, for others to read. A stage that is held for bad reputation takes one.
    #[arg(long, value_parser = Note::parse)]
    note: Option<Note>,
}

/// Carries `pulse resume` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found, or the stage can't be resumed.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app_of(None).await?;
    let Options { stage, note } = options;
    let report = watched(stage, async |watch| app.resume(stage, note.as_ref(), Until::Switched, watch).await).await?;
    output.show(&report, || told(&report) + "\n")?;
    Ok(if report.flows { Exit::Done } else { Exit::Failed })
}

/// What came of a resume, in words.
pub(super) fn told(report: &ResumeReport) -> String {
    let ResumeReport { stage, resumed, next_look, .. } = *report;
    let after = match next_look {
        NextLook::Holds if resumed.flows() => {
            format!(
                " But recipients take its mails badly, so that tick will hold it within five minutes: `pulse resume {stage} \
                 --note \"..\"` says why they may go on."
            )
        }
        NextLook::Cleared => {
            " Tick would have held it within five minutes, as recipients take its mails badly: by the note it won't, and \
             what was counted until now counts no more."
                .to_owned()
        }
        NextLook::Nothing | NextLook::Holds => String::new(),
    };
    words(stage, resumed) + &after
}

fn words(stage: StageName, resumed: Resumed) -> String {
    match resumed {
        Resumed::Flows => format!("The {stage} stage flows again."),
        Resumed::Already => format!("Nothing held the {stage} stage: it flows."),
        Resumed::ReservedZero => format!(
            "The {stage} function's reserved concurrency is 0: raise it to the mapping's number of invocations, which \
             `pulse lanes` shows, or remove it where the stack reserves none, and tick lets the stage flow within a minute. Any other pause is over."
        ),
        Resumed::HeldAgain => format!("The {stage} stage is held again already: see `pulse status` for what holds it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tick_is_about_to_do_is_told_with_what_is_done() {
        let report = |next_look| ResumeReport {
            stage: StageName::Email,
            flows: true,
            was_held: false,
            next_look,
            resumed: Resumed::Already,
        };
        let told = |next_look| super::told(&report(next_look));
        assert_eq!(told(NextLook::Nothing), "Nothing held the email stage: it flows.");
        let soon = told(NextLook::Holds);
        assert!(soon.contains("tick will hold it within five minutes: `pulse resume email --note"), "{soon}");
        assert!(told(NextLook::Cleared).contains("by the note it won't"));
    }
}
