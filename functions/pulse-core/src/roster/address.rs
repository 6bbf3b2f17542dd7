use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::{customer::EmailAddress, parse::ParseError};

/// Reads the address of a roster's row into the form that mail servers know it by: the domain in A-labels (UTS #46,
/// non-transitional, so as IDNA 2008 has it), the part before '@' as it stands.
///
/// Amazon SES takes 7-bit addresses only (SES Developer Guide, "Verified identities": Punycode for domains, nothing
/// for local parts). What a program that reads mail headers would understand, such as `Ada <ada@example.com>`, is told
/// and not taken apart: of a roster, nobody knows which of two names in it is meant.
pub(super) fn read(text: &str) -> Result<EmailAddress, ParseError> {
    let bad = |problem: &str| ParseError::new("email address", problem);
    if let Some(problem) = misshapen(text) {
        return Err(bad(problem));
    }
    let (local, domain) = text.rsplit_once('@').ok_or_else(|| bad("has no '@'"))?;
    if let Some(other) = local.chars().find(|c| !c.is_ascii()) {
        let code = u32::from(other);
        return Err(bad(&format!("has a character before '@' that mail providers don't take (U+{code:04X})")));
    }
    let rules = Uts46::new();
    let ascii = rules.to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
    let ascii = ascii.map_err(|_| bad("has no valid domain after '@'"))?;
    let top = ascii.rsplit('.').next().unwrap_or_default();
    // No top-level domain is a number (RFC 3696, 2), so that this is an IP address.
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad("has an IP address after '@' instead of a domain"));
    }
    EmailAddress::parse(&format!("{local}@{ascii}"))
}

/// What is wrong where a column holds something else than an address alone.
fn misshapen(text: &str) -> Option<&'static str> {
    let scheme = text.get(.."mailto:".len()).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    match text {
        "" => Some("is empty"),
        _ if scheme => Some("begins with 'mailto:'; give the address alone"),
        _ if text.contains(['<', '>', '(', ')']) => Some("has brackets or a name beside it; give the address alone"),
        _ if text.contains('"') => Some("has quotes before '@', which mail providers don't take"),
        _ if text.contains(char::is_whitespace) => Some("has white space in it"),
        _ if text.contains([',', ';']) || text.matches('@').count() > 1 => {
            Some("isn't one address; give one, with one '@'")
        }
        _ if text.ends_with('.') => Some("ends with a dot"),
        _ if text.contains("@[") => Some("has an IP address after '@' instead of a domain"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::roster::RosterRow;

    fn of_row(email: &str) -> Result<String, String> {
        let address = RosterRow { email, ..RosterRow::default() }.address();
        address.map(|address| address.expose().to_owned()).map_err(|problem| problem.to_string())
    }

    #[test]
    fn domains_are_kept_in_a_labels_and_in_lower_case() {
        for (given, kept) in [
            ("kontakt@bücher.example", "kontakt@xn--bcher-kva.example"),
            ("kontakt@xn--bcher-kva.example", "kontakt@xn--bcher-kva.example"),
            ("KONTAKT@BÜCHER.EXAMPLE", "KONTAKT@xn--bcher-kva.example"),
            ("info@例え.example", "info@xn--r8jz45g.example"),
            ("a@bu\u{308}cher.example", "a@xn--bcher-kva.example"),
            ("ada@mail。example", "ada@mail.example"),
            ("ada@ｍａｉｌ．example", "ada@mail.example"),
            ("ada@ma\u{ad}il.example", "ada@mail.example"),
            // IDNA 2008 keeps what IDNA 2003 made `strasse`.
            ("ada@straße.example", "ada@xn--strae-oqa.example"),
            ("ada@पोस्ट.भारत", "ada@xn--c2bv6b4dl.xn--h2brj9c"),
            ("ADA@MAIL.EXAMPLE", "ADA@mail.example"),
            ("ada@r3---sn.example", "ada@r3---sn.example"),
            ("\u{a0} ada@mail.example\t\u{3000}", "ada@mail.example"),
            ("o'neil+tag@mail.example", "o'neil+tag@mail.example"),
        ] {
            assert_eq!(of_row(given).as_deref(), Ok(kept), "{given}");
        }
    }

    #[test]
    fn an_address_that_no_provider_takes_says_why_and_never_shows_itself() {
        for (given, why) in [
            ("", "is empty"),
            ("n/a", "has no '@'"),
            ("Ada <ada@mail.example>", "beside it"),
            ("<ada@mail.example>", "brackets"),
            ("ada@mail.example (work)", "brackets"),
            ("MAILTO:ada@mail.example", "'mailto:'"),
            ("a@mail.example;b@mail.example", "isn't one address"),
            ("ada@mail,example", "isn't one address"),
            ("ada@@mail.example", "isn't one address"),
            ("ada @mail.example", "white space"),
            ("\"a b\"@mail.example", "quotes"),
            ("ada@mail.example.", "ends with a dot"),
            ("ada@mail.example。", "no valid domain"),
            ("ada@[192.0.2.1]", "an IP address"),
            ("ada@192.0.2.1", "an IP address"),
            ("ada@１９２.0.2.1", "an IP address"),
            ("jürgen@mail.example", "U+00FC"),
            ("ａda@mail.example", "U+FF41"),
            ("\u{200b}ada@mail.example", "U+200B"),
            ("ada\u{ad}@mail.example", "U+00AD"),
            ("ada@mail_1.example", "no valid domain"),
            ("ada@localhost", "no valid domain"),
            ("ada@-mail.example", "no valid domain"),
            // No label of IDNA 2008 is written so.
            ("ada@xn--a.example", "no valid domain"),
            ("ada@a\u{200d}b.example", "no valid domain"),
            ("a..b@mail.example", "before '@'"),
            (&format!("{}@mail.example", "a".repeat(65)), "before '@'"),
            (&format!("ada@{}.example", "ü".repeat(60)), "no valid domain"),
        ] {
            let told = of_row(given).unwrap_err();
            assert!(told.contains(why), "{given}: {told}");
            assert!(!told.contains("example") && !told.contains("ada"), "{told}");
        }
    }
}
