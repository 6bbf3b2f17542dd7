use async_trait::async_trait;
use jiff::SignedDuration;
use pulse_core::ports::{
    Account, AccountError, Caller, DeniedAction, PeoplePolicy, SchedulerQuotas, SendingAccount, SendingIdentity,
    SendingLimits, Start, TestMail, TestedLetter,
};

use super::*;
use crate::{Examination, Finding, Level, MailSetup, Topic};

/// An account that is as a test says.
#[derive(Clone)]
struct FakeAccount {
    arn: &'static str,
    ahead: SignedDuration,
    denied: Vec<PeoplePolicy>,
    concurrency: u32,
    group: &'static str,
    schedules: f64,
    start: Start,
}

impl FakeAccount {
    fn fit() -> Self {
        Self {
            arn: "arn:aws:sts::111122223333:assumed-role/operator/ada",
            ahead: SignedDuration::ZERO,
            denied: Vec::new(),
            concurrency: 1000,
            group: "ACTIVE",
            schedules: 1e7,
            start: Start::Fine,
        }
    }
}

#[async_trait]
impl Account for FakeAccount {
    async fn caller(&self) -> Result<Caller, AccountError> {
        let at = start().checked_add(self.ahead).ok();
        Ok(Caller { account: "111122223333".into(), arn: self.arn.into(), at })
    }

    async fn denied(&self, _: &Caller, policy: PeoplePolicy) -> Result<Vec<DeniedAction>, AccountError> {
        let action = || DeniedAction { statement: "Queue".into(), action: "sqs:SendMessage".into() };
        Ok(self.denied.iter().filter(|denied| **denied == policy).map(|_| action()).collect())
    }

    async fn concurrency(&self) -> Result<u32, AccountError> {
        Ok(self.concurrency)
    }

    async fn scheduler_quotas(&self) -> Result<SchedulerQuotas, AccountError> {
        Ok(SchedulerQuotas { schedules: self.schedules, created_per_second: 250.0 })
    }

    async fn schedule_group(&self) -> Result<String, AccountError> {
        Ok(self.group.into())
    }

    async fn start(&self, _: StageName) -> Result<Start, AccountError> {
        Ok(self.start.clone())
    }

    async fn send_test_mail(&self, _: &EmailAddress, _: Option<&TestedLetter>) -> Result<TestMail, AccountError> {
        Ok(TestMail::Accepted { provider_id: "0101".into() })
    }
}

/// SES, as a test says.
#[derive(Clone)]
struct FakeSending {
    limits: Result<SendingLimits, AccountError>,
    identities: Vec<(&'static str, SendingIdentity)>,
    sets: Vec<(&'static str, bool)>,
}

impl FakeSending {
    fn fit() -> Self {
        Self {
            limits: Ok(SendingLimits {
                in_production: true,
                is_enabled: true,
                enforcement: "HEALTHY".into(),
                per_day: Some(50_000.0),
                per_second: 14.0,
            }),
            identities: vec![("example.com", identity())],
            sets: vec![("named", true), ("default", true)],
        }
    }
}

fn identity() -> SendingIdentity {
    SendingIdentity {
        is_verified: true,
        is_signed: true,
        mail_from: Some("SUCCESS".into()),
        configuration_set: Some("default".into()),
    }
}

#[async_trait]
impl SendingAccount for FakeSending {
    async fn limits(&self) -> Result<SendingLimits, AccountError> {
        self.limits.clone()
    }

    async fn identity(&self, name: &str) -> Result<Option<SendingIdentity>, AccountError> {
        Ok(self.identities.iter().find(|(known, _)| *known == name).map(|(_, identity)| identity.clone()))
    }

    async fn is_sending(&self, set: &str) -> Result<Option<bool>, AccountError> {
        Ok(self.sets.iter().find(|(known, _)| *known == set).map(|(_, sending)| *sending))
    }
}

/// What matters of a fit account and SES, both changed by a test, for 100,000 customers.
fn found(change: impl FnOnce(&mut FakeAccount, &mut FakeSending)) -> Vec<Finding> {
    found_with(Some("named"), change)
}

fn found_with(set: Option<&str>, change: impl FnOnce(&mut FakeAccount, &mut FakeSending)) -> Vec<Finding> {
    let (mut account, mut sending) = (FakeAccount::fit(), FakeSending::fit());
    change(&mut account, &mut sending);
    let world = World::new();
    let sender = EmailAddress::parse("pulse@mail.example.com").unwrap();
    let mail = MailSetup::Ses { account: &sending, sender: &sender, configuration_set: set, rate_per_second: 14.0 };
    let examination =
        Examination { account: &account, mail, has_links: Some(true), customers: Some(100_000), test_mail_to: None };
    now(world.app.examine(&examination))
}

fn that_matter(found: &[Finding]) -> Vec<(Level, Finding)> {
    let matters = found.iter().filter(|finding| finding.level() != Level::Fine);
    matters.map(|finding| (finding.level(), finding.clone())).collect()
}

fn only(found: &[Finding], level: Level, finding: Finding) {
    assert_eq!(that_matter(found), [(level, finding)]);
}

#[test]
fn a_fit_account_has_nothing_that_matters_and_every_topic_is_looked_at() {
    let found = found(|_, _| {});
    assert_eq!(that_matter(&found), []);
    for topic in [
        Topic::Caller,
        Topic::Permissions,
        Topic::Clock,
        Topic::Functions,
        Topic::Stages,
        Topic::Schedules,
        Topic::Mail,
    ] {
        assert!(found.iter().any(|finding| finding.topic() == topic), "{topic:?}");
    }
}

#[test]
fn whoever_may_only_look_is_told_what_is_denied_and_whoever_may_not_even_that_is_in_trouble() {
    let denied = |policy| Finding::Denied {
        policy,
        actions: vec![DeniedAction { statement: "Queue".into(), action: "sqs:SendMessage".into() }],
    };
    let reader = found(|account, _| account.denied = vec![PeoplePolicy::Operator]);
    only(&reader, Level::Remark, denied(PeoplePolicy::Operator));
    assert!(reader.contains(&Finding::Allowed { policy: PeoplePolicy::ReadOnly }));

    let stranger = found(|account, _| account.denied = vec![PeoplePolicy::Operator, PeoplePolicy::ReadOnly]);
    assert!(that_matter(&stranger).contains(&(Level::Trouble, denied(PeoplePolicy::ReadOnly))));

    let root = found(|account, _| account.arn = "arn:aws:iam::111122223333:root");
    only(&root, Level::Remark, Finding::Root);
}

#[test]
fn a_clock_that_is_off_is_told_with_its_direction() {
    let behind = found(|account, _| account.ahead = SignedDuration::from_secs(30));
    only(&behind, Level::Trouble, Finding::ClockSkew { seconds: -30 });
    let ahead = found(|account, _| account.ahead = SignedDuration::from_secs(-29));
    assert!(ahead.contains(&Finding::ClockSkew { seconds: 29 }));
    assert_eq!(that_matter(&ahead), []);
}

#[test]
fn concurrency_has_to_hold_the_lanes_the_clocks_functions_and_what_stays_unreserved() {
    let needed = 5 + 5 + 5 + 4 + 2 + 100;
    assert_eq!(that_matter(&found(|account, _| account.concurrency = needed)), []);
    let short = found(|account, _| account.concurrency = needed - 1);
    only(&short, Level::Trouble, Finding::Concurrency { limit: needed - 1, needed });
}

#[test]
fn functions_that_do_not_start_and_a_group_that_goes_are_trouble() {
    let fails = found(|account, _| account.start = Start::Fails(cause()));
    let expected = |stage| (Level::Trouble, Finding::DoesNotStart { stage, cause: cause() });
    assert_eq!(that_matter(&fails), StageSet::of_every_stack().iter().map(expected).collect::<Vec<_>>());
    let paused = found(|account, _| account.start = Start::Throttled);
    assert!(that_matter(&paused).contains(&(Level::Remark, Finding::Throttled { stage: StageName::Score })));
    let going = found(|account, _| account.group = "DELETING");
    only(&going, Level::Trouble, Finding::ScheduleGroup { state: "DELETING".into() });
    let secretless = found(|account, _| account.start = Start::NoSecret(cause()));
    let expected = |stage| (Level::Trouble, Finding::NoSecret { stage, cause: cause() });
    assert_eq!(that_matter(&secretless), StageSet::of_every_stack().iter().map(expected).collect::<Vec<_>>());
    let few = found(|account, _| account.schedules = 99_999.0);
    let quota = Finding::ScheduleQuota { schedules: 99_999.0, created_per_second: 250.0, customers: 100_000 };
    only(&few, Level::Trouble, quota);
}

#[test]
fn a_mapping_is_to_be_on_unless_something_holds_its_stage() {
    let level =
        |state: &str, is_held| Finding::Mapping { stage: StageName::Score, state: state.into(), is_held }.level();
    assert_eq!([level("Enabled", false), level("Enabled", true), level("Disabled", true)], [Level::Fine; 3]);
    assert_eq!([level("Disabled", false), level("Deleting", true)], [Level::Trouble; 2]);
    assert_eq!([level("Disabling", true), level("Updating", false)], [Level::Remark; 2]);
    let seen = found(|_, _| {});
    assert!(seen.contains(&Finding::Mapping { stage: StageName::Email, state: "Enabled".into(), is_held: false }));
}

#[test]
fn one_schedule_is_read_if_there_is_any() {
    let world = World::new();
    let account = FakeAccount::fit();
    let examine = || {
        let mail = MailSetup::Other;
        let examination = Examination { account: &account, mail, has_links: None, customers: None, test_mail_to: None };
        now(world.app.examine(&examination))
    };
    assert!(examine().contains(&Finding::NoSchedules));
    let as_of = world.app.clock().now();
    now(world.app.enroll(std::iter::once((1, customer("c-1"))), as_of, &mut |_, _| {}, &|| false)).unwrap();
    assert!(examine().contains(&Finding::ScheduleRead));
}

#[test]
fn what_ses_lets_the_account_send_is_held_against_what_is_due() {
    let limited = |change: fn(&mut SendingLimits)| found(|_, sending| change(sending.limits.as_mut().unwrap()));
    only(&limited(|limits| limits.in_production = false), Level::Remark, Finding::Sandbox);
    only(&limited(|limits| limits.is_enabled = false), Level::Trouble, Finding::SendingPaused);
    let probation = limited(|limits| limits.enforcement = "PROBATION".into());
    only(&probation, Level::Trouble, Finding::Enforcement { status: "PROBATION".into() });
    let slow = limited(|limits| limits.per_second = 13.0);
    only(&slow, Level::Trouble, Finding::SendingRate { allowed: 13.0, configured: 14.0 });
    // 100,000 over 28 days.
    let few = limited(|limits| limits.per_day = Some(3571.0));
    only(&few, Level::Trouble, Finding::DailyQuota { allowed: 3571.0, needed: 3572.0 });
    assert_eq!(that_matter(&limited(|limits| limits.per_day = None)), []);
    let silent = found(|_, sending| sending.limits = Err(AccountError("SES can't be asked".into())));
    only(&silent, Level::Unknown, Finding::Unknown { topic: Topic::Mail, why: "SES can't be asked".into() });
}

#[test]
fn whoever_cannot_unsubscribe_with_one_click_is_told_of_and_of_many_mails_a_day_it_is_trouble() {
    let world = World::new();
    let (account, sending) = (FakeAccount::fit(), FakeSending::fit());
    let sender = EmailAddress::parse("pulse@example.com").unwrap();
    let ses = MailSetup::Ses { account: &sending, sender: &sender, configuration_set: None, rate_per_second: 14.0 };
    let found = |mail, has_links, customers| {
        let customers = Some(customers);
        let examination = Examination { account: &account, mail, has_links, customers, test_mail_to: None };
        let found = now(world.app.examine(&examination));
        let is_of_it =
            |finding: &Finding| matches!(finding, Finding::OneClick | Finding::LinkOnly | Finding::NoOneClick { .. });
        found.into_iter().find(is_of_it).map(|finding| (finding.level(), finding))
    };
    assert_eq!(found(ses, Some(true), 600_000), Some((Level::Fine, Finding::OneClick)));
    assert_eq!(found(MailSetup::Other, Some(true), 600_000), Some((Level::Remark, Finding::LinkOnly)));
    assert_eq!(found(ses, None, 600_000), None);
    for mail in [ses, MailSetup::Other] {
        // 28 days of 5,000 mails.
        let none = |daily| Finding::NoOneClick { daily };
        assert_eq!(found(mail, Some(false), 28 * 4_999), Some((Level::Remark, none(4_999.0))));
        assert_eq!(found(mail, Some(false), 28 * 4_999 + 1), Some((Level::Trouble, none(5_000.0))));
    }
}

#[test]
fn the_identity_is_the_address_or_its_domain_or_the_nearest_above() {
    let changed = |change: fn(&mut SendingIdentity)| found(|_, sending| change(&mut sending.identities[0].1));
    let domain = || "example.com".to_owned();
    only(&changed(|identity| identity.is_verified = false), Level::Trouble, Finding::Unverified { domain: domain() });
    only(&changed(|identity| identity.is_signed = false), Level::Trouble, Finding::Unsigned { domain: domain() });
    only(&changed(|identity| identity.mail_from = None), Level::Remark, Finding::NoMailFrom { domain: domain() });
    let pending = changed(|identity| identity.mail_from = Some("PENDING".into()));
    only(&pending, Level::Trouble, Finding::MailFrom { state: "PENDING".into() });
    let none = found(|_, sending| sending.identities.clear());
    only(&none, Level::Trouble, Finding::NoIdentity { domain: "mail.example.com".into() });
    // An address that is verified itself is signed by its domain.
    let own = found(|_, sending| {
        sending.identities.push(("pulse@mail.example.com", SendingIdentity { is_signed: false, ..identity() }));
    });
    assert_eq!(that_matter(&own), []);
    let unsigned = found(|_, sending| {
        sending.identities = vec![("pulse@mail.example.com", SendingIdentity { is_signed: false, ..identity() })];
    });
    only(&unsigned, Level::Trouble, Finding::Unsigned { domain: "mail.example.com".into() });
}

#[test]
fn mails_go_by_the_set_that_they_name_and_otherwise_by_the_identitys_own() {
    let paused = found(|_, sending| sending.sets = vec![("named", false), ("default", true)]);
    only(&paused, Level::Trouble, Finding::ConfigurationSetPaused { name: "named".into() });
    let by_default = found_with(None, |_, sending| sending.sets = vec![("named", true)]);
    only(&by_default, Level::Trouble, Finding::NoConfigurationSet { name: "default".into() });
    let none = found_with(None, |_, sending| sending.identities[0].1.configuration_set = None);
    assert_eq!(that_matter(&none), []);
}

#[test]
fn another_provider_is_tried_by_a_mail_alone() {
    let world = World::new();
    let to = EmailAddress::parse("operator@example.net").unwrap();
    let account = FakeAccount::fit();
    let examination = Examination {
        account: &account,
        mail: MailSetup::Other,
        has_links: None,
        customers: None,
        test_mail_to: Some(&to),
    };
    let found = now(world.app.examine(&examination));
    assert!(found.contains(&Finding::NotSes));
    assert!(found.contains(&Finding::TestMailSent { provider_id: "0101".into() }));
}
