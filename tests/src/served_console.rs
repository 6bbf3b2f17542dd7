//! A console that is served on this machine, over a world in memory.

use std::{net::Ipv4Addr, sync::Arc};

use pulse_console::{Access, Console, Loopback, serve};
use pulse_game::{Game, GameOptions};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{browser::Browser, in_memory_app::InMemoryApp, made_up_inbox::with_mails};

/// A console, and the browser that looks at it.
pub struct ServedConsole {
    /// What it shows.
    pub world: InMemoryApp,
    /// The link that lets a browser in, once.
    pub link: String,
    runtime: Runtime,
}

fn ask(link: &str, run: &str, visit: &Value, mut more: Value) -> Value {
    let order = more.as_object_mut().expect("an object");
    order.extend([("run".into(), run.into()), ("url".into(), json!(link)), ("visit".into(), visit.clone())]);
    Browser::shared().ask(&more)
}

/// A game day that is served on this machine.
pub struct ServedGame {
    link: String,
    _runtime: Runtime,
}

impl ServedGame {
    /// One that has gone as `play` says before anyone looks.
    ///
    /// # Panics
    /// When this machine has no port for it.
    #[must_use]
    pub fn after(options: GameOptions, play: impl FnOnce(&Game)) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let address = listener.local_addr().expect("an address");
        let (loopback, link) = Loopback::on(address.port()).expect("random numbers");
        let game = Game::new(options, Access::Loopback(Arc::new(loopback)));
        play(&game);
        runtime.spawn(pulse_game::serve(listener, game, std::future::pending()));
        Self { link: format!("http://{address}{link}"), _runtime: runtime }
    }

    /// Has the browser do something with it, with what else is to be said.
    ///
    /// # Panics
    /// When it can't be done.
    #[must_use]
    pub fn ask(&self, run: &str, visit: &Value, more: Value) -> Value {
        ask(&self.link, run, visit, more)
    }
}

impl ServedConsole {
    /// A console over a world.
    ///
    /// # Panics
    /// When this machine has no port for it.
    #[must_use]
    pub fn over(world: impl Future<Output = InMemoryApp>) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let world = runtime.block_on(world);
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let address = listener.local_addr().expect("an address");
        let (loopback, link) = Loopback::on(address.port()).expect("random numbers");
        let console = Console::new(world.app.clone(), "pulse", Access::Loopback(Arc::new(loopback)));
        let console = with_mails(console);
        runtime.spawn(serve(listener, console, std::future::pending()));
        Self { world, link: format!("http://{address}{link}"), runtime }
    }

    /// Has the browser do something with it, with what else is to be said.
    ///
    /// # Panics
    /// When it can't be done.
    #[must_use]
    pub fn ask(&self, run: &str, visit: &Value, more: Value) -> Value {
        ask(&self.link, run, visit, more)
    }

    /// Has something done in the world that is shown.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Is gone, as if its program were killed.
    pub fn kill(self) {
        self.runtime.shutdown_background();
    }
}
