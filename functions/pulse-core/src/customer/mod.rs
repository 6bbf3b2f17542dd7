//! Who is on the roster.

mod address;
mod consent;
mod id;
mod locale;
mod money;
mod name;
mod profile;
mod tables;
mod tombstone;
mod zone;

pub use address::{Contact, EmailAddress};
pub use consent::{Consent, ConsentEffect, ConsentRecord, ConsentSource, OptOutMark};
pub use id::CustomerId;
pub use locale::Locale;
pub use money::{Currency, Money};
pub use name::PersonName;
pub use profile::{Customer, PartnerMark, PartnerName, Product, ProfileMark, Standing, Told};
pub use tombstone::Tombstone;
pub use zone::Zone;
