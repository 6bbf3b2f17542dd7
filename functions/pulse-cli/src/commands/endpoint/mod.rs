//! `pulse endpoint`.

mod add;
mod change;
mod held;
mod list;
mod remove;
mod rotate;
mod test;

use anyhow::Result;
use clap::{Args, Subcommand};
use pulse_app::{App, EndpointError};
use pulse_aws::stack::Stack;
use pulse_core::{control::Actor, delivery::EndpointName};
use pulse_deployed::app;

use crate::{
    exit::Exit,
    output::Output,
    target::{Target, actor},
    text::advised,
};

/// What `pulse endpoint` takes.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,

    /// What you are called, beside whose credentials these are.
    #[arg(long, global = true, value_name = "NAME", env = "USER", default_value = "someone")]
    by: Actor,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell another system of facts from now on.
    Add(Box<add::Options>),
    /// Show who is told of what, whether it flows, and what waits.
    List,
    /// Have the deliver function send an endpoint word of nothing, to see whether it takes it.
    Test(Named),
    /// Change where an endpoint is, or what it is told and how: what waits for it stays.
    Change(Box<change::Options>),
    /// Hold an endpoint's word back: nothing is lost, however long it lasts.
    Pause(held::PauseOptions),
    /// Let an endpoint's word flow again, whatever held it.
    Resume(held::ResumeOptions),
    /// Have a new key sign beside the one that does; then, with --finish, alone.
    Rotate(rotate::Options),
    /// Tell an endpoint of nothing more, and drop what waits for it.
    Remove(remove::Options),
}

/// Which endpoint.
#[derive(Debug, Args)]
struct Named {
    /// The endpoint's name.
    #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
    name: EndpointName,
}

/// A stack, and the application over it for whoever types.
struct Desk {
    stack: Stack,
    app: App,
    output: Output,
}

/// Carries `pulse endpoint` out, and writes what came of it.
///
/// # Errors
/// When the stack can't be found or used, there is no such endpoint, or it can't be as it is asked for.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let Options { action, by } = options;
    // What can't be whatever the stack is like is refused before it is looked for.
    let action = match action {
        Action::Add(options) => {
            add::check(options.url.as_deref())?;
            Action::Add(options)
        }
        Action::Change(options) => {
            add::check(options.url.as_deref())?;
            Action::Change(options)
        }
        action => action,
    };
    let stack = target.find().await?;
    let app = app(&stack, actor(&stack, Some(by)).await)?;
    let desk = Desk { stack, app, output };
    match action {
        Action::Add(options) => add::run(&desk, *options).await,
        Action::Change(options) => change::run(&desk, *options).await,
        Action::List => list::run(&desk).await,
        Action::Test(Named { name }) => test::run(&desk, &name).await,
        Action::Pause(options) => held::pause(&desk, options).await,
        Action::Resume(options) => held::resume(&desk, options).await,
        Action::Rotate(options) => rotate::run(&desk, options).await,
        Action::Remove(options) => remove::run(&desk, options).await,
    }
}

fn told(error: EndpointError) -> anyhow::Error {
    match error.advice() {
        None => error.into(),
        advice => advised(&error, advice.as_ref()),
    }
}

#[cfg(test)]
mod tests;
