//! One mail, to see how mails arrive: rendered and sent as a customer's is, and counted nowhere.

use jiff::Timestamp;
use pulse_aws::{
    clock::SystemClock,
    test_mail::{TestMailAnswer, TestMailOrder},
};
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    entry::EntryId,
    failure::Cause,
    parse::ParseError,
    ports::{CampaignMail, Clock as _, Letter, Mail, TestedLetter},
    run::RunId,
    score::{Band, Score, ScoreValue},
    slot::Slot,
};

use crate::Function;

impl Function {
    /// Sends it, unless its address is suppressed: then nobody mails it, asked or not.
    pub(crate) async fn send_test_mail(&self, order: &TestMailOrder) -> TestMailAnswer {
        match self.test_mail(&order.test_mail_to, order.campaign.as_ref()).await {
            Ok(provider_id) => TestMailAnswer::Accepted { provider_id },
            Err(cause) => TestMailAnswer::Failed { cause },
        }
    }

    async fn test_mail(&self, to: &EmailAddress, campaign: Option<&TestedLetter>) -> Result<String, Cause> {
        let now = SystemClock.now();
        let step = &self.stage.step;
        let known = step.entries.ledger.suppression(to).await;
        let known = known.map_err(|error| Cause::new(error.to_string()))?;
        if known.is_some_and(|known| known.holds(self.mailer.source(), now).is_some()) {
            return Err(Cause::new(
                "The address is suppressed: the provider refused it for good, or its owner wants no mail.",
            ));
        }
        let (mut customer, score) = made_up(to, now).map_err(|error| Cause::new(error.to_string()))?;
        let run = RunId::of(now, customer.zone.rules());
        if let Some(campaign) = campaign {
            customer.locale = campaign.language.clone();
        }
        // It names a customer who isn't on the roster: the whole way can be tried, and nobody is opted out.
        let unsubscribe = step.links.as_ref().map(|links| links.of(&customer.id));
        let (to_whom, unsubscribed_by) = (&customer, unsubscribe.as_ref());
        let reference = pulse_letters::made_up::reference().ok();
        let content = match campaign {
            None => {
                let previous = None;
                let letter = Letter { customer: to_whom, run, score: &score, previous, unsubscribe: unsubscribed_by };
                step.renderer.render(&letter)
            }
            Some(TestedLetter { letter, has_score, has_reference, has_item, .. }) => {
                let item = pulse_letters::made_up::item().ok().filter(|_| *has_item);
                let reference = reference.as_ref().filter(|_| *has_reference);
                let score = has_score.then_some(&score);
                let mail =
                    CampaignMail { customer: to_whom, letter, score, reference, item, unsubscribe: unsubscribed_by };
                step.renderer.render_campaign(&mail)
            }
        };
        let content = content.map_err(|error| Cause::new(error.to_string()))?;
        let entry = EntryId::of(customer.id, run);
        let mail = Mail { entry, to: to.clone(), name: customer.name, content, unsubscribe, trace: None };
        let sent = self.mailer.send(&mail).await;
        sent.map(|accepted| accepted.provider_id).map_err(|error| Cause::new(error.to_string()))
    }
}

/// A customer that isn't on the roster. With the second in the id, each mail has an idempotency key of its own.
fn made_up(to: &EmailAddress, now: Timestamp) -> Result<(Customer, Score), ParseError> {
    let id = CustomerId::parse(&format!("doctor-{}", now.as_second()))?;
    let score = Score { value: ScoreValue::parse(712)?, band: Band::parse("good")?, as_of: now };
    let customer = Customer {
        slot: Slot::of_sign_up(&id, now, &Zone::UTC),
        id,
        name: PersonName::parse("Test Customer")?,
        contact: Contact::Email(to.clone()),
        product: Product::Loan,
        balance: Money::parse("1234.50", Currency::parse("EUR")?)?,
        locale: Locale::parse("en-IE")?,
        zone: Zone::UTC,
        signed_up_at: now,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
    };
    Ok((customer, score))
}

#[cfg(test)]
mod tests {
    use pulse_core::ports::Renderer as _;
    use pulse_letters::MinijinjaRenderer;

    use super::*;
    use crate::Invocation;

    #[test]
    fn an_order_of_a_test_mail_is_told_from_a_batch() {
        let order = r#"{"test_mail_to":"operator@example.net"}"#;
        assert!(matches!(serde_json::from_str(order), Ok(Invocation::TestMail(_))));
        assert!(matches!(serde_json::from_str(r#"{"Records":[]}"#), Ok(Invocation::Batch(_))));
        assert!(serde_json::from_str::<Invocation>(r#"{"test_mail_to":"nobody"}"#).is_err());
    }

    #[test]
    fn the_letter_of_a_test_mail_can_be_written() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let (customer, score) = made_up(&EmailAddress::parse("operator@example.net").unwrap(), now).unwrap();
        let run = RunId::of(now, customer.zone.rules());
        let letter = Letter { customer: &customer, run, score: &score, previous: None, unsubscribe: None };
        let mail = MinijinjaRenderer::new().unwrap().render(&letter).unwrap();
        assert!(mail.text.contains("Test Customer"));
    }
}
