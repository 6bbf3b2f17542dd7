use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use maud::Markup;
use pulse_app::{
    App, CampaignError, CampaignShown, CampaignsReport, EndpointReport, EndpointsReport, ReadError, SuppressionsReport,
};
use pulse_core::{
    campaign::Campaign,
    delivery::EndpointName,
    orders::{Order, OrderId},
    ports::{Depth, LedgerError, Renderer},
    run::RunId,
    snapshot::{Point, Snapshot},
};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, sync::Mutex};
use tower::ServiceExt as _;

use crate::{
    Access, Inbox, Shared,
    access::{Visitor, oidc},
    assets,
    failure::{self, Failure},
    layout::{Frame, HostPage, Page, Place},
    pages,
    shared::SharedOf,
    wanted::Wanted,
};

/// How old may be what is read of the snapshot, half a read unit, and of the queues, a call of SQS for each of them.
const SNAPSHOT_FRESH: Duration = Duration::from_secs(20);

/// How old lists may be.
const LISTS_FRESH: Duration = Duration::from_mins(1);

/// How old may be which campaigns aren't over: a read unit each, and no older than the snapshot beside them.
const CAMPAIGNS_FRESH: Duration = Duration::from_mins(5);

/// How old an order may be: its page looks again every ten seconds.
const ORDER_FRESH: Duration = Duration::from_secs(8);

/// What plots show: some ten read units, which are taken when there is a new snapshot.
const PLOTTED: Duration = Duration::from_hours(24);

/// The console of a stack.
#[derive(Clone)]
pub struct Console {
    pub(crate) app: App,
    pub(crate) frame: Frame,
    pub(crate) read: Arc<Reads>,
    /// What writes letters, where mails can be looked at.
    pub(crate) letters: Option<Arc<dyn Renderer>>,
    pub(crate) inbox: Option<Arc<dyn Inbox>>,
    access: Access,
    host: Router<Self>,
}

/// What everyone looks at.
pub(crate) struct Reads {
    pub(crate) snapshot: Shared<Option<Arc<Snapshot>>>,
    /// With the moment of the snapshot that was the last of them.
    points: Mutex<Option<(Timestamp, Arc<Vec<Point>>)>>,
    depths: Shared<Arc<Vec<Depth>>>,
    pub(crate) suppressions: Shared<Arc<SuppressionsReport>>,
    pub(crate) endpoints: Shared<Arc<EndpointsReport>>,
    pub(crate) endpoint: SharedOf<EndpointName, Arc<EndpointReport>>,
    pub(crate) campaigns: Shared<Arc<CampaignsReport>>,
    pub(crate) live_campaigns: Shared<Arc<Vec<Campaign>>>,
    pub(crate) campaign: SharedOf<RunId, Arc<CampaignShown>>,
    pub(crate) orders: SharedOf<OrderId, Option<Arc<Order>>>,
    /// Held by whoever has all profiles read.
    pub(crate) searches: Mutex<()>,
}

impl Console {
    /// The console over an application. `stack` is what people call it.
    #[must_use]
    pub fn new(app: App, stack: &str, access: Access) -> Self {
        let read = Reads {
            snapshot: Shared::fresh_for(SNAPSHOT_FRESH),
            points: Mutex::default(),
            depths: Shared::fresh_for(SNAPSHOT_FRESH),
            suppressions: Shared::fresh_for(LISTS_FRESH),
            endpoints: Shared::fresh_for(LISTS_FRESH),
            endpoint: SharedOf::fresh_for(LISTS_FRESH),
            campaigns: Shared::fresh_for(LISTS_FRESH),
            live_campaigns: Shared::fresh_for(CAMPAIGNS_FRESH),
            campaign: SharedOf::fresh_for(LISTS_FRESH),
            orders: SharedOf::fresh_for(ORDER_FRESH),
            searches: Mutex::default(),
        };
        let frame = Frame {
            stack: stack.into(),
            actor: app.actor.clone(),
            role: None,
            has_inbox: false,
            host: None,
            time: None,
        };
        Self { app, frame, read: Arc::new(read), letters: None, inbox: None, access, host: Router::new() }
    }

    /// With customers' mails to look at, as these letters have them.
    #[must_use]
    pub fn with_letters(self, letters: Arc<dyn Renderer>) -> Self {
        Self { letters: Some(letters), ..self }
    }

    /// With the mails to look at that a stand-in took.
    #[must_use]
    pub fn with_inbox(self, inbox: Arc<dyn Inbox>) -> Self {
        let frame = Frame { has_inbox: true, ..self.frame };
        Self { inbox: Some(inbox), frame, ..self }
    }

    /// The same with a page of its host's own, that all others link to, and with what answers there.
    #[must_use]
    pub fn with_page(mut self, page: HostPage, routes: Router<Self>) -> Self {
        self.frame.host = Some(page);
        self.host = routes;
        self
    }

    /// The same over a world whose time isn't the browser's: `pace` says how many of its seconds pass in one of those.
    #[must_use]
    pub fn with_pace(mut self, pace: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        let clock = Arc::clone(&self.app.ports.sleeper);
        self.frame.time = Some(Arc::new(move || (clock.now(), pace())));
        self
    }

    /// The host's own page, which looks again after so many seconds.
    #[must_use]
    pub fn host_page(&self, every: u32, main: Markup) -> Markup {
        let title = self.frame.host.map_or("Pulse", |page| page.name).to_owned();
        self.frame.page(&Page { title, place: Place::Host, every: Some(every), main })
    }

    /// All pages, with who may see them.
    pub fn router(self) -> Router {
        let pages = self.routes().layer(from_fn(whole));
        let answered = move |request: Request| answered(self.clone(), pages.clone(), request);
        Router::new().fallback(answered).layer(from_fn(guarded))
    }

    /// All pages, whoever may see them: for a host that has them [behind](behind) something.
    pub fn pages(self) -> Router {
        self.routes().with_state(self)
    }

    fn routes(&self) -> Router<Self> {
        pages::router()
            .merge(assets::router())
            .merge(self.host.clone())
            .fallback(async || Failure::unknown("There is no such page: the overview leads to all that there are."))
            .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
            .layer(from_fn(conditional))
    }

    /// The same, as someone has it who came in by name.
    fn of(&self, visitor: Visitor) -> Self {
        let Access::Oidc(oidc) = &self.access else { return self.clone() };
        let app = oidc.app(&self.app, &visitor);
        let frame = Frame { actor: visitor.actor, role: Some(visitor.role), ..self.frame.clone() };
        Self { app, frame, ..self.clone() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.app.clock().now()
    }

    /// Where everything stood a moment ago.
    pub(crate) async fn snapshot(&self) -> Result<Option<Arc<Snapshot>>, LedgerError> {
        let read = async { Ok(self.app.snapshot().await?.map(Arc::new)) };
        self.read.snapshot.get(self.now(), read).await
    }

    /// The campaigns that weren't over some minutes ago.
    pub(crate) async fn live_campaigns(&self) -> Result<Arc<Vec<Campaign>>, CampaignError> {
        self.read.live_campaigns.get(self.now(), async { Ok(self.app.live_campaigns().await?.into()) }).await
    }

    /// What plots are drawn of, up to a snapshot.
    pub(crate) async fn points(&self, snapshot: &Snapshot) -> Result<Arc<Vec<Point>>, LedgerError> {
        let mut known = self.read.points.lock().await;
        if let Some((until, points)) = &*known
            && *until == snapshot.at
        {
            return Ok(points.clone());
        }
        let from = self.now().saturating_sub(PLOTTED).unwrap_or(Timestamp::MIN);
        let points = Arc::new(self.app.points(from).await?);
        *known = Some((snapshot.at, points.clone()));
        Ok(points)
    }

    /// How full the queues were a moment ago.
    pub(crate) async fn depths(&self) -> Result<Arc<Vec<Depth>>, ReadError> {
        self.read.depths.get(self.now(), async { Ok(self.app.depths().await?.into()) }).await
    }
}

impl Console {
    /// Has everyone see within a minute what was done. If that can't be asked for, they do within five.
    pub(crate) async fn want_snapshot(&self) {
        if let Err(error) = self.app.want_snapshot().await {
            tracing::info!(%error, "the next snapshot is waited for");
        }
        self.read.snapshot.forget().await;
    }
}

/// Pages for those who may see them, and nobody else.
pub fn behind(access: Access, pages: Router) -> Router {
    let pages = pages.layer(from_fn(whole));
    let entered = move |request: Request| entered(access.clone(), pages.clone(), request);
    Router::new().fallback(entered).layer(from_fn(guarded))
}

async fn entered(access: Access, pages: Router, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(refused) = access.enter(&parts).await {
        return refused;
    }
    let Ok(response) = pages.oneshot(Request::from_parts(parts, body)).await;
    response
}

/// Serves a console until `ends`.
///
/// # Errors
/// When connections can't be taken.
pub async fn serve(
    listener: TcpListener,
    console: Console,
    ends: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, console.router()).with_graceful_shutdown(ends).await
}

/// The pages as whoever asks may have them, or why they may not.
async fn answered(console: Console, pages: Router<Console>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visitor = match console.access.enter(&parts).await {
        Ok(visitor) => visitor,
        Err(refused) => return refused,
    };
    let console = match visitor {
        Some(visitor) => console.of(visitor),
        None => console,
    };
    let is_by_name = matches!(console.access, Access::Oidc(_));
    let Ok(mut response) = pages.with_state(console).oneshot(Request::from_parts(parts, body)).await;
    if is_by_name {
        oidc::secure(&mut response);
    }
    response
}

/// What browsers are told with every answer: to load and run nothing but what the console itself has.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    // With `no-referrer`, a browser calls a form's origin `null` (Fetch Standard, "Origin header"), as a stranger's would be.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("vary", "Accept, Cookie"),
];

async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    // What is shown may be personal, and isn't to stay on a disk.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Ends what was begun, although whoever asked for it has gone: an action is done as a whole and leaves its row, and letters
/// that were looked at are put back.
async fn whole(request: Request, next: Next) -> Response {
    // What only reads, and reads much, ends with whoever asked for it.
    if request.method() != Method::POST || request.uri().path() == "/search/customers" {
        return next.run(request).await;
    }
    let done = tokio::spawn(next.run(request)).await;
    done.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Answers who has the same already that nothing has changed: pages look again every few seconds.
async fn conditional(headers: HeaderMap, wanted: Wanted, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        let response = failure::in_words(response);
        return if wanted == Wanted::Json { failure::in_json(response) } else { response };
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..18]));
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        return (parts, ()).into_response();
    }
    Response::from_parts(parts, body.into())
}

/// The console, as handlers have it.
pub(crate) type Of = State<Console>;
