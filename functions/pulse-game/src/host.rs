//! A game by the clock on the wall, on this machine.

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use pulse_console::behind;
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    game::{Game, LONGEST_FORM},
    pace::Pace,
};

/// How long the simulation computes, and waits, at most before it looks whether somebody asks for something.
const FRAME: Duration = Duration::from_millis(20);

/// How long it waits for that while it is paused.
const PAUSED: Duration = Duration::from_hours(1);

struct Asked {
    request: Request<Bytes>,
    answer: oneshot::Sender<Response>,
}

type Asking = mpsc::Sender<Asked>;

/// Plays a game on a thread of its own, and serves its pages until `ends`.
///
/// # Errors
/// When connections can't be taken, or the simulation has ended by a panic.
pub async fn serve(
    listener: TcpListener,
    game: Game,
    ends: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let access = game.access();
    let (asking, asked) = mpsc::channel();
    let (ended, has_ended) = oneshot::channel();
    let played = thread::Builder::new().name("game day".into()).spawn(move || {
        // Dropped when it ends, however that is.
        let _ended: oneshot::Sender<()> = ended;
        play(&game, &asked);
    })?;
    let router = behind(access, Router::new().fallback(forward).with_state(asking));
    let ends = async {
        tokio::select! {
            () = ends => {}
            _ = has_ended => {}
        }
    };
    // Those who ask are gone with it, and so the game ends.
    axum::serve(listener, router).with_graceful_shutdown(ends).await?;
    let played = tokio::task::spawn_blocking(move || played.join()).await.map_err(io::Error::other)?;
    played.map_err(|_| io::Error::other("the simulation has panicked: what it said above is a bug"))
}

/// Has a request answered where the simulation is.
async fn forward(State(asking): State<Asking>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_FORM).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (answer, answered) = oneshot::channel();
    let asked = asking.send(Asked { request: Request::from_parts(parts, body), answer });
    let answered = if asked.is_ok() { answered.await.ok() } else { None };
    answered.unwrap_or_else(|| {
        let words = "The simulation has ended: what it said in the terminal says why.";
        (StatusCode::INTERNAL_SERVER_ERROR, Body::from(words)).into_response()
    })
}

#[expect(clippy::disallowed_methods, reason = "the clock on the wall drives the simulation's")]
fn play(game: &Game, asked: &mpsc::Receiver<Asked>) {
    let mut last = Instant::now();
    loop {
        let pace = game.pace();
        let waits = match pace {
            Pace::Paused => PAUSED,
            Pace::Times(_) => FRAME,
            Pace::FastUntil(_) => Duration::ZERO,
        };
        let mut next = asked.recv_timeout(waits);
        while let Ok(Asked { request, answer }) = next {
            // Whoever has left hears nothing of it; what they asked for is done all the same.
            let _ = answer.send(game.answer_at_once(request));
            next = asked.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
        if next.is_err_and(|ended| ended == RecvTimeoutError::Disconnected) {
            return;
        }
        let now = Instant::now();
        // What passed while it was paused isn't made up for.
        let passed = if pace == Pace::Paused { Duration::ZERO } else { now.duration_since(last) };
        last = now;
        game.pass(passed, &mut || now.elapsed() >= FRAME);
    }
}
