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
/// Of several `Authentication-Results` the topmost is the receiver's own, and so are others of the same name: some write
/// one for each method. Those of another name may have come with the mail (RFC 8601, section 5).
///
/// # Errors
/// When it has no From.
pub fn received(mail: &[u8]) -> Result<Vec<Finding>, UnreadableMail> {
    let (headers, _) = mailparse::parse_headers(mail).map_err(|_| UnreadableMail)?;
    let from = domain_of(&headers.get_first_value("From").ok_or(UnreadableMail)?);
    let results: Vec<_> = headers.get_all_values("Authentication-Results").iter().map(|all| receivers(all)).collect();
    let own = results.first().map(|(receiver, _)| receiver.clone());
    let own = results.into_iter().filter(|(receiver, _)| Some(receiver) == own.as_ref());
    let results: Vec<_> = own.flat_map(|(_, results)| results).collect();
    let mut found = Vec::new();
    for method in [Method::Spf, Method::Dkim, Method::Dmarc] {
        found.push(Finding::Authentication { method, result: result_of(method, &results, &from) });
    }
    let [links, posts] = UNSUBSCRIBE.map(|name| headers.get_all_values(name));
    found.push(Finding::UnsubscribeHeaders {
        present: !(links.is_empty() && posts.is_empty()),
        one_click: is_one_click(&links, &posts),
        signed: are_signed(&headers, &from),
    });
    Ok(found)
}

/// Whether they are as RFC 8058, 3.1, wants them: one header each, of which the first has an https URI, and maybe others.
fn is_one_click(links: &[String], posts: &[String]) -> bool {
    let ([links], [post]) = (links, posts) else { return false };
    let uris = links.split('<').skip(1).filter_map(|uri| uri.split_once('>'));
    let is_https = |uri: &str| uri.trim().to_ascii_lowercase().starts_with("https://");
    post.trim() == "List-Unsubscribe=One-Click" && uris.into_iter().any(|(uri, _)| is_https(uri))
}

/// The receiver's name, and what it says of each method.
fn receivers(results: &str) -> (String, Vec<String>) {
    let results = without_comments(results).to_lowercase();
    let mut parts = results.split(';').map(|part| part.trim().to_owned());
    (parts.next().unwrap_or_default(), parts.collect())
}

/// The word of a method. A mail may have several signatures: one of the From's own domain that passes is enough, and that
/// of another, such as Amazon's, says nothing of the sender.
fn result_of(method: Method, results: &[String], from: &str) -> Option<String> {
    let name = match method {
        Method::Spf => "spf",
        Method::Dkim => "dkim",
        Method::Dmarc => "dmarc",
    };
    let said = results.iter().filter_map(|part| part.split_once('=')).filter(|(what, _)| what.trim() == name);
    let words: Vec<(String, bool)> = said
        .filter_map(|(_, said)| {
            let mut words = said.split_whitespace();
            let word = words.next()?.to_owned();
            let signers = words.filter_map(|word| word.split_once('=')).filter(|(of, _)| of.starts_with("header."));
            let mut signers = signers.filter(|(of, _)| matches!(*of, "header.d" | "header.i")).peekable();
            let is_senders = method != Method::Dkim
                || signers.peek().is_none()
                || signers.any(|(_, signer)| is_within(from, signer.rsplit('@').next().unwrap_or_default()));
            Some((word, is_senders))
        })
        .collect();
    let is_pass = |(word, is_senders): &&(String, bool)| word == "pass" && *is_senders;
    let passed = words.iter().find(is_pass).or_else(|| words.iter().find(|(_, is_senders)| *is_senders));
    passed.map(|(word, _)| word.clone()).or_else(|| words.first().map(|(word, _)| format!("{word}, of another domain")))
}

/// The domain of a From, in lower case.
fn domain_of(from: &str) -> String {
    let address = from.rsplit_once('<').map_or(from, |(_, address)| address).trim_end_matches(['>', ' ']);
    address.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase()
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
    headers.get_all_values("DKIM-Signature").iter().any(|signature| {
        let tag = |name: &str| {
            let tags = signature.split(';').filter_map(|tag| tag.split_once('='));
            let value = tags.filter(|(tag, _)| tag.trim() == name).map(|(_, value)| value).next();
            value.unwrap_or_default().split_whitespace().collect::<String>().to_lowercase()
        };
        let covered = tag("h");
        let covered: Vec<_> = covered.split(':').collect();
        is_within(from, &tag("d")) && UNSUBSCRIBE.iter().all(|name| covered.contains(name))
    })
}

fn is_within(one: &str, other: &str) -> bool {
    let below = |lower: &str, upper: &str| lower.strip_suffix(upper).is_some_and(|rest| rest.ends_with('.'));
    !other.is_empty() && (one == other || below(one, other) || below(other, one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

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
        assert_eq!(unsubscribe, Finding::UnsubscribeHeaders { present: true, one_click: true, signed: true });
    }

    #[test]
    fn a_receiver_that_writes_a_header_for_each_method_is_heard_whole() {
        let one = |said: &str| format!("Authentication-Results: mx.corp.example; {said}\r\n");
        let mail = [one("spf=pass"), one("dkim=fail header.d=example.com"), one("dmarc=fail")].concat();
        let (words, _) = words(&(mail + "From: pulse@example.com\r\n\r\n"));
        assert_eq!(words, ["pass", "fail", "fail"].map(|word| Some(word.to_owned())));
    }

    #[test]
    fn a_signature_of_another_domain_says_nothing_of_the_sender() {
        let dkim = |said: &str| {
            let mail = format!("Authentication-Results: mx; {said}; spf=pass\r\nFrom: pulse@example.com\r\n\r\n");
            words(&mail).0[1].clone().unwrap()
        };
        assert_eq!(dkim("dkim=pass header.i=@amazonses.com"), "pass, of another domain");
        assert_eq!(dkim("dkim=fail header.d=example.com; dkim=pass header.i=@amazonses.com"), "fail");
        assert_eq!(dkim("dkim=pass header.d=mail.example.com"), "pass");
    }

    #[test]
    fn what_fails_or_is_not_said_is_told() {
        let (failed, _) = words(&ARRIVED.replace("dmarc=pass", "dmarc=fail").replace("spf=pass", "spf=softfail"));
        assert_eq!(failed, [Some("softfail".to_owned()), Some("pass".to_owned()), Some("fail".to_owned())]);
        let (silent, unsubscribe) = words("From: a@example.com\r\n\r\n");
        assert_eq!(silent, [None, None, None]);
        assert_eq!(unsubscribe, Finding::UnsubscribeHeaders { present: false, one_click: false, signed: false });
        assert_eq!(received(b"Subject: none\r\n\r\n"), Err(UnreadableMail));
    }

    #[test]
    fn a_signature_counts_if_it_is_the_senders_and_covers_both_headers() {
        let of_another = ARRIVED.replace("d=example.com", "d=notexample.com");
        let of_one = ARRIVED.replace("List-Unsubscribe:\r\n\t List-Unsubscribe-Post; b=x", "List-Unsubscribe; b=x");
        for mail in [of_another, of_one] {
            assert_eq!(words(&mail).1, Finding::UnsubscribeHeaders { present: true, one_click: true, signed: false });
        }
        let of_the_domain_above = ARRIVED.replace("pulse@example.com", "pulse@mail.example.com");
        assert_eq!(
            words(&of_the_domain_above).1,
            Finding::UnsubscribeHeaders { present: true, one_click: true, signed: true }
        );
    }

    #[test]
    fn headers_that_no_receiver_heeds_are_told_from_none() {
        let post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
        let link = "List-Unsubscribe: <https://example.com/u/x>\r\n";
        let both_ways = ARRIVED.replace("<https", "<mailto:stop@example.com>,\r\n\t<https");
        assert_eq!(words(&both_ways).1, Finding::UnsubscribeHeaders { present: true, one_click: true, signed: true });
        for mail in [
            ARRIVED.replace(post, ""),
            ARRIVED.replace(link, ""),
            ARRIVED.replace("<https", "<http"),
            ARRIVED.replace("<https://example.com/u/x>", "https://example.com/u/x"),
            ARRIVED.replace("=One-Click", "=one"),
            ARRIVED.replace(link, &link.repeat(2)),
            ARRIVED.replace(post, &post.repeat(2)),
        ] {
            let found = words(&mail).1;
            assert_eq!(found, Finding::UnsubscribeHeaders { present: true, one_click: false, signed: true }, "{mail}");
            assert_eq!(found.level(), Level::Trouble);
        }
    }
}
