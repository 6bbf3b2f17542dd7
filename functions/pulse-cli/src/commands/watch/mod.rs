//! `pulse watch`: how everything stands, live in a terminal.

mod event;
mod figures;
mod keys;
mod options;
mod prompt;
mod reads;
mod screen;
mod state;
mod update;
mod view;
mod work;

#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use pulse_aws::clock::SystemClock;
use pulse_core::ports::Clock as _;
use pulse_deployed::app;
use tokio::time::{MissedTickBehavior, interval};

use self::{
    event::{Event, SideEffect},
    screen::Screen,
    state::State,
    update::update,
    work::Work,
};
use crate::{
    exit::Exit,
    interruption::interruption,
    output::Output,
    target::{Target, actor},
};

pub use self::options::Options;

/// How often what is shown grows older.
const TICK: Duration = Duration::from_secs(1);

/// Runs it until someone ends it. What can't be read is told on the screen, and tried again.
///
/// # Errors
/// When there is no terminal, or the stack can't be found.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    if output.is_json() || !io::stdout().is_terminal() {
        bail!("`pulse watch` draws on a terminal, and this is none: use `pulse status --json`.");
    }
    let stack = target.find().await?;
    let app = app(&stack, actor(&stack, Some(options.by.clone())).await)?;
    let mut state = State::new(SystemClock.now(), stack.outputs.stack(), options.every, options.count_every);
    let mut work = Work::on(&app);
    let mut interrupted = Box::pin(interruption()?);
    let mut screen = Screen::open().context("The terminal can't be drawn on")?;
    let mut typed = screen::typed();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        screen.draw(|frame| view::draw(frame, &state)).context("The terminal can't be drawn on")?;
        let event = tokio::select! {
            typed = typed.recv() => typed.context("The terminal is gone")??,
            event = work.next() => event,
            _ = ticks.tick() => Event::Tick,
            () = &mut interrupted => return Ok(Exit::Interrupted),
        };
        for effect in update(&mut state, SystemClock.now(), event) {
            match effect {
                SideEffect::Read(topic) => work.read(topic),
                SideEffect::Switch(order) => work.switch(order),
                SideEffect::Quit => return Ok(Exit::Done),
            }
        }
    }
}
