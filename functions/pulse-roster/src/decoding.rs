use std::io::{BufReader, Chain, Cursor, Read};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};

use super::errors::RosterFileError;

/// A file's text: the bytes of it that were looked at, and the rest, decoded.
pub(super) type Text<R> = BufReader<DecodeReaderBytes<Chain<Cursor<Vec<u8>>, R>, Vec<u8>>>;

/// A file as UTF-8, and what it was.
///
/// What is neither marked by a byte order mark nor named by the operator is passed on as it is, and each row has to be
/// UTF-8: nothing is guessed.
pub(super) struct Decoded<R> {
    pub(super) text: Text<R>,
    pub(super) encoding: SourceEncoding,
}

/// What is wrong with a row of a file that says nothing of its encoding. What to do about it is told once for the file.
pub(super) const NOT_UTF8: &str = "isn't UTF-8";

/// What to do about a file that isn't UTF-8 and doesn't say what else.
pub(super) const NAME_THE_ENCODING: &str =
    "is the file Windows-1252, as Excel saves \"CSV\"? Then give --encoding windows-1252";

/// How a file's bytes became text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceEncoding {
    /// UTF-8, as nothing says otherwise.
    Assumed,
    /// UTF-8, by its byte order mark.
    MarkedUtf8,
    /// Decoded: by its byte order mark, or because the operator says so.
    Decoded(&'static Encoding),
}

impl<R: Read> Decoded<R> {
    /// A byte order mark says more of a file than the operator does, as it does for browsers (WHATWG, Encoding).
    pub(super) fn new(mut reader: R, named: Option<&'static Encoding>) -> Result<Self, RosterFileError> {
        let mut start = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut start)?;
        let marked = Encoding::for_bom(&start).map(|(encoding, _)| encoding);
        let encoding = match (marked, named) {
            (Some(encoding), _) if encoding == UTF_8 => SourceEncoding::MarkedUtf8,
            (Some(encoding), _) => SourceEncoding::Decoded(encoding),
            (None, Some(encoding)) if encoding != UTF_8 => SourceEncoding::Decoded(encoding),
            (None, _) => SourceEncoding::Assumed,
        };
        if encoding == SourceEncoding::Assumed {
            refuse_what_is_no_text(&start)?;
        }
        let decoder = match encoding {
            SourceEncoding::Decoded(encoding) => Some(encoding),
            _ => None,
        };
        let mut builder = DecodeReaderBytesBuilder::new();
        let builder = builder.encoding(decoder).bom_sniffing(false).strip_bom(true);
        Ok(Self { text: BufReader::new(builder.build(Cursor::new(start).chain(reader))), encoding })
    }
}

impl SourceEncoding {
    /// What is wrong with text that came of this, if anything is.
    pub(super) fn problem(self, bytes: &[u8]) -> Option<String> {
        match (self, std::str::from_utf8(bytes)) {
            // A decoder puts it where bytes mean nothing.
            (Self::Decoded(encoding), Ok(text)) if text.contains(char::REPLACEMENT_CHARACTER) => {
                Some(format!("isn't {} throughout", encoding.name()))
            }
            (_, Ok(_)) => None,
            (Self::Assumed, Err(_)) => Some(NOT_UTF8.into()),
            (_, Err(_)) => Some("isn't UTF-8, as the file says that it is".into()),
        }
    }
}

/// Files that people take for CSV, by how they begin.
fn refuse_what_is_no_text(start: &[u8]) -> Result<(), RosterFileError> {
    match start {
        [b'P', b'K', 3, 4] => Err(RosterFileError::Workbook),
        [0x1f, 0x8b, ..] => Err(RosterFileError::Compressed),
        [low, 0, next, 0] if *low != 0 && *next != 0 => Err(RosterFileError::Unmarked(UTF_16LE.name())),
        [0, high, 0, next] if *high != 0 && *next != 0 => Err(RosterFileError::Unmarked(UTF_16BE.name())),
        _ => Ok(()),
    }
}

/// The encoding of a label such as `windows-1252`, for the command line.
///
/// # Errors
/// When no encoding is called so.
pub(super) fn encoding_of_label(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(label.as_bytes())
        .ok_or_else(|| "is no encoding that the WHATWG's list has; try windows-1252, iso-8859-2 or utf-16le".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], label: Option<&str>) -> (Vec<u8>, SourceEncoding) {
        let mut decoded = Decoded::new(bytes, label.map(|label| encoding_of_label(label).unwrap())).unwrap();
        let mut text = Vec::new();
        decoded.text.read_to_end(&mut text).unwrap();
        (text, decoded.encoding)
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn a_byte_order_mark_says_what_follows_whatever_the_operator_says() {
        let text = "id,Zoë 😀";
        for label in [None, Some("windows-1252")] {
            let utf8 = format!("\u{feff}{text}");
            assert_eq!(decode(utf8.as_bytes(), label), (text.into(), SourceEncoding::MarkedUtf8));
            let le = decode(&utf16(text, u16::to_le_bytes), label);
            assert_eq!(le, (text.into(), SourceEncoding::Decoded(UTF_16LE)));
            let be = decode(&utf16(text, u16::to_be_bytes), label);
            assert_eq!(be, (text.into(), SourceEncoding::Decoded(UTF_16BE)));
        }
        assert_eq!(decode(b"\xef\xbb\xbf", None).0, b"");
        assert_eq!(decode(b"", None), (vec![], SourceEncoding::Assumed));
    }

    #[test]
    fn without_a_mark_nothing_is_decoded_unless_the_operator_says_so() {
        assert_eq!(decode(b"Zo\xeb \x80", None), (b"Zo\xeb \x80".to_vec(), SourceEncoding::Assumed));
        for label in ["windows-1252", "CP1252", "latin1"] {
            assert_eq!(decode(b"Zo\xeb \x80", Some(label)).0, "Zoë €".as_bytes(), "{label}");
        }
        assert!(encoding_of_label("windows-12").is_err());
    }

    #[test]
    fn what_cannot_be_decoded_is_told() {
        let mut cut = utf16("yes", u16::to_le_bytes);
        cut.pop();
        let (text, encoding) = decode(&cut, None);
        assert!(encoding.problem(&text).unwrap().contains("UTF-16LE"));
        assert_eq!(SourceEncoding::Assumed.problem(b"Zo\xeb").unwrap(), NOT_UTF8);
        assert!(SourceEncoding::MarkedUtf8.problem(b"Zo\xeb").unwrap().contains("as the file says that it is"));
        assert_eq!(SourceEncoding::Assumed.problem("\u{fffd}".as_bytes()), None);
    }

    #[test]
    fn files_that_are_no_text_are_refused_by_what_they_are() {
        let refused = |bytes: &[u8]| Decoded::new(bytes, None).err().unwrap().to_string();
        assert!(refused(b"PK\x03\x04rest").contains(".xlsx"));
        assert!(refused(b"\x1f\x8b\x08\x00").contains("compressed"));
        assert!(refused(b"i\0d\0,\0").contains("--encoding UTF-16LE"));
        assert!(refused(b"\0i\0d\0,").contains("--encoding UTF-16BE"));
    }
}
