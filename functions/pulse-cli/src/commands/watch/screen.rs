use std::{
    io::{self, Stdout, stdout},
    panic,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ratatui::{
    Frame, Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        event::{self, DisableBracketedPaste, EnableBracketedPaste},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use tokio::sync::mpsc;

use super::event::Event;

/// The terminal, while it is drawn on. It is as it was before when this is dropped, or when something panics.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    _restored: Restored,
}

struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        restore();
    }
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn open() -> io::Result<Self> {
        // A panic that aborts drops nothing.
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            hook(panic);
        }));
        let restored = Restored;
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        // Pasted text comes as such, and not as keys that would mean something.
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        Ok(Self { terminal: Terminal::new(CrosstermBackend::new(stdout()))?, _restored: restored })
    }

    /// Draws a frame.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(drop)
    }
}

/// Whether the terminal is taken over.
static TAKEN: AtomicBool = AtomicBool::new(false);

fn restore() {
    // Once: leaving the other screen a second time puts the cursor back to before what a panic said.
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // There is nobody to tell if the terminal is gone.
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// What is typed from now on, until the terminal can't be read.
pub(super) fn typed() -> mpsc::UnboundedReceiver<io::Result<Event>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // Reading blocks: it ends with the process.
    thread::spawn(move || {
        loop {
            let event = match event::read() {
                Ok(event::Event::Key(key)) => Ok(Event::Key(key)),
                Ok(event::Event::Paste(text)) => Ok(Event::Paste(text)),
                Ok(event::Event::Resize(..)) => Ok(Event::Resized),
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            let is_last = event.is_err();
            if sender.send(event).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}
