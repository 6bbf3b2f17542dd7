//! Each customer's mail has their own link to unsubscribe, and nobody else's.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use pulse_core::{
    customer::{Customer, Locale, PersonName},
    ports::Mail,
};
use pulse_tests::in_memory_stack::{InMemoryStack, UNSUBSCRIBE_URL, customer, unsubscribe_links, unsubscribe_tokens};
use tokio::runtime::Runtime;

/// Customers whose ids are alike, and whose names may be another's link.
fn customers() -> impl Strategy<Value = Vec<Customer>> {
    let ids = prop::collection::btree_set("[aA1_-]{1,4}", 2..12);
    ids.prop_flat_map(|ids| {
        let ids: Vec<_> = ids.into_iter().collect();
        let count = ids.len();
        let locales = prop::sample::select(vec!["en-IE", "ar-EG", "ja-JP", "fo-FO"]);
        let of_whom = prop::option::of(0..count);
        prop::collection::vec((locales, of_whom), count).prop_map(move |drawn| {
            let made = ids.iter().zip(drawn).map(|(id, (locale, of_whom))| {
                let other = of_whom.map(|other| unsubscribe_links().of(&customer(&ids[other]).id));
                let name = other.as_ref().map_or("Ada", |link| link.expose());
                Customer {
                    name: PersonName::parse(name).unwrap(),
                    locale: Locale::parse(locale).unwrap(),
                    ..customer(id)
                }
            });
            made.collect()
        })
    })
}

/// Whose tokens a mail has, wherever they stand as part of a URL.
fn owners(mail: &Mail) -> BTreeSet<String> {
    let header = mail.unsubscribe.as_ref().unwrap().expose();
    let parts = [header, &mail.content.html, &mail.content.text];
    let start = format!("{UNSUBSCRIBE_URL}/");
    let after = parts.iter().flat_map(|part| part.split(&start).skip(1));
    let tokens = after.map(|after| after.split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).next());
    tokens.map(|token| unsubscribe_tokens().customer(token.unwrap()).unwrap().to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_customers_mail_has_their_own_token_in_header_html_and_text_and_no_others(customers in customers()) {
        Runtime::new().unwrap().block_on(async {
            let stack = InMemoryStack::new();
            stack.enroll(&customers).await;
            for _ in 0..2 {
                for customer in &customers {
                    stack.fire(customer);
                }
                stack.drain().await;
                stack.clock.advance(Duration::from_hours(1));
            }
            let mails = stack.mailer.accepted();
            prop_assert_eq!(mails.len(), 2 * customers.len());
            for mail in &mails {
                let link = mail.unsubscribe.as_ref().unwrap().expose();
                prop_assert_eq!(owners(mail), BTreeSet::from([mail.entry.customer.to_string()]));
                prop_assert_eq!(mail.content.html.matches(link).count(), 1);
                prop_assert_eq!(mail.content.text.lines().filter(|line| *line == link).count(), 1);
                let shown = format!("{mail:?}");
                prop_assert!(!shown.contains(link));
            }
            Ok(())
        })?;
    }
}
