//! What was found, in sentences, each with what to do about it.

use std::fmt::Write as _;

use console::{StyledObject, style};
use pulse_app::{Finding, Level, Method, Topic};
use pulse_core::ports::PeoplePolicy;

use crate::output::heading;

const TOPICS: [(Topic, &str); 8] = [
    (Topic::Caller, "Credentials"),
    (Topic::Permissions, "Permissions"),
    (Topic::Clock, "Clock"),
    (Topic::Functions, "Functions"),
    (Topic::Stages, "Stages"),
    (Topic::Schedules, "Schedules"),
    (Topic::Mail, "Mail"),
    (Topic::Received, "The mail that arrived"),
];

pub(super) fn text(found: &[Finding]) -> String {
    let mut text = String::new();
    for (topic, title) in TOPICS {
        let of_topic: Vec<_> = found.iter().filter(|finding| finding.topic() == topic).collect();
        if of_topic.is_empty() {
            continue;
        }
        text += &heading(&format!("{}{title}", if text.is_empty() { "" } else { "\n" }));
        for finding in of_topic {
            let _ = writeln!(text, "  {:<7}  {}", mark(finding.level()), sentence(finding));
        }
    }
    let count = |level| found.iter().filter(|finding| finding.level() == level).count();
    let _ = match (count(Level::Trouble), count(Level::Unknown)) {
        (0, 0) => writeln!(text, "\nNothing has to be mended."),
        (0, unknown) => writeln!(text, "\nNothing that has to be mended was found; {unknown} could not be looked at."),
        (1, _) => writeln!(text, "\n1 thing has to be mended before customers are enrolled."),
        (troubles, _) => writeln!(text, "\n{troubles} things have to be mended before customers are enrolled."),
    };
    text
}

fn mark(level: Level) -> StyledObject<&'static str> {
    match level {
        Level::Fine => style("ok").green(),
        Level::Remark => style("note").yellow(),
        Level::Unknown => style("unknown").yellow(),
        Level::Trouble => style("mend").red(),
    }
}

fn policy(policy: PeoplePolicy) -> &'static str {
    match policy {
        PeoplePolicy::Operator => "the operator's policy (output OperatorPolicyArn)",
        PeoplePolicy::ReadOnly => "the read-only policy (output ReadOnlyPolicyArn)",
    }
}

fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::Unknown { why, .. } => format!("{why}."),
        Finding::Caller { account, arn } => format!("Account {account}, {arn}."),
        Finding::Root => "These are the account's root credentials: they may do everything. Use a role with the \
                          operator's policy (output OperatorPolicyArn)."
            .into(),
        Finding::Allowed { policy: allowed } => format!("All of {}.", policy(*allowed)),
        Finding::Denied { policy: wanted, actions } => {
            let actions: Vec<_> =
                actions.iter().map(|denied| format!("{} ({})", denied.action, denied.statement)).collect();
            format!("Not all of {}; denied: {}. Attach it to the role.", policy(*wanted), actions.join(", "))
        }
        Finding::ClockSkew { seconds } if finding.level() == Level::Fine => {
            format!("Within {} s of AWS's.", seconds.abs().max(1))
        }
        Finding::ClockSkew { seconds } => format!(
            "This machine's clock is {} s {} AWS's: set it. AWS refuses requests that are 5 minutes off, and what is \
             due now depends on it.",
            seconds.abs(),
            if *seconds > 0 { "ahead of" } else { "behind" }
        ),
        _ => of_account(finding).or_else(|| of_mail(finding)).unwrap_or_default(),
    }
}

fn of_account(finding: &Finding) -> Option<String> {
    Some(match finding {
        Finding::Concurrency { limit, needed } if limit >= needed => {
            format!("The account may have {limit} invocations at once; {needed} are needed.")
        }
        Finding::Concurrency { limit, needed } => format!(
            "The account may have {limit} invocations at once, and {needed} are needed: have Lambda's quota \
             \"Concurrent executions\" raised, or lower the lanes (`pulse lanes`)."
        ),
        Finding::NotReserved => "No concurrency is reserved: another function of the account can take the lanes. That \
                                 is right for a trial only (parameter ReserveConcurrency)."
            .into(),
        Finding::Starts { stage } => {
            format!("The {stage} function starts: its program, configuration and secret are in order.")
        }
        Finding::Throttled { stage } => format!(
            "The {stage} function may not run now: its reserved concurrency is 0, or wholly in use. `pulse status` says \
             whether someone holds the stage."
        ),
        Finding::NoSecret { stage, cause } => {
            format!(
                "The {stage} function doesn't start, for want of its secret: {}.",
                cause.as_str().trim_end_matches('.')
            )
        }
        Finding::DoesNotStart { stage, cause } => {
            format!("The {stage} function doesn't start: {cause} Its log says more.")
        }
        Finding::Stage { stage, condition } if finding.level() == Level::Fine => {
            format!("The {stage} stage is {condition}.")
        }
        Finding::Stage { stage, condition } => {
            format!("The {stage} stage is {condition}: `pulse status` says since when and why.")
        }
        Finding::Mapping { stage, state, .. } if finding.level() == Level::Fine => {
            format!("The {stage} stage's mapping is {}.", state.to_lowercase())
        }
        Finding::Mapping { stage, state, is_held: false } if finding.level() == Level::Trouble => format!(
            "The {stage} stage's mapping is {}, and nothing holds the stage: no message is worked on. `pulse resume \
             {stage}` turns it on, if it is still there.",
            state.to_lowercase()
        ),
        Finding::Mapping { stage, state, .. } => format!(
            "The {stage} stage's mapping is {} still: tick has it as it is to be within a minute; look again then.",
            state.to_lowercase()
        ),
        Finding::NoSchedules => "Schedules can be listed, and there is none yet.".into(),
        Finding::ScheduleRead => "Schedules can be listed, and the first of them read.".into(),
        Finding::StrangeSchedule { customer } => format!(
            "The schedule of {customer} is listed, and isn't as Pulse makes it: `pulse audit --deep` tells whose others \
             aren't, and --repair mends them."
        ),
        Finding::ScheduleGroup { state } if finding.level() == Level::Fine => {
            format!("The schedules' group is {}.", state.to_lowercase())
        }
        Finding::ScheduleGroup { state } => format!(
            "The schedules' group is {}: a stack of this name is being deleted. Wait until it is gone, and deploy \
             again.",
            state.to_lowercase()
        ),
        Finding::ScheduleQuota { schedules, created_per_second, customers } => {
            let takes = *customers as f64 / created_per_second.max(1.0);
            let most = format!("{schedules:.0} schedules, {created_per_second:.0} created a second");
            if finding.level() == Level::Fine {
                format!("{most}: {customers} customers are enrolled in {:.0} minutes at best.", (takes / 60.0).ceil())
            } else {
                format!(
                    "{most}, for {customers} customers: have EventBridge Scheduler's quota \"Number of schedules\" \
                     raised."
                )
            }
        }
        _ => return None,
    })
}

fn of_mail(finding: &Finding) -> Option<String> {
    let is_fine = finding.level() == Level::Fine;
    Some(match finding {
        Finding::Sandbox => "SES is in its sandbox: it mails verified addresses only, 200 a day. Ask for production \
                             access before customers are enrolled."
            .into(),
        Finding::SendingPaused => {
            "SES sends nothing for this account: its sending is paused. Open the SES console, Account dashboard.".into()
        }
        Finding::Enforcement { status } if is_fine => format!("SES finds the account {}.", status.to_lowercase()),
        Finding::Enforcement { status } => format!(
            "SES has the account under {}: see its mails to you, and the SES console, Reputation metrics.",
            status.to_lowercase()
        ),
        Finding::SendingRate { allowed, configured } if is_fine => {
            format!("SES takes {allowed} mails a second; Pulse sends {configured:.2} at most.")
        }
        Finding::SendingRate { allowed, configured } => format!(
            "SES takes {allowed} mails a second, and Pulse may send {configured:.2}: deploy with SesRate={allowed}, or \
             have the quota raised."
        ),
        Finding::DailyQuota { allowed, needed } if is_fine => {
            format!("SES takes {allowed:.0} mails in 24 hours; {needed:.0} are due on an even day.")
        }
        Finding::DailyQuota { allowed, needed } => format!(
            "SES takes {allowed:.0} mails in 24 hours, and {needed:.0} are due on an even day: have the quota raised."
        ),
        Finding::NoIdentity { domain } => format!(
            "SES knows neither the sender's address nor {domain}: `aws sesv2 create-email-identity --email-identity \
             {domain}`, and put its DNS records in place."
        ),
        Finding::Unverified { domain } => {
            format!("{domain} isn't verified: put the DNS records in place that the SES console shows for it.")
        }
        Finding::Unsigned { domain } => format!(
            "Mails from {domain} aren't signed, and large receivers refuse such mails: set up Easy DKIM for the domain."
        ),
        Finding::Identity { domain } => format!("{domain} is verified, and its mails are signed."),
        Finding::NoMailFrom { domain } => format!(
            "{domain} has no MAIL FROM domain of its own, so that SPF passes for amazonses.com: DMARC holds by DKIM \
             alone."
        ),
        Finding::MailFrom { .. } if is_fine => "The MAIL FROM domain works.".into(),
        Finding::MailFrom { state } => format!(
            "The MAIL FROM domain's state is {}: put the MX and TXT records in place that the SES console shows for it.",
            state.to_lowercase()
        ),
        Finding::NoConfigurationSet { name } => format!(
            "There is no configuration set {name}, and SES refuses mails that go by it: create it, or deploy with \
             SesConfigurationSet empty."
        ),
        Finding::ConfigurationSetPaused { name } => {
            format!("The configuration set {name} lets no mail out: enable its sending in the SES console.")
        }
        Finding::ConfigurationSet { name } => format!("Mails go by the configuration set {name}."),
        Finding::NotSes => "Mails don't go by Amazon SES: what another provider allows can't be looked at from here. \
                            `pulse doctor --mail-to` sends a mail through it."
            .into(),
        Finding::TestMailSent { provider_id } => format!(
            "The test mail was accepted as {provider_id}. When it is there, save it with all its headers, and read it \
             with `pulse doctor --received FILE`."
        ),
        Finding::TestMailFailed { cause } => format!("The test mail wasn't sent: {cause}"),
        Finding::Authentication { method, result } => authentication(*method, result.as_deref()),
        Finding::OneClick => "Customers unsubscribe with one click, and by a link in every letter.".into(),
        Finding::LinkOnly => "Customers unsubscribe by a link in every letter. One click is Marketing Cloud's business: \
                              `pulse doctor --received` says whether its mails have the headers for it."
            .into(),
        Finding::NoOneClick { daily } if finding.level() == Level::Remark => format!(
            "Nobody can unsubscribe but by a reply. Gmail and Yahoo ask for unsubscription with one click from 5,000 \
             mails a day on; {daily:.0} are due on an even day."
        ),
        Finding::NoOneClick { daily } => format!(
            "Nobody can unsubscribe but by a reply, and {daily:.0} mails are due on an even day: Gmail and Yahoo ask for \
             unsubscription with one click from 5,000 on. Deploy with the feedback API (configuration.md, \"Bulk mail\")."
        ),
        Finding::UnsubscribeHeaders { present: false, .. } => {
            "There are no List-Unsubscribe headers: nobody can unsubscribe with one click.".into()
        }
        Finding::UnsubscribeHeaders { one_click: false, .. } => {
            "The List-Unsubscribe headers aren't those of one click: it takes one List-Unsubscribe with an https address \
             in angle brackets, and one List-Unsubscribe-Post that says List-Unsubscribe=One-Click (RFC 8058). See what \
             on the way changes the mail."
                .into()
        }
        Finding::UnsubscribeHeaders { .. } if is_fine => {
            "Both List-Unsubscribe headers are there, and signed by the sender's domain.".into()
        }
        Finding::UnsubscribeHeaders { .. } => "The List-Unsubscribe headers aren't both covered by a signature of the \
                                               sender's domain, so that receivers don't offer them: set up DKIM for \
                                               the From's domain."
            .into(),
        _ => return None,
    })
}

fn authentication(method: Method, result: Option<&str>) -> String {
    let (name, mend) = match method {
        Method::Spf => ("SPF", "see the MAIL FROM domain's TXT record"),
        Method::Dkim => ("DKIM", "see the domain's CNAME records that the SES console shows"),
        Method::Dmarc => ("DMARC", "neither SPF nor DKIM is of the From's own domain, or its _dmarc record is wrong"),
    };
    match result {
        Some("pass") => format!("{name} passed."),
        Some(result) => format!("{name} didn't pass, the receiver says \"{result}\": {mend}."),
        None => format!("The receiver says nothing of {name}. Some don't: send it to another mailbox as well."),
    }
}

#[cfg(test)]
mod tests;
