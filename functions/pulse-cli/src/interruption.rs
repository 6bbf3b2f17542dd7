//! Being asked to end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, Result};
use futures::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C, or the polite signals of a closed terminal and of `kill`.
///
/// # Errors
/// When signals can't be listened for.
pub fn interruption() -> Result<impl Future<Output = ()>> {
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .into_iter()
        .map(signal)
        .collect::<Result<Vec<_>, _>>()
        .context("Signals can't be listened for")?;
    Ok(async move {
        let waits = signals.iter_mut().map(|signal| signal.recv().boxed());
        futures::future::select_all(waits).await;
    })
}

/// Whether a command was asked to end, for those that have something to put in order first.
#[derive(Debug, Clone, Default)]
pub struct Asked(Arc<AtomicBool>);

impl Asked {
    /// Listens from now on. Whoever asks twice gets the end at once.
    ///
    /// # Errors
    /// When signals can't be listened for.
    pub fn listen() -> Result<Self> {
        let asked = Self::default();
        let told = asked.clone();
        let first = interruption()?;
        tokio::spawn(async move {
            first.await;
            told.ask();
            if let Ok(second) = interruption() {
                second.await;
                std::process::exit(130);
            }
        });
        Ok(asked)
    }

    /// Asks to end.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether someone has asked.
    #[must_use]
    pub fn to_end(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
