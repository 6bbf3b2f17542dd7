//! The application over a deployed stack: the ports on AWS, and what the stack's functions go by, as one
//! [`App`](pulse_app::App). The command line makes it with an operator's credentials, and the deployed console with those of
//! its roles.

mod app;

pub use app::{app, endpoint_keys, rules};
