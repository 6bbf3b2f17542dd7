//! Who may come in.

mod loopback;
pub(crate) mod oidc;

use std::{io, sync::Arc};

use axum::{
    Json,
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use pulse_core::control::Actor;
use rand::{TryRng as _, rngs::SysRng};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::{layout, wanted::Wanted};

pub use loopback::Loopback;
pub use oidc::{IssuerClient, IssuerUnreachable, Oidc, OidcSettings, Role, ServedAs};

/// Who may come in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Whoever has the link that was printed on this machine.
    Loopback(Arc<Loopback>),
    /// Whoever an issuer of `OpenID` Connect knows, and has in one of two groups.
    Oidc(Arc<Oidc>),
}

/// Someone who came in by name.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) actor: Actor,
    pub(crate) role: Role,
}

impl Access {
    /// Lets in who may come in, and refuses everybody else before anything is read. Nobody is named where the console is
    /// one person's anyway.
    pub(crate) async fn enter(&self, request: &Parts) -> Result<Option<Visitor>, Response> {
        match self {
            Self::Loopback(loopback) => loopback.refusal(request).map_or(Ok(None), Err),
            Self::Oidc(oidc) => oidc.enter(request).await,
        }
    }
}

fn only_looks(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// The name under which the console is asked for, as whoever asks has it.
fn host(request: &Parts) -> Option<&str> {
    let named = request.headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    named.or_else(|| request.uri.authority().map(axum::http::uri::Authority::as_str))
}

/// Whether a page of the console itself asks, by what the browser says (Fetch Metadata, W3C: `Sec-Fetch-Site`): an old one
/// says only from where.
fn is_from_own_page(headers: &HeaderMap, is_own: impl Fn(&str) -> bool) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let origin = text("origin");
    match text("sec-fetch-site") {
        Some(site) => site == "same-origin" && origin.is_none_or(is_own),
        None => origin.is_some_and(is_own),
    }
}

/// The values of the cookies of a name, of which a browser may send several.
fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(named, _)| *named == name).map(|(_, value)| value)
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], io::Error> {
    let mut bytes = [0; BYTES];
    SysRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// 256 random bits.
fn secret() -> Result<String, io::Error> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?))
}

fn asked_from_elsewhere(request: &Parts) -> Response {
    let words = "Only a page of the console itself may change something.";
    refuse(request, StatusCode::FORBIDDEN, "Asked from elsewhere", words)
}

/// Refuses, as a page or in JSON.
fn refuse(request: &Parts, status: StatusCode, heading: &str, words: &str) -> Response {
    match Wanted::of(request) {
        Wanted::Page | Wanted::Csv => layout::refused(status, heading, words),
        Wanted::Json => (status, Json(json!({ "error": words }))).into_response(),
    }
}
