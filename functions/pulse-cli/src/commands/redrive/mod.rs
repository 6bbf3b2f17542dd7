//! `pulse redrive`.

mod failed;
mod letters;
mod order;
mod text;

use anyhow::{Result, bail};
use clap::Args;
use pulse_app::{ClosedForGood, FailedOrder};
use pulse_core::{
    control::Note,
    dead_letters::CauseFilter,
    delivery::EndpointName,
    entry::StageName,
    orders::OrderAction,
    ports::{DlqName, Rate},
    run::RunId,
    stage_spec::Moves,
};

use crate::{exit::Exit, names, output::Output, target::Target, text::advised};

/// What `pulse redrive` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Whoever has a mail by then gets no other, and entries of customers who have left are closed.\n\
                        Exit code 0: all was moved; 1: some letters couldn't be, or would only die again.\n\
                        \n\
                        It is an order, which the stack carries out: it goes on when you leave, moves no more than there were \
                        when you gave it, and `pulse orders` shows it. With --direct, or where the stack is of a release before, \
                        it is done from here.\n\
                        \n\
                        With --run it goes by the ledger instead, so it finds what failed even if its message was \
                        purged or has expired."
)]
pub struct Options {
    /// What the stage of this name gave up, what the scheduler couldn't deliver, or what came in and couldn't be read.
    #[arg(value_name = "QUEUE", value_parser = names::dlq())]
    queue: DlqName,

    /// Only letters whose cause has these words in it; see `pulse dlq`.
    #[arg(long, value_name = "TEXT", value_parser = CauseFilter::parse, conflicts_with = "run")]
    cause: Option<CauseFilter>,

    /// With `deliver`: only letters of word for this endpoint.
    #[arg(long, value_name = "NAME", value_parser = EndpointName::parse, conflicts_with = "run")]
    endpoint: Option<EndpointName>,

    /// At most so many a second, 1 to 500. Otherwise as fast as it goes.
    #[arg(long, value_name = "N/s", value_parser = Rate::parse, conflicts_with = "run")]
    rate: Option<Rate>,

    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,

    /// Why, for others to read.
    #[arg(long, value_name = "WORDS", value_parser = Note::parse)]
    note: Option<Note>,

    /// Gives the order, and doesn't follow it.
    #[arg(long, conflicts_with_all = ["dry_run", "direct"])]
    detach: bool,

    /// Moves them from here, with your own credentials, or by a task of the queue's own: it leaves no order, and what comes
    /// meanwhile may move too.
    #[arg(long, conflicts_with = "note")]
    direct: bool,

    /// What failed in this month's run by the ledger, whether or not there is a letter of it. What a campaign has closed stays
    /// closed.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse)]
    run: Option<RunId>,

    /// With --run: at most so many, by customer.
    #[arg(long, value_name = "N", default_value_t = 100_000, requires = "run")]
    limit: usize,
}

/// Carries `pulse redrive` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found, or the ledger or the queues can't be used.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let queue = options.queue;
    let stage = if let DlqName::Stage(stage) = queue { Some(stage) } else { None };
    if options.run.is_some() && stage.is_none() {
        bail!(
            "--run goes by what the stages gave up, and the {queue} queue is no stage's: leave --run out. If a \
             schedule's letter is gone, the tick queues the entry again."
        );
    }
    if options.run.is_some() && stage.is_some_and(|stage| stage.spec().moves != Moves::Entries) {
        bail!("--run goes by entries, and the {queue} queue's letters are of word: leave it out, or name --endpoint.");
    }
    if options.endpoint.is_some() && stage != Some(StageName::Deliver) {
        bail!(
            "--endpoint goes by whom word is for, and the {queue} queue's letters have none: type `pulse redrive deliver`."
        );
    }
    options.run.map_or(Ok(()), ClosedForGood::unless_month)?;
    let app = target.app_of(None).await?;
    if let Some(endpoint) = &options.endpoint {
        app.knows_endpoint(endpoint).await.map_err(|error| advised(&error, error.advice().as_ref()))?;
    }
    let is_order = !options.dry_run && !options.direct && app.ports.tick.carries_orders_out();
    if is_order {
        let action = if let Some((run, stage)) = options.run.zip(stage) {
            OrderAction::RedriveFailed { stage, run }
        } else {
            let (cause, endpoint) = (options.cause.clone(), options.endpoint.clone());
            OrderAction::Redrive { queue, cause, endpoint, rate: options.rate }
        };
        if !failed::is_cut(&app, &action, options.limit, output).await? {
            return order::give(&app, action, options.note, options.detach, output).await;
        }
    }
    match options.run.zip(stage) {
        Some((run, stage)) => {
            let Options { limit, dry_run, .. } = options;
            failed::redrive(&app, FailedOrder { stage, run, limit, dry_run }, output).await
        }
        None => letters::redrive(&app, queue, options, output).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &[&str]) -> Result<Options, String> {
        let line = Line::try_parse_from([&["redrive"], line].concat());
        line.map(|line| line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rate_is_one_that_sqs_takes_and_none_of_zero() {
        assert_eq!(parse(&["score", "--rate", "20/s"]).unwrap().rate, Rate::parse("20").ok());
        assert!(parse(&["score", "--rate", "0"]).unwrap_err().contains("would move nothing"));
        for bad in ["501", "-1", "fast", "1.5/s"] {
            assert!(parse(&["score", "--rate", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn by_the_ledger_there_is_neither_a_cause_nor_a_rate() {
        assert!(parse(&["email", "--run", "2026-11", "--limit", "5", "--dry-run"]).is_ok());
        assert!(parse(&["email", "--run", "2026-11", "--cause", "503"]).is_err());
        assert!(parse(&["email", "--limit", "5"]).is_err());
        assert!(parse(&["score", "--note", "well again", "--detach"]).is_ok());
        for bad in [["--detach", "--dry-run"], ["--detach", "--direct"]] {
            assert!(parse(&[&["score"][..], &bad].concat()).is_err(), "{bad:?}");
        }
        assert!(parse(&["schedules"]).is_ok() && parse(&["tick"]).is_err());
    }

    #[tokio::test]
    async fn an_endpoint_has_letters_in_the_queue_of_word_alone_and_word_is_in_no_run() {
        #[derive(Debug, Parser)]
        struct Whole {
            #[command(flatten)]
            target: Target,
            #[command(flatten)]
            options: Options,
        }
        let crm = parse(&["deliver", "--endpoint", "crm", "--cause", "410"]).unwrap().endpoint;
        assert_eq!(crm, EndpointName::parse("crm").ok());
        assert!(parse(&["deliver", "--endpoint", "crm", "--run", "2026-11"]).is_err());
        assert!(parse(&["deliver", "--endpoint", "CRM"]).unwrap_err().contains("lower-case"));
        for (line, said) in [
            ("email --endpoint crm", "`pulse redrive deliver`"),
            ("deliver --run 2026-11", "--endpoint"),
            ("email --run spring", "stays closed: `pulse run start NAME --unreached-of spring ..`"),
            ("email --run november --direct", "november is no month, as 2026-11 is"),
        ] {
            let Whole { target, options } = Whole::parse_from(["redrive"].into_iter().chain(line.split(' ')));
            let refused = run(options, &target, Output::new(false)).await.unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
