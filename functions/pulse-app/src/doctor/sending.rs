//! Whether Amazon SES would send a month's mails.

use pulse_core::{
    ports::{AccountError, SendingAccount, SendingIdentity, SendingLimits},
    slot::LAST_SHARED_DAY,
};

use super::{Finding, MailSetup, Topic, unknown};

pub(super) async fn examine(mail: &MailSetup<'_>, customers: u64) -> Vec<Finding> {
    let &MailSetup::Ses { account, sender, configuration_set, rate_per_second } = mail else {
        return vec![Finding::NotSes];
    };
    let mut found = match account.limits().await {
        Ok(limits) => limits_found(&limits, customers, rate_per_second),
        Err(error) => vec![unknown(Topic::Mail, &error)],
    };
    let mut by_default = None;
    match sending_as(account, sender.expose()).await {
        Ok((domain, identity)) => {
            found.extend(identity_found(&domain, identity.as_ref()));
            by_default = identity.and_then(|identity| identity.configuration_set);
        }
        Err(error) => found.push(unknown(Topic::Mail, &error)),
    }
    // What a mail names goes before what its identity has.
    if let Some(name) = configuration_set.map(str::to_owned).or(by_default) {
        found.push(match account.is_sending(&name).await {
            Ok(Some(true)) => Finding::ConfigurationSet { name },
            Ok(Some(false)) => Finding::ConfigurationSetPaused { name },
            Ok(None) => Finding::NoConfigurationSet { name },
            Err(error) => unknown(Topic::Mail, &error),
        });
    }
    found
}

fn limits_found(limits: &SendingLimits, customers: u64, configured: f64) -> Vec<Finding> {
    let mut found = Vec::new();
    if !limits.in_production {
        found.push(Finding::Sandbox);
    }
    if !limits.is_enabled {
        found.push(Finding::SendingPaused);
    }
    found.push(Finding::Enforcement { status: limits.enforcement.clone() });
    found.push(Finding::SendingRate { allowed: limits.per_second, configured });
    if let Some(allowed) = limits.per_day {
        found.push(Finding::DailyQuota { allowed, needed: daily(customers) });
    }
    found
}

/// Mails on an even day: slots are spread over the days that every month has.
fn daily(customers: u64) -> f64 {
    (customers as f64 / f64::from(LAST_SHARED_DAY)).ceil()
}

pub(super) fn unsubscribing(mail: &MailSetup<'_>, has_links: bool, customers: u64) -> Finding {
    match (mail, has_links) {
        (_, false) => Finding::NoOneClick { daily: daily(customers) },
        (MailSetup::Ses { .. }, true) => Finding::OneClick,
        (MailSetup::Other, true) => Finding::LinkOnly,
    }
}

/// The identity that SES takes for a sender: the address, if it is verified itself, and otherwise its domain or the
/// nearest one above (Amazon SES Developer Guide, "Verified identities in Amazon SES"). Mails of an address are signed
/// by its domain's identity, where that is set up. What is shown of it is the domain.
async fn sending_as(
    account: &dyn SendingAccount,
    address: &str,
) -> Result<(String, Option<SendingIdentity>), AccountError> {
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
    let own = account.identity(address).await?.filter(|identity| identity.is_verified);
    let of_domain = nearest(account, domain).await?;
    let Some(own) = own else {
        return Ok(of_domain.map_or((domain.to_owned(), None), |(name, identity)| (name, Some(identity))));
    };
    let is_signed = own.is_signed || of_domain.is_some_and(|(_, identity)| identity.is_signed);
    Ok((domain.to_owned(), Some(SendingIdentity { is_signed, ..own })))
}

async fn nearest(
    account: &dyn SendingAccount,
    domain: &str,
) -> Result<Option<(String, SendingIdentity)>, AccountError> {
    let mut name = domain;
    while name.contains('.') {
        if let Some(identity) = account.identity(name).await? {
            return Ok(Some((name.to_owned(), identity)));
        }
        name = name.split_once('.').map_or("", |(_, above)| above);
    }
    Ok(None)
}

fn identity_found(domain: &str, identity: Option<&SendingIdentity>) -> Vec<Finding> {
    let domain = domain.to_owned();
    let Some(identity) = identity else { return vec![Finding::NoIdentity { domain }] };
    if !identity.is_verified {
        return vec![Finding::Unverified { domain }];
    }
    let signed = if identity.is_signed {
        Finding::Identity { domain: domain.clone() }
    } else {
        Finding::Unsigned { domain: domain.clone() }
    };
    let mail_from = match &identity.mail_from {
        Some(state) => Finding::MailFrom { state: state.clone() },
        None => Finding::NoMailFrom { domain },
    };
    vec![signed, mail_from]
}
