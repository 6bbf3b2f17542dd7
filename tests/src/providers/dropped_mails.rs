use pulse_core::{
    entry::EntryId,
    ports::{DroppedCursor, DroppedMails, DroppedPage, Mailer},
};

use super::samples::{PERSONAL, mail};

/// A provider's list of dropped mails, and hands on the provider.
pub struct DroppedMailsBench<'a> {
    /// The list.
    pub list: &'a dyn DroppedMails,
    /// Hands mails over.
    pub mailer: &'a dyn Mailer,
    /// Makes the provider drop a mail that it has accepted.
    pub drop: &'a dyn Fn(&EntryId),
}

/// Holds a list of dropped mails to what the port promises.
///
/// # Panics
/// When it doesn't keep it.
pub async fn dropped_mails_conformance(bench: DroppedMailsBench<'_>) {
    let none = read(&bench, None).await;
    assert!(none.mails.is_empty() && none.is_last, "{none:?}");

    let entries = drop_all(&bench, 0..3).await;
    let first = read(&bench, none.next.as_ref()).await;
    assert_eq!(named(&first), entries, "the oldest first");
    assert!(first.is_last);
    shows_nothing_personal(&first);

    let nothing_new = read(&bench, first.next.as_ref()).await;
    assert!(nothing_new.mails.is_empty() && nothing_new.is_last, "{nothing_new:?}");
    let later = drop_all(&bench, 3..4).await;
    assert_eq!(named(&read(&bench, nothing_new.next.as_ref()).await), later, "what came since");

    let many = drop_all(&bench, 4..134).await;
    let (mut found, mut next, mut parts) = (Vec::new(), None, 0);
    loop {
        let page = read(&bench, next.as_ref()).await;
        found.extend(named(&page));
        parts += 1;
        next = page.next;
        if page.is_last {
            break;
        }
    }
    assert_eq!(found, [entries, later, many].concat(), "all of them, once");
    assert!(parts > 1, "a long list comes in parts");
}

async fn drop_all(bench: &DroppedMailsBench<'_>, numbers: std::ops::Range<usize>) -> Vec<EntryId> {
    let mut entries = Vec::new();
    for number in numbers {
        let mail = mail(number);
        bench.mailer.send(&mail).await.expect("accepted");
        (bench.drop)(&mail.entry);
        entries.push(mail.entry);
    }
    entries
}

async fn read(bench: &DroppedMailsBench<'_>, after: Option<&DroppedCursor>) -> DroppedPage {
    bench.list.dropped(after).await.expect("a list")
}

fn named(page: &DroppedPage) -> Vec<EntryId> {
    page.mails.iter().map(|mail| mail.entry.clone()).collect()
}

fn shows_nothing_personal(page: &DroppedPage) {
    let shown = format!("{page:?}");
    assert!(PERSONAL.iter().all(|personal| !shown.contains(personal)), "{shown}");
}
