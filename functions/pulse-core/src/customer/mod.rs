//! Who is on the roster.

mod address;
mod id;
mod locale;
mod money;
mod name;
mod profile;
mod tables;
mod zone;

pub use address::{Contact, EmailAddress};
pub use id::CustomerId;
pub use locale::Locale;
pub use money::{Currency, Money};
pub use name::PersonName;
pub use profile::{Customer, Product, Standing};
pub use zone::Zone;
