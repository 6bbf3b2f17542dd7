//! `pulse console`.

use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, Result};
use clap::Args;
use pulse_app::App;
use pulse_aws::config::process_variable;
use pulse_console::{Access, Console, Loopback, serve};
use pulse_core::control::Actor;
use pulse_deployed::app;
use pulse_letters::MinijinjaRenderer;
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::{net::TcpListener, process::Command};

use crate::{
    exit::{Exit, Usage},
    interruption::interruption,
    output::Output,
    target::{Target, actor},
};

/// What `pulse console` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "The console is served on this machine alone, with your own AWS credentials: what they may not do, it \
                        can't. Its link lets one browser in, once."
)]
pub struct Options {
    /// The port, or 0 for any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Opens it in the browser.
    #[arg(long)]
    open: bool,

    /// Who looks, and does things there: beside the name of the credentials.
    #[arg(long, value_name = "NAME", env = "USER")]
    by: Option<Actor>,
}

#[derive(Serialize)]
struct Shown<'a> {
    url: &'a str,
}

/// Carries `pulse console` out: serves it until it is interrupted.
///
/// # Errors
/// When the stack can't be found, or the port can't be used.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let ends = interruption()?;
    let stack = target.find().await?;
    let actor = actor(&stack, options.by).await;
    let app = app(&stack, actor)?;
    let (console, listener, url) = console(app, stack.outputs.stack(), options.port).await?;
    output.show(&Shown { url: &url }, || format!("The console is at {url}\nCtrl-C ends it.\n"))?;
    let _page = if options.open { opened(&url, output).await } else { None };
    serve(listener, console, ends).await.context("The console can't be served any more")?;
    Ok(Exit::Done)
}

/// A console over an application on this machine, with the link that lets a browser in.
///
/// # Errors
/// When the port can't be used.
pub async fn console(app: App, stack: &str, port: u16) -> Result<(Console, TcpListener, String)> {
    let Doorway { access, listener, url } = Doorway::on(port).await?;
    let console = Console::new(app, stack, access).with_letters(Arc::new(MinijinjaRenderer::new()?));
    Ok((console, listener, url))
}

/// Where a console is served on this machine.
pub struct Doorway {
    /// Who may come in.
    pub access: Access,
    /// Where browsers connect, on the loopback interface.
    pub listener: TcpListener,
    /// The link that lets a browser in.
    pub url: String,
}

impl Doorway {
    /// One on this port, or on any that is free.
    ///
    /// # Errors
    /// When the port can't be used.
    pub async fn on(port: u16) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Usage(format!("Port {port} of this machine can't be used: {error}. --port 0 takes any that is free."))
        })?;
        let address = listener.local_addr()?;
        let (loopback, link) = Loopback::on(address.port()).context("This machine gives no random numbers")?;
        Ok(Self { access: Access::Loopback(Arc::new(loopback)), listener, url: format!("http://{address}{link}") })
    }
}

/// Opens a link in the browser. Other users of the machine see what a program is started with: the browser is given a page
/// that only its user can read, and that leads to the link.
pub async fn opened(url: &str, output: Output) -> Option<NamedTempFile> {
    let page = page_to(url);
    let opened = match &page {
        Ok(page) => open(page.path()).await,
        Err(error) => Err(anyhow::anyhow!("no page can be written: {error}")),
    };
    if let Err(error) = opened {
        output.remark(format!("No browser could be opened ({error}): open the link yourself."));
    }
    page.ok()
}

fn page_to(url: &str) -> io::Result<NamedTempFile> {
    let mut page = tempfile::Builder::new().prefix("pulse-console-").suffix(".html").tempfile()?;
    write!(
        page,
        "<!doctype html><meta charset=utf-8><title>Pulse</title><meta http-equiv=refresh content=\"0; url={url}\">"
    )?;
    page.flush()?;
    Ok(page)
}

/// Opens a page in the browser, by what the desktop has for that.
async fn open(page: &Path) -> Result<()> {
    let opener = process_variable("BROWSER").filter(|browser| !browser.is_empty());
    let opener = opener.unwrap_or_else(|| if cfg!(target_os = "macos") { "open" } else { "xdg-open" }.to_owned());
    let status = Command::new(&opener).arg(page).status().await.with_context(|| format!("{opener} can't be run"))?;
    anyhow::ensure!(status.success(), "{opener} ended with {status}");
    Ok(())
}
