//! A campaign on the deployed functions, each with its own role: planned, dispatched, held, cancelled and closed.

use std::{collections::BTreeMap, num::NonZeroU64};

use pulse_app::{App, CampaignShown, NewAudience, NewCampaign};
use pulse_core::{
    campaign::{CampaignLetter, CampaignOutcome, CampaignState, Priority},
    control::Note,
    customer::{Consent, Customer, CustomerId, OptOutMark},
    entry::{Addressee, EntryId, Plan, StageName, TallyKey},
    run::RunId,
};
use pulse_deployed::app;
use pulse_local::standins::StandInFault;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    in_memory_stack::customer,
};

use super::{RUNTIME, calling_stack, stack};

fn new(name: &str, customers: &[Customer], steps: &[StageName]) -> NewCampaign {
    let text = "Subject: Spring\n\n{% if name %}Dear {{ name }}, your{% else %}Your{% endif %} {{ product }} has a balance of {{ balance }} {{ currency }}.";
    NewCampaign {
        run: RunId::parse(name).unwrap(),
        plan: Plan::of(steps).unwrap(),
        audience: NewAudience::Ids(customers.iter().map(|customer| customer.id.clone().into()).collect()),
        letter: CampaignLetter::parse([("en", text)]).unwrap(),
        needs_item: false,
        deadline: None,
        priority: Priority::Normal,
        cap: None,
        at_most: None,
        a_day: None,
        quota: None,
        note: None,
    }
}

fn people(word: &str, count: usize) -> Vec<Customer> {
    (0..count).map(|number| customer(&format!("{word}{number}"))).collect()
}

/// Ticks until the campaign is as it should be.
async fn ticked(stack: &DeployedStack, app: &App, run: RunId, is_so: impl Fn(&CampaignShown) -> bool) -> CampaignShown {
    eventually(&format!("{run} is as it should be"), async || {
        stack.invoke("TickFunctionName").await;
        let shown = app.campaign(run).await.unwrap();
        is_so(&shown).then_some(shown)
    })
    .await
}

fn is_over(shown: &CampaignShown) -> bool {
    shown.campaign.state.is_over()
}

fn counts(shown: &CampaignShown) -> &BTreeMap<TallyKey, u64> {
    &shown.campaign.finished.as_ref().expect("it is over").0.counts
}

/// Mails that the provider accepted in a run, by customer.
fn mailed(stack: &DeployedStack, run: RunId) -> BTreeMap<String, usize> {
    let of_run = format!("_{run}");
    let mut mailed = BTreeMap::new();
    for mail in stack.mail.accepted() {
        if let Some(customer) = mail.message_key.strip_suffix(&of_run) {
            *mailed.entry(customer.to_owned()).or_default() += 1;
        }
    }
    mailed
}

#[test]
fn a_campaign_is_planned_sealed_mailed_once_to_each_and_finished() {
    RUNTIME.block_on(async {
        let stack = stack().await;
        let app = app(&stack.stack, "aoife".into()).unwrap();
        let mut customers = people("spring", 30);
        customers[0].consent = Consent::of_mark(OptOutMark::Yes);
        stack.enroll(&customers).await;
        let new = NewCampaign {
            // Nobody has this one.
            audience: NewAudience::Ids(
                customers
                    .iter()
                    .map(|customer| customer.id.clone())
                    .chain([CustomerId::parse("nobody").unwrap()])
                    .map(Into::into)
                    .collect(),
            ),
            ..new("spring", &customers, &[StageName::Score, StageName::Email])
        };
        let forecast = app.foresee_campaign(&new).await.unwrap();
        assert_eq!((forecast.customers, forecast.mailed, forecast.unknown), (30, 29, 1));
        app.start_campaign(&new).await.unwrap();
        assert!(app.start_campaign(&new).await.unwrap_err().to_string().contains("already"));
        let shown = ticked(stack, &app, new.run, is_over).await;
        assert_eq!(shown.campaign.finished.as_ref().unwrap().0.outcome, CampaignOutcome::Succeeded);
        assert_eq!(counts(&shown).values().sum::<u64>(), 30);
        assert_eq!(counts(&shown).get(&TallyKey::Sent), Some(&29));
        assert_eq!((shown.uncounted, shown.open.len()), (0, 0));
        let mailed = mailed(stack, new.run);
        assert!(mailed.len() == 29 && mailed.values().all(|mails| *mails == 1), "{mailed:?}");
    });
}

#[test]
fn a_campaign_that_is_held_sends_nothing_goes_on_where_it_was_and_is_cancelled_for_good() {
    RUNTIME.block_on(async {
        let stack = stack().await;
        let app = app(&stack.stack, "max".into()).unwrap();
        let customers = people("autumn", 12);
        stack.enroll(&customers).await;
        // So that it isn't over before it is held or cancelled, however fast the stack is.
        let new = NewCampaign { a_day: NonZeroU64::new(2), ..new("autumn", &customers, &[StageName::Email]) };
        let note = Note::parse("wrong price").unwrap();
        app.start_campaign(&new).await.unwrap();
        // A tick was asked for, and may be ahead of this.
        app.pause_campaign(new.run, &note).await.unwrap();
        let held = ticked(stack, &app, new.run, |shown| shown.open.iter().all(|place| place.waits == "held")).await;
        assert!(held.campaign.paused.is_some());
        let before = mailed(stack, new.run);
        app.resume_campaign(new.run, None).await.unwrap();
        ticked(stack, &app, new.run, |shown| shown.campaign.state >= CampaignState::Running).await;
        app.cancel_campaign(new.run, &note).await.unwrap();
        let shown = ticked(stack, &app, new.run, is_over).await;
        assert_eq!(shown.campaign.state, CampaignState::Cancelled);
        assert!(app.resume_campaign(new.run, None).await.is_err());
        let sent = counts(&shown).get(&TallyKey::Sent).copied().unwrap_or(0);
        let mailed = mailed(stack, new.run);
        assert!(mailed.len() as u64 == sent && mailed.len() >= before.len(), "{sent} are said to be sent: {mailed:?}");
        assert!(sent <= 2, "two are dispatched in a day, and {sent} were sent");
        assert_eq!(counts(&shown).get(&TallyKey::Cancelled), Some(&(12 - sent)));
    });
}

/// Each function with its own role, the call stage's too: nobody is mailed without the reference that the partner gave.
#[test]
fn a_campaign_that_calls_a_partner_mails_each_what_the_partner_calls_theirs() {
    RUNTIME.block_on(async {
        let stack = calling_stack().await;
        let app = app(&stack.stack, "aoife".into()).unwrap();
        let customers = people("invoice", 12);
        stack.enroll(&customers).await;
        let partner = stack.partner.as_ref().unwrap();
        let not_ready = StandInFault::Status { status: 202, retry_after: Some("5".into()) };
        partner.faults().add([not_ready, StandInFault::status(503), StandInFault::WorkThenHangUp]);
        partner.faults().set_rule(|key| (key == "invoice0_invoices").then(|| StandInFault::status(422)));
        let of_items = ["invoice1,INV-1", "invoice1,INV-2"].map(|one| one.to_owned().try_into().unwrap());
        let others = customers.iter().map(|customer| customer.id.clone().into());
        let audience = others.filter(|one: &Addressee| one.customer.as_str() != "invoice1").chain(of_items).collect();
        let text = "Subject: Invoice\n\nIt is {{ reference }}{% if item %}, of {{ item }}{% endif %}.";
        let new = NewCampaign {
            audience: NewAudience::Ids(audience),
            letter: CampaignLetter::parse([("en", text)]).unwrap(),
            ..new("invoices", &customers, &[StageName::Call, StageName::Email])
        };
        app.start_campaign(&new).await.unwrap();
        let shown = ticked(stack, &app, new.run, is_over).await;
        assert_eq!(counts(&shown).get(&TallyKey::Failed(StageName::Call)), Some(&1), "{:?}", counts(&shown));
        assert_eq!(counts(&shown).get(&TallyKey::Sent), Some(&12));
        let references = partner.references();
        let mut items = Vec::new();
        for mail in stack.mail.accepted() {
            let entry = EntryId::of_message_key(&mail.message_key).unwrap();
            if entry.run == new.run {
                assert!(mail.html.contains(references[&entry].expose()), "{}", mail.message_key);
                items.extend(entry.item.inspect(|item| assert!(mail.html.contains(item.as_str()), "{item}")));
            }
        }
        assert_eq!(items.len(), 2, "{items:?}");
        let stages: Vec<_> = app.status().await.unwrap().stages.iter().map(|stage| stage.stage).collect();
        assert_eq!(stages, StageName::ALL);
    });
}

#[test]
fn a_stack_without_a_partner_says_what_a_campaign_that_calls_one_takes() {
    RUNTIME.block_on(async {
        let stack = stack().await;
        let app = app(&stack.stack, "max".into()).unwrap();
        let customers = people("uncalled", 1);
        stack.enroll(&customers).await;
        let new = new("uncalled", &customers, &[StageName::Call, StageName::Email]);
        for refused in [app.start_campaign(&new).await.map(drop), app.foresee_campaign(&new).await.map(drop)] {
            let words = refused.unwrap_err().to_string();
            assert!(words.contains("no call stage") && words.contains("CallUrl"), "{words}");
        }
        let stages = app.status().await.unwrap();
        assert!(stages.stages.iter().all(|stage| stage.stage != StageName::Call) && stages.lanes.len() == 3);
    });
}
