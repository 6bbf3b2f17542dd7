//! What operators see and do on a web page: a router over [`App`](pulse_app::App), whose pages and whose JSON are made of
//! the same reports that the command line prints.
//!
//! - A host gives it an application, and says by [`Access`] who may come in. `pulse console` and `pulse local` serve it on
//!   this machine alone; the console function serves it to whoever an issuer of `OpenID` Connect knows.
//! - Every page works without scripts, loads nothing from elsewhere, and no GET changes anything.
//! - A host may have [a page of its own](HostPage) among them, and a time that isn't the browser's.
//! - What everyone looks at is [read once](Shared) for all of them.

mod access;
mod assets;
mod console;
mod failure;
mod inbox;
mod layout;
mod pages;
pub mod plot;
mod shared;
mod tables;
mod wanted;

pub use access::{Access, IssuerClient, IssuerUnreachable, Loopback, Oidc, OidcSettings, Role, ServedAs};
pub use console::{Console, behind, serve};
pub use failure::Failure;
pub use inbox::{Inbox, InboxMail, InboxPage};
pub use layout::{HostPage, moment};
pub use shared::Shared;
pub use wanted::Wanted;
