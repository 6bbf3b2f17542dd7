use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// What the customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// A loan.
    Loan,
    /// A credit card.
    Card,
}

impl Product {
    /// Reads `loan` or `card`.
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text {
            "loan" => Ok(Self::Loan),
            "card" => Ok(Self::Card),
            _ => Err(ParseError::new("product", "is neither 'loan' nor 'card'")),
        }
    }

    /// The word that [`Product::parse`] reads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loan => "loan",
            Self::Card => "card",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
