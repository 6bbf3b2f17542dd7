//! What every HTTP provider shares: one client, and answers that are read with care.

use std::time::Duration;

use pulse_core::{failure::Cause, trace::TraceHeader};
use reqwest::{
    RequestBuilder, Response, StatusCode, Url,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
    redirect,
};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;

use crate::{SetupError, connections::Pooled, system_trust};

/// Longer than a busy provider takes to accept a connection, short beside any call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest body that is read. No answer that Pulse understands comes near it.
const LONGEST_BODY: usize = 64 * 1024;

/// A client whose calls end after `timeout`, and whose connections are not used again once they have been idle for
/// `idle`, or an invocation has ended. Redirects are not followed: they would carry credentials elsewhere.
pub(super) fn client(timeout: Duration, idle: Duration) -> Result<Pooled<reqwest::Client>, SetupError> {
    let tls = system_trust()?;
    let first = build(timeout, idle, &tls)?;
    Ok(Pooled::new(first, move || build(timeout, idle, &tls).ok()))
}

fn build(timeout: Duration, idle: Duration, tls: &ClientConfig) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("pulse/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .pool_idle_timeout(idle)
        .build()
}

/// Reads the address of a provider's API, `what` of the configuration.
pub(super) fn url(what: &'static str, text: &str) -> Result<Url, SetupError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(SetupError::Url { what }),
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The request never left: there was no connection.
    NotSent,
    /// The request may have arrived, and the time was up.
    TimedOut,
    /// The request may have arrived, and the connection broke.
    Broken,
}

impl NoAnswer {
    /// The end of a sentence that starts with the provider's name.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::NotSent => "can't be reached",
            Self::TimedOut => "didn't answer in time",
            Self::Broken => "hung up without an answer",
        }
    }
}

/// A provider's answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Result<Vec<u8>, NoBody>,
}

/// Why an answer's body isn't known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBody {
    /// It is longer than any that Pulse understands.
    TooLong,
    /// The connection was lost in it.
    BrokeOff,
}

impl Answer {
    /// Whether the status says that the provider is busy, broken or slow, and may soon not be.
    pub(super) fn is_passing_trouble(&self) -> bool {
        let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
        self.status.is_server_error() || passing.contains(&self.status)
    }

    /// Whether the provider refuses Pulse as a whole. That is the operator's to mend, and no
    /// customer's fault, so it never counts as a customer's failure.
    pub(super) fn is_refused_caller(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// The body as JSON of this shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body.as_deref().ok()?).ok()
    }

    /// A sentence that says what `provider` answered, and `hint`. Bodies are never quoted: they may
    /// hold personal data.
    pub(super) fn cause(&self, provider: &str, hint: &str) -> Cause {
        Cause::new(format!("{provider} answered {}{hint}", self.status))
    }
}

/// A request that says what it is traced by (AWS X-Ray Developer Guide, "Tracing header").
pub(super) fn traced(request: RequestBuilder, trace: Option<&TraceHeader>) -> RequestBuilder {
    match trace {
        Some(trace) => request.header("X-Amzn-Trace-Id", trace.as_str()),
        None => request,
    }
}

/// Makes a call and reads the answer.
pub(super) async fn call(request: RequestBuilder) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| classify(&error))?;
    let body = read_body(&mut response).await;
    Ok(Answer { status: response.status(), retry_after: retry_after(response.headers()), body })
}

fn classify(error: &reqwest::Error) -> NoAnswer {
    if error.is_connect() || error.is_builder() {
        NoAnswer::NotSent
    } else if error.is_timeout() {
        NoAnswer::TimedOut
    } else {
        NoAnswer::Broken
    }
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, NoBody> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| NoBody::BrokeOff)? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return Err(NoBody::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Retry-After, in seconds or as a date (RFC 9110, 10.2.3). A date is read against the answer's own
/// Date, so that it means the same whatever this machine's clock shows.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let dates = jiff::fmt::rfc2822::DateTimeParser::new();
    let until = dates.parse_timestamp(text).ok()?;
    let answered = dates.parse_timestamp(header(headers, &DATE)?).ok()?;
    Some(Duration::try_from(until.duration_since(answered)).unwrap_or_default())
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(HeaderName, &str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        retry_after(&headers.collect())
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let answered = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        let seconds = Duration::from_mins(2);
        assert_eq!(read(&[(RETRY_AFTER, "120")]), Some(seconds));
        let date = (RETRY_AFTER, "Sun, 06 Nov 1994 08:51:37 GMT");
        assert_eq!(read(&[date.clone(), answered.clone()]), Some(seconds));
        assert_eq!(read(&[date]), None, "a date says nothing without the answer's own");
        let past = (RETRY_AFTER, "Sun, 06 Nov 1994 08:00:00 GMT");
        assert_eq!(read(&[past, answered]), Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_that_is_neither_is_none() {
        for bad in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(read(&[(RETRY_AFTER, bad)]), None, "{bad}");
        }
    }

    #[test]
    fn only_web_addresses_are_taken() {
        assert!(url("scoring URL", "https://score.example/v1/scores").is_ok());
        for bad in ["", "score.example", "file:///etc/passwd", "ftp://score.example"] {
            assert!(url("scoring URL", bad).is_err(), "{bad}");
        }
    }
}
