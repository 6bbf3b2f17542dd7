//! What the receiver of a mail says of its sender.

use mailparse::{MailHeader, MailHeaderMap as _};

use super::{Finding, Method};

/// A file that is no mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has no From header: save the mail as its provider shows it with all headers (\"show original\")")]
pub struct UnreadableMail;

const UNSUBSCRIBE: [&str; 2] = ["list-unsubscribe", "list-unsubscribe-post"];

/// Reads a mail as it arrived, with all its headers.
///
/// Of several `Authentication-Results` the topmost is the receiver's own; those below may have come with the mail (RFC
/// 8601, section 5).
///
/// # Errors
/// When it has no From.
pub fn received(mail: &[u8]) -> Result<Vec<Finding>, UnreadableMail> {
    let (headers, _) = mailparse::parse_headers(mail).map_err(|_| UnreadableMail)?;
    let from = headers.get_first_value("From").ok_or(UnreadableMail)?;
    let results = headers.get_first_value("Authentication-Results").unwrap_or_default();
    let mut found = Vec::new();
    for method in [Method::Spf, Method::Dkim, Method::Dmarc] {
        found.push(Finding::Authentication { method, result: result_of(method, &results) });
    }
    let present = UNSUBSCRIBE.iter().all(|name| headers.get_first_header(name).is_some());
    found.push(Finding::UnsubscribeHeaders { present, signed: are_signed(&headers, &from) });
    Ok(found)
}

/// The word of a method. A mail may have several signatures: one that passes is enough.
fn result_of(method: Method, results: &str) -> Option<String> {
    let name = match method {
        Method::Spf => "spf",
        Method::Dkim => "dkim",
        Method::Dmarc => "dmarc",
    };
    let results = without_comments(results).to_lowercase();
    let words: Vec<_> = results
        .split(';')
        .filter_map(|part| part.trim().split_once('='))
        .filter(|(what, _)| what.trim() == name)
        .filter_map(|(_, said)| said.split_whitespace().next().map(str::to_owned))
        .collect();
    let passed = words.iter().find(|word| *word == "pass").cloned();
    passed.or_else(|| words.into_iter().next())
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|letter| {
            let was_inside = depth > 0;
            match letter {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            !was_inside && depth == 0
        })
        .collect()
}

/// Whether a signature of the From's domain, or of one above or below it, covers both headers.
fn are_signed(headers: &[MailHeader<'_>], from: &str) -> bool {
    let address = from.rsplit_once('<').map_or(from, |(_, address)| address).trim_end_matches(['>', ' ']);
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
    headers.get_all_values("DKIM-Signature").iter().any(|signature| {
        let tag = |name: &str| {
            let tags = signature.split(';').filter_map(|tag| tag.split_once('='));
            let value = tags.filter(|(tag, _)| tag.trim() == name).map(|(_, value)| value).next();
            value.unwrap_or_default().split_whitespace().collect::<String>().to_lowercase()
        };
        let covered = tag("h");
        let covered: Vec<_> = covered.split(':').collect();
        is_within(&domain, &tag("d")) && UNSUBSCRIBE.iter().all(|name| covered.contains(name))
    })
}

fn is_within(one: &str, other: &str) -> bool {
    let below = |lower: &str, upper: &str| lower.strip_suffix(upper).is_some_and(|rest| rest.ends_with('.'));
    !other.is_empty() && (one == other || below(one, other) || below(other, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Gmail shows an SES mail: two signatures, the sender's and Amazon's.
    const ARRIVED: &str = "Delivered-To: operator@example.net\r\n\
        Authentication-Results: mx.example.net;\r\n       \
        dkim=fail (bad) header.i=@amazonses.com header.s=a;\r\n       \
        dkim=pass header.i=@example.com header.s=b header.b=x;\r\n       \
        spf=pass (mx.example.net: domain of 01@mail.example.com designates (x; spf=fail) 1.2.3.4) smtp.mailfrom=01@mail.example.com;\r\n       \
        dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com\r\n\
        Authentication-Results: forged.example; dmarc=fail\r\n\
        DKIM-Signature: v=1; a=rsa-sha256; d=amazonses.com; h=From:To:List-Unsubscribe:List-Unsubscribe-Post; b=x\r\n\
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.com;\r\n\th=From:To:Subject:List-Unsubscribe:\r\n\t List-Unsubscribe-Post; b=x\r\n\
        From: \"Pulse, Inc.\" <pulse@example.com>\r\n\
        List-Unsubscribe: <https://example.com/u/x>\r\n\
        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello";

    fn words(mail: &str) -> (Vec<Option<String>>, Finding) {
        let mut found = received(mail.as_bytes()).unwrap();
        let last = found.pop().unwrap();
        let words = found.into_iter().map(|finding| match finding {
            Finding::Authentication { result, .. } => result,
            other => panic!("{other:?}"),
        });
        (words.collect(), last)
    }

    #[test]
    fn the_receivers_own_word_is_read_past_comments_folds_and_forgeries() {
        let (words, unsubscribe) = words(ARRIVED);
        assert_eq!(words, vec![Some("pass".to_owned()); 3]);
        assert_eq!(unsubscribe, Finding::UnsubscribeHeaders { present: true, signed: true });
    }

    #[test]
    fn what_fails_or_is_not_said_is_told() {
        let (failed, _) = words(&ARRIVED.replace("dmarc=pass", "dmarc=fail").replace("spf=pass", "spf=softfail"));
        assert_eq!(failed, [Some("softfail".to_owned()), Some("pass".to_owned()), Some("fail".to_owned())]);
        let (silent, unsubscribe) = words("From: a@example.com\r\n\r\n");
        assert_eq!(silent, [None, None, None]);
        assert_eq!(unsubscribe, Finding::UnsubscribeHeaders { present: false, signed: false });
        assert_eq!(received(b"Subject: none\r\n\r\n"), Err(UnreadableMail));
    }

    #[test]
    fn a_signature_counts_if_it_is_the_senders_and_covers_both_headers() {
        let of_another = ARRIVED.replace("d=example.com", "d=notexample.com");
        let of_one = ARRIVED.replace("List-Unsubscribe:\r\n\t List-Unsubscribe-Post; b=x", "List-Unsubscribe; b=x");
        for mail in [of_another, of_one] {
            assert_eq!(words(&mail).1, Finding::UnsubscribeHeaders { present: true, signed: false });
        }
        let of_the_domain_above = ARRIVED.replace("pulse@example.com", "pulse@mail.example.com");
        assert_eq!(words(&of_the_domain_above).1, Finding::UnsubscribeHeaders { present: true, signed: true });
    }
}
