use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use pulse_game::{Game, GameOptions, Record, serve};
use serde::Serialize;

use super::options::Options;
use crate::{
    commands::console::{Doorway, opened},
    exit::{Exit, Usage},
    interruption::interruption,
    output::Output,
    report,
};

/// How much is lived through before anyone looks: plots of a day are there, and it is noon.
const LIVED_THROUGH: Duration = Duration::from_hours(36);

#[derive(Serialize)]
struct Shown<'a> {
    url: &'a str,
}

/// A game day, on the console's pages.
pub(super) async fn run(options: Options, output: Output) -> Result<Exit> {
    let ends = interruption()?;
    let scenario = options.scenario()?;
    let repeat = options.repeat.as_deref().map(record).transpose()?.unwrap_or_default();
    let Doorway { access, listener, url } = Doorway::on(options.port).await?;
    let game = GameOptions {
        command: report::command(&scenario) + " --console",
        actor: options.by.unwrap_or_default(),
        scenario,
        repeat,
    };
    let customers = game.scenario.customers;
    output.remark(format!("A day and a half of {customers} customers is lived through first."));
    let game = tokio::task::spawn_blocking(move || {
        let game = Game::new(game, access);
        game.advance_to(game.now() + LIVED_THROUGH);
        game
    });
    let game = game.await?;
    output.show(&Shown { url: &url }, || {
        format!("The game day is at {url}\nTime stands still there until you let it pass. Ctrl-C ends it.\n")
    })?;
    let _page = if options.open { opened(&url, output).await } else { None };
    serve(listener, game, ends).await.context("The game day can't be served any more")?;
    Ok(Exit::Done)
}

fn record(path: &Path) -> Result<Record, Usage> {
    let text = fs::read_to_string(path)
        .map_err(|error| Usage(format!("The record {} can't be read: {error}.", path.display())))?;
    text.parse().map_err(|error| Usage(format!("The record {} can't be repeated: {error}.", path.display())))
}
