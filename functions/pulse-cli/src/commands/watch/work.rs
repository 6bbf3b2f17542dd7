use std::time::Duration;

use anyhow::Result;
use futures::{
    FutureExt as _, StreamExt as _, TryFutureExt as _,
    future::{LocalBoxFuture, pending},
    stream::FuturesUnordered,
};
use pulse_app::{App, PauseOrder, Until};
use tokio::time::timeout;

use super::{
    event::{Event, Topic},
    figures::{Entries, Figures, lanes},
    prompt::Order,
};
use crate::{commands::resume, output::with_causes, text::lasting};

/// How long the figures and the lanes may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long counting the entries may take: of a large roster, or a throttled table, minutes.
const PATIENCE_TO_COUNT: Duration = Duration::from_mins(3);

/// What is being read and switched.
pub(super) struct Work<'s> {
    app: &'s App,
    under_way: FuturesUnordered<LocalBoxFuture<'s, Event>>,
}

impl<'s> Work<'s> {
    /// Nothing is under way yet.
    pub(super) fn on(app: &'s App) -> Self {
        Self { app, under_way: FuturesUnordered::new() }
    }

    /// What ends next. Never, while nothing is under way.
    pub(super) async fn next(&mut self) -> Event {
        match self.under_way.next().await {
            Some(event) => event,
            None => pending().await,
        }
    }

    /// Begins to read something.
    pub(super) fn read(&self, topic: Topic) {
        let app = self.app;
        self.under_way.push(match topic {
            Topic::Figures => {
                let read = Figures::read(app).map_ok(Box::new);
                within(PATIENCE, read).map(Event::Figures).boxed_local()
            }
            Topic::Lanes => within(PATIENCE, lanes(app)).map(Event::Lanes).boxed_local(),
            Topic::Entries => within(PATIENCE_TO_COUNT, Entries::count(app)).map(Event::Entries).boxed_local(),
        });
    }

    /// Begins to pause or resume a stage.
    pub(super) fn switch(&self, order: Order) {
        self.under_way.push(within(PATIENCE, switched(self.app, order)).map(Event::Switched).boxed_local());
    }
}

async fn within<T>(patience: Duration, work: impl Future<Output = Result<T>>) -> Result<T, String> {
    match timeout(patience, work).await {
        Ok(done) => done.map_err(|error| with_causes(&error)),
        Err(_) => Err(format!("there was no answer within {}.", lasting(patience))),
    }
}

/// Pauses or resumes a stage, and says what came of it. What takes longer, such as the mapping's change, shows in the
/// figures.
async fn switched(app: &App, order: Order) -> Result<String> {
    match order {
        Order::Pause(stage, note) => {
            app.pause(&PauseOrder { stage, note, lasts: None, until: Until::Ordered }, &mut |_| {}).await?;
            Ok(format!("The {stage} stage is held from now on; what is in flight ends as it would. R resumes it."))
        }
        Order::Resume(stage, note) => {
            let report = app.resume(stage, note.as_ref(), Until::Ordered, &mut |_| {}).await?;
            let told = resume::told(&report);
            if report.flows { Ok(told) } else { Err(anyhow::anyhow!(told)) }
        }
    }
}
