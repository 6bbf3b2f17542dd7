//! What the tests of Pulse share.

pub mod account_stand_in;
pub mod browser;
pub mod conformance;
pub mod console_client;
pub mod deployed_stack;
pub mod emulator;
pub mod first_release;
pub mod in_memory_app;
pub mod in_memory_campaigns;
pub mod in_memory_stack;
pub mod intake;
pub mod issuer_stand_in;
pub mod made_up_inbox;
pub mod oidc_browser;
pub mod providers;
pub mod served_console;
pub mod template;
pub mod tools;
