//! Whether a deployed stack and the account that it is in are fit for customers.

mod finding;
mod received;
mod sending;

use pulse_core::{
    customer::EmailAddress,
    lanes::KEPT_UNRESERVED,
    overview::Condition,
    ports::{
        Account, AccountError, Caller, Mapping, PeoplePolicy, Schedules as _, SendingAccount, StageLanes, Start,
        TestMail,
    },
};

pub use self::{
    finding::{Finding, Level, Method, Topic},
    received::{UnreadableMail, received},
};
use crate::App;

/// Invocations at once of the functions that aren't stages', at most: the tick, the audit, and four of feedback.
const BESIDE_THE_STAGES: u32 = 2 + 4;

/// Who sends the mails.
#[derive(Clone, Copy)]
pub enum MailSetup<'a> {
    /// Amazon SES.
    Ses {
        /// It.
        account: &'a dyn SendingAccount,
        /// The From of every mail.
        sender: &'a EmailAddress,
        /// The configuration set that every mail names, if it does.
        configuration_set: Option<&'a str>,
        /// Mails a second, of all workers together.
        rate_per_second: f64,
    },
    /// Another provider.
    Other,
}

/// What to look at.
#[derive(Clone, Copy)]
pub struct Examination<'a> {
    /// The account.
    pub account: &'a dyn Account,
    /// Who sends the mails.
    pub mail: MailSetup<'a>,
    /// Whether letters have a link to unsubscribe by. None, if that can't be told.
    pub has_links: Option<bool>,
    /// For how many customers; of the roster, if it isn't said.
    pub customers: Option<u64>,
    /// Who is sent a test mail.
    pub test_mail_to: Option<&'a EmailAddress>,
}

impl App {
    /// Looks at everything that the stack stands on in its account. Changes nothing; functions are started with an empty
    /// batch. What can't be looked at is a finding as well.
    pub async fn examine(&self, examination: &Examination<'_>) -> Vec<Finding> {
        let mut found = self.caller(examination.account).await;
        let customers = match (examination.customers, self.roster().await) {
            (Some(customers), _) => customers,
            (None, Ok(roster)) => roster.active,
            (None, Err(error)) => {
                found.push(unknown(Topic::Stages, &error));
                0
            }
        };
        found.extend(self.functions(examination.account).await);
        found.extend(self.stages_found().await);
        found.extend(schedules(examination.account, customers).await);
        found.push(self.one_schedule().await);
        found.extend(sending::examine(&examination.mail, customers).await);
        found.extend(
            examination.has_links.map(|has_links| sending::unsubscribing(&examination.mail, has_links, customers)),
        );
        if let Some(to) = examination.test_mail_to {
            found.push(or_unknown(
                Topic::Mail,
                examination.account.send_test_mail(to, None).await,
                |sent| match sent {
                    TestMail::Accepted { provider_id } => Finding::TestMailSent { provider_id },
                    TestMail::Failed(cause) => Finding::TestMailFailed { cause },
                },
            ));
        }
        found
    }

    async fn caller(&self, account: &dyn Account) -> Vec<Finding> {
        let caller = match account.caller().await {
            Ok(caller) => caller,
            Err(error) => return vec![unknown(Topic::Caller, &error)],
        };
        let mut found = vec![Finding::Caller { account: caller.account.clone(), arn: caller.arn.clone() }];
        if let Some(at) = caller.at {
            found.push(Finding::ClockSkew { seconds: self.clock().now().as_second() - at.as_second() });
        }
        found.extend(permissions(account, &caller).await);
        found
    }

    async fn functions(&self, account: &dyn Account) -> Vec<Finding> {
        let mut found = Vec::new();
        match (account.concurrency().await, self.stage_lanes().await) {
            (Ok(limit), Ok(lanes)) => found.extend(concurrency_found(limit, &lanes)),
            (Err(error), _) => found.push(unknown(Topic::Functions, &error)),
            (_, Err(error)) => found.push(unknown(Topic::Functions, &error)),
        }
        for stage in self.ports.stages.deployed().iter() {
            found.push(or_unknown(Topic::Functions, account.start(stage).await, |start| match start {
                Start::Fine => Finding::Starts { stage },
                Start::Throttled => Finding::Throttled { stage },
                Start::NoSecret(cause) => Finding::NoSecret { stage, cause },
                Start::Fails(cause) => Finding::DoesNotStart { stage, cause },
            }));
        }
        found
    }

    async fn stages_found(&self) -> Vec<Finding> {
        let stages = match self.overviews().await {
            Ok(stages) => stages,
            Err(error) => return vec![unknown(Topic::Stages, &error)],
        };
        let mut found: Vec<_> =
            stages.iter().map(|seen| Finding::Stage { stage: seen.stage, condition: seen.condition }).collect();
        match self.stage_lanes().await {
            Ok(lanes) => {
                for StageLanes { stage, mapping: Mapping(state), .. } in lanes {
                    let of_stage = stages.iter().find(|seen| seen.stage == stage).map(|seen| seen.condition);
                    let is_held = matches!(of_stage, Some(Condition::Pausing | Condition::Paused | Condition::Broken));
                    found.push(Finding::Mapping { stage, state, is_held });
                }
            }
            Err(error) => found.push(unknown(Topic::Stages, &error)),
        }
        found
    }

    /// That schedules are listed, and that one of them can be read.
    async fn one_schedule(&self) -> Finding {
        let schedules = self.schedules();
        let first = match schedules.list("", None).await {
            Ok(page) => page.customers.into_iter().next(),
            Err(error) => return unknown(Topic::Schedules, &error),
        };
        let Some(customer) = first else { return Finding::NoSchedules };
        match schedules.get(&customer).await {
            Ok(Some(_)) => Finding::ScheduleRead,
            Ok(None) => Finding::StrangeSchedule { customer },
            Err(error) => unknown(Topic::Schedules, &error),
        }
    }
}

/// All of the operator's policy, or else at least what changes nothing.
async fn permissions(account: &dyn Account, caller: &Caller) -> Vec<Finding> {
    if caller.is_root() {
        return vec![Finding::Root];
    }
    let mut found = Vec::new();
    for policy in [PeoplePolicy::Operator, PeoplePolicy::ReadOnly] {
        match account.denied(caller, policy).await {
            Ok(actions) if actions.is_empty() => {
                found.push(Finding::Allowed { policy });
                return found;
            }
            Ok(actions) => found.push(Finding::Denied { policy, actions }),
            Err(error) => {
                found.push(unknown(Topic::Permissions, &error));
                return found;
            }
        }
    }
    found
}

/// A mapping's `MaximumConcurrency` has to fit, and what functions reserve must leave the rest its due.
fn concurrency_found(limit: u32, lanes: &[StageLanes]) -> Vec<Finding> {
    let is_reserved = lanes.iter().all(|lanes| lanes.reserved_concurrency.is_some());
    let invocations: u32 = lanes.iter().map(|lanes| lanes.maximum_concurrency).sum();
    let kept = if is_reserved { KEPT_UNRESERVED } else { 0 };
    let mut found = vec![Finding::Concurrency { limit, needed: invocations + BESIDE_THE_STAGES + kept }];
    if !is_reserved {
        found.push(Finding::NotReserved);
    }
    found
}

async fn schedules(account: &dyn Account, customers: u64) -> Vec<Finding> {
    let group = account.schedule_group().await;
    let quotas = account.scheduler_quotas().await;
    vec![
        or_unknown(Topic::Schedules, group, |state| Finding::ScheduleGroup { state }),
        or_unknown(Topic::Schedules, quotas, |quotas| Finding::ScheduleQuota {
            schedules: quotas.schedules,
            created_per_second: quotas.created_per_second,
            customers,
        }),
    ]
}

fn or_unknown<T>(topic: Topic, answer: Result<T, AccountError>, finding: impl FnOnce(T) -> Finding) -> Finding {
    match answer {
        Ok(answer) => finding(answer),
        Err(error) => unknown(topic, &error),
    }
}

fn unknown(topic: Topic, error: &impl ToString) -> Finding {
    Finding::Unknown { topic, why: error.to_string() }
}
