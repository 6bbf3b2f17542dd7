use clap::Args;
use encoding_rs::Encoding;
use pulse_core::roster::COLUMNS;

use super::{decoding::encoding_of_label, header::key};

/// How a roster file is written, where it doesn't say so itself.
#[derive(Debug, Clone, Default, Args)]
pub struct RosterFormat {
    /// The file's encoding, such as windows-1252. A byte order mark in the file says more [default: utf-8].
    #[arg(long, value_name = "NAME", value_parser = encoding_of_label)]
    pub(super) encoding: Option<&'static Encoding>,

    /// What parts the columns: one character, or `tab` [default: comma, semicolon, tab or bar, whichever parts the first
    /// line into a roster's columns].
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub(super) delimiter: Option<u8>,

    /// Take a column that the file names otherwise for one of a roster's, such as `--map "E-mail=email"`. May be given for
    /// each column.
    #[arg(long = "map", value_name = "THEIRS=OURS", value_parser = Mapping::parse)]
    pub(super) mappings: Vec<Mapping>,
}

/// A column of the file that is one of ours under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) theirs: String,
    pub(super) ours: &'static str,
}

impl Mapping {
    fn parse(text: &str) -> Result<Self, String> {
        // Their name may have a '=' in it, ours hasn't.
        let (theirs, ours) = text.rsplit_once('=').ok_or("must be THEIRS=OURS, such as \"E-mail=email\"")?;
        if key(theirs).is_empty() {
            return Err("has no name before '='".into());
        }
        let ours = COLUMNS.into_iter().find(|column| key(column) == key(ours));
        let ours =
            ours.ok_or_else(|| format!("has no column of a roster after '='; those are {}", COLUMNS.join(", ")))?;
        Ok(Self { theirs: theirs.trim().to_owned(), ours })
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match (text.to_ascii_lowercase().as_str(), text.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        ("comma", _) => Ok(b','),
        ("semicolon", _) => Ok(b';'),
        ("bar" | "pipe", _) => Ok(b'|'),
        (_, &[byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Ok(byte),
        _ => Err("must be one character of ASCII other than a quote, or tab".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_goes_to_one_of_our_columns() {
        let mapping = Mapping::parse(" E-mail = Email ").unwrap();
        assert_eq!(mapping, Mapping { theirs: "E-mail".into(), ours: "email" });
        assert_eq!(Mapping::parse("a=b=Time Zone").unwrap(), Mapping { theirs: "a=b".into(), ours: "time_zone" });
        assert!(Mapping::parse("E-mail=mail").unwrap_err().contains("signed_up_at"));
        assert!(Mapping::parse("E-mail").is_err() && Mapping::parse(" =email").is_err());
    }

    #[test]
    fn a_delimiter_is_a_character_or_its_name() {
        for (text, byte) in
            [(";", b';'), ("tab", b'\t'), ("\\t", b'\t'), ("\t", b'\t'), ("|", b'|'), ("Semicolon", b';')]
        {
            assert_eq!(delimiter(text), Ok(byte), "{text}");
        }
        for bad in ["", ";;", "\"", "\n", "ß"] {
            assert!(delimiter(bad).is_err(), "{bad}");
        }
    }
}
