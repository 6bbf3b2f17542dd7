use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Method, Request, header},
    response::Response,
};
use jiff::Timestamp;
use pulse_app::{App, FixedSettings};
use pulse_console::{Access, Console, HostPage};
use pulse_core::{
    control::Actor,
    customer::Zone,
    ports::Mailer as _,
    stage::{EmailRules, Rules},
};
use pulse_letters::MinijinjaRenderer;
use pulse_sim::{game::GameDay, month::Scenario, world::OperatorDesk};
use tower::ServiceExt as _;

use crate::{
    pace::Pace,
    page,
    record::{Record, Recorded},
};

/// What people call the stack.
const STACK: &str = "game day";

/// How much virtual time passes at most between two looks at whether somebody asks for something.
const SLICE: Duration = Duration::from_mins(1);

/// How a game begins.
#[derive(Debug, Clone)]
pub struct GameOptions {
    /// The stack, its customers, and what happens by itself.
    pub scenario: Scenario,
    /// Who is said to give the orders.
    pub actor: Actor,
    /// The command that begins the same game, for whoever plays it again.
    pub command: String,
    /// What is done in it by itself, as it was done in another.
    pub repeat: Record,
}

/// A simulated stack with its pages.
pub struct Game {
    shared: Arc<Shared>,
    desk: OperatorDesk,
    pages: Router,
    access: Access,
    repeat: Mutex<VecDeque<Recorded>>,
    /// How many promises were broken when it was looked last.
    broken: Mutex<usize>,
}

/// What pages know of a game.
pub(crate) struct Shared {
    pub(crate) day: GameDay,
    pub(crate) command: String,
    pace: Mutex<Pace>,
    record: Mutex<Record>,
}

impl Shared {
    pub(crate) fn pace(&self) -> Pace {
        *lock(&self.pace)
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        *lock(&self.pace) = pace;
    }

    pub(crate) fn record(&self) -> Record {
        lock(&self.record).clone()
    }
}

impl Game {
    /// A game before its first moment, paused.
    ///
    /// # Panics
    /// When the simulator itself is broken.
    #[must_use]
    pub fn new(options: GameOptions, access: Access) -> Self {
        let GameOptions { scenario, actor, command, repeat } = options;
        let day = GameDay::new(scenario);
        let desk = day.world.operator_desk();
        let settings = &day.world.settings;
        let email = EmailRules {
            policy: settings.policy,
            recall: day.world.mailer.recall(),
            provider: day.world.mailer.source(),
        };
        let fixed =
            FixedSettings { rules: Rules { email }, sweep: settings.sweep, breaker: settings.breaker, zone: Zone::UTC };
        let app = App { ports: desk.ports.clone(), settings: Arc::new(fixed), actor };
        let shared = Arc::new(Shared { day, command, pace: Mutex::new(Pace::Paused), record: Mutex::default() });
        let pace = Arc::clone(&shared);
        let pages = Console::new(app, STACK, access.clone())
            .with_page(HostPage { path: page::PATH, name: page::NAME }, page::routes(&shared))
            .with_pace(move || pace.pace().factor())
            .with_letters(Arc::new(MinijinjaRenderer::new().expect("the letters that are shipped")))
            .pages();
        Self { shared, desk, pages, access, repeat: Mutex::new(repeat.0.into()), broken: Mutex::default() }
    }

    /// What the pages are over.
    #[must_use]
    pub fn day(&self) -> &GameDay {
        &self.shared.day
    }

    /// How far virtual time has got.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.day().now()
    }

    /// How fast virtual time is to pass.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.shared.pace()
    }

    /// From now on, it is to pass so fast.
    pub fn set_pace(&self, pace: Pace) {
        self.shared.set_pace(pace);
    }

    /// All that was done so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.shared.record()
    }

    /// Who may see the pages.
    pub(crate) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Answers a request, whoever asks. What it waits for passes as virtual time, and the stack works on meanwhile.
    pub fn answer_at_once(&self, request: Request<Bytes>) -> Response {
        let acts = is_recorded(&request);
        if acts {
            let form = String::from_utf8_lossy(request.body()).into_owned();
            let recorded = Recorded { at: self.now(), path: request.uri().path().to_owned(), form };
            let mut record = lock(&self.shared.record);
            record.0.push(recorded);
            self.desk.begin_action(record.0.len());
        }
        let answered = self.pages.clone().oneshot(request.map(Body::from));
        let Ok(answer) = self.day().world.time.run(answered);
        if acts {
            // A count by hand, or a mail that someone settled, isn't what the simulator reckons with.
            self.day().world.forget_counts();
        }
        self.stand_still_once_broken();
        answer
    }

    /// Lets pass what is due of virtual time when so much of the wall's has passed, until `is_enough`: what isn't done by then is
    /// left out. It pauses once a promise is broken.
    pub fn pass(&self, wall: Duration, is_enough: &mut dyn FnMut() -> bool) {
        let pace = self.pace();
        let until = pace.until(self.now(), wall);
        while self.now() < until {
            let next = self.now().saturating_add(SLICE).unwrap_or(until).min(until);
            self.advance_to(next);
            if self.stand_still_once_broken() || is_enough() {
                return;
            }
        }
        if matches!(pace, Pace::FastUntil(_)) && self.pace() == pace {
            self.set_pace(Pace::Paused);
        }
    }

    /// Pauses once more promises are broken than were before.
    fn stand_still_once_broken(&self) -> bool {
        let broken = self.day().violations().len();
        let more = broken > mem::replace(&mut *lock(&self.broken), broken);
        if more {
            self.set_pace(Pace::Paused);
        }
        more
    }

    /// Lets virtual time pass until then, and does on the way what is to be repeated.
    pub fn advance_to(&self, moment: Timestamp) {
        while let Some(next) = self.next_repeated(moment) {
            self.day().advance_to(next.at);
            let form = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
            let request =
                form.into_iter().fold(Request::post(next.path), |request, (name, value)| request.header(name, value));
            if let Ok(request) = request.body(Bytes::from(next.form)) {
                let _ = self.answer_at_once(request);
            }
        }
        self.day().advance_to(moment);
    }

    fn next_repeated(&self, moment: Timestamp) -> Option<Recorded> {
        let mut repeat = lock(&self.repeat);
        if repeat.front()?.at <= moment { repeat.pop_front() } else { None }
    }
}

/// The longest form that is read.
pub(crate) const LONGEST_FORM: usize = 64 * 1024;

/// Whether it may change something of the stack. How fast time passes is nobody's business but the player's, and a search changes
/// nothing.
fn is_recorded(request: &Request<Bytes>) -> bool {
    request.method() == Method::POST
        && request.uri().path() != page::PACE
        && !request.uri().path().starts_with("/search")
}

impl fmt::Debug for Game {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Game").field("now", &self.now()).field("pace", &self.pace()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
