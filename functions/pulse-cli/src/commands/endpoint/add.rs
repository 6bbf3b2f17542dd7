use std::{collections::BTreeSet, fmt::Write as _, num::NonZeroU32, str::FromStr};

use anyhow::Result;
use clap::{
    ArgGroup, Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use pulse_app::{AddedEndpoint, EndpointShown, EndpointSignature, NewEndpoint, NewTarget, SignedBy};
use pulse_core::{
    delivery::{Bodies, EndpointName, FactKind, Keeps, SignatureScheme, Target, WebhookUrl},
    secret_store::SecretStore,
};
use pulse_deployed::endpoint_keys;
use pulse_endpoints::{AddressRules, EndpointUrl};

use super::{Desk, rotate::what_the_receiver_has, told};
use crate::{
    exit::{Exit, Usage},
    text::asked_for,
};

/// What `pulse endpoint add` takes.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("target").args(["url", "sns", "bus"]).required(true)),
    after_help = "A webhook is signed as Standard Webhooks (https://www.standardwebhooks.com) has it, with a key of its own in \
                  Secrets Manager, whose name is STACK/endpoints/NAME, or with --parameter in Parameter Store, as \
                  /STACK/endpoints/NAME, which costs nothing. Word comes at least once, and a repeat has the same \
                  webhook-id; of one customer in order. A topic or a bus is one of the stack's account and Region that its \
                  parameter EndpointTopicArns or EndpointBusArns names.\n\n\
                  Facts: sent, skipped, failed, indeterminate, delivered, bounced, complained, unsubscribed, forgotten.\n\n\
                  Example: pulse endpoint add crm --url https://hooks.example/pulse --facts sent,bounced,forgotten"
)]
pub(super) struct Options {
    /// What it is called: 1 to 32 lower-case letters, digits and hyphens.
    #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
    name: EndpointName,

    /// A webhook: https, at an address that everybody reaches. It stays in the shell's history, and is never shown again.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,

    /// Signs with the keys in this secret, instead of a new one. Its name begins with STACK/endpoints/, or, of a parameter in
    /// Parameter Store, with /STACK/endpoints/.
    #[arg(long, value_name = "SECRET_NAME", conflicts_with_all = ["ed25519", "parameter", "sns", "bus"])]
    secret: Option<String>,

    /// Keeps the new key in Parameter Store, where it costs nothing, instead of in Secrets Manager.
    #[arg(long, conflicts_with_all = ["sns", "bus"])]
    parameter: bool,

    /// Signs with a private key whose public half the receiver is given, instead of a secret that both have.
    #[arg(long, conflicts_with_all = ["sns", "bus"])]
    ed25519: bool,

    /// A topic of Amazon SNS.
    #[arg(long, value_name = "TOPIC_ARN", value_parser = Target::topic)]
    sns: Option<Target>,

    /// An event bus of Amazon EventBridge, by its name.
    #[arg(long, value_name = "BUS", value_parser = Target::bus)]
    bus: Option<Target>,

    /// Of what it is told: kinds of facts with commas between them, or all.
    #[arg(long, value_name = "KINDS|all", value_parser = facts)]
    facts: Facts,

    /// What it gets of facts that are overtaken before they are told: each of them in order, or of each entry and profile the
    /// newest alone.
    #[arg(long, value_name = "WHICH", default_value = "every", value_parser = one_of::<Keeps>(&["every", "latest"]))]
    keep: Keeps,

    /// How much it is told: of whom, what and when; or also how the entry or the customer stands, without name and address.
    #[arg(long, value_name = "HOW", default_value = "thin", value_parser = one_of::<Bodies>(&["thin", "full"]))]
    bodies: Bodies,

    /// The most calls to it at once. Invocations of the deliver function share them evenly; without this about four.
    #[arg(long, value_name = "N")]
    lanes: Option<NonZeroU32>,
}

/// Kinds of facts that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts(pub(super) BTreeSet<FactKind>);

pub(super) fn facts(text: &str) -> Result<Facts, String> {
    if text == "all" {
        return Ok(Facts(FactKind::ALL.iter().copied().collect()));
    }
    let kind = |word: &str| {
        FactKind::from_str(word.trim()).map_err(|_| {
            let all: Vec<_> = FactKind::ALL.iter().map(ToString::to_string).collect();
            format!("\"{word}\" is no kind of facts: name some of {}, or all", all.join(", "))
        })
    };
    text.split(',').map(kind).collect::<Result<_, _>>().map(Facts)
}

pub(super) fn one_of<T: FromStr + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| T::from_str(&word))
}

/// Whether a URL may be called at all, if there is one.
pub(super) fn check(url: Option<&str>) -> Result<()> {
    url.map_or(Ok(()), |url| read(url, AddressRules::AlsoLoopback).map(|_| ()))
}

/// A URL that the stack's deliver function may call.
pub(super) async fn webhook_url(desk: &Desk, url: &str) -> Result<WebhookUrl> {
    // On loopback are the receivers of an emulator's stack alone, whose function says so.
    let on_loopback = desk.stack.deliver_config().await?.on_loopback;
    let rules = if on_loopback { AddressRules::AlsoLoopback } else { AddressRules::PublicOnly };
    Ok(WebhookUrl::new(read(url, rules)?.expose().to_owned()))
}

/// A URL as the deliver function would read it. No error repeats it.
fn read(url: &str, rules: AddressRules) -> Result<EndpointUrl> {
    EndpointUrl::parse(url, rules).map_err(|error| Usage(format!("The URL {error}.")).into())
}

pub(super) async fn run(desk: &Desk, options: Options) -> Result<Exit> {
    let Options { name, url, secret, parameter, ed25519, sns, bus, facts: Facts(facts), keep, bodies, lanes } = options;
    let target = match (sns.or(bus), url) {
        (Some(target), _) => NewTarget::OfAccount(target),
        (None, Some(url)) => {
            let url = webhook_url(desk, &url).await?;
            let scheme = if ed25519 { SignatureScheme::Ed25519 } else { SignatureScheme::HmacSha256 };
            let store = if parameter { SecretStore::ParameterStore } else { SecretStore::SecretsManager };
            NewTarget::Webhook { url, signed_by: secret.map_or(SignedBy::NewKey { scheme, store }, SignedBy::Secret) }
        }
        (None, None) => return Err(Usage("Say where to: --url, --sns or --bus.".to_owned()).into()),
    };
    let new = NewEndpoint { name, target, facts, keeps: keep, bodies, lanes };
    let added = desk.app.add_endpoint(&endpoint_keys(&desk.stack), new).await.map_err(told)?;
    desk.output.show(&added, || text(&added))?;
    Ok(Exit::Done)
}

fn text(added: &AddedEndpoint) -> String {
    let AddedEndpoint { endpoint, signature, invocations, lanes_used, told_from } = added;
    let name = &endpoint.endpoint;
    let mut text = format!(
        "{name} is added: {} at {}, told of {}.\nIt is told of what happens from {told_from:.0} on at the latest, and of \
         nothing that was before.\n",
        endpoint.kind,
        endpoint.place,
        asked_for(endpoint)
    );
    text += &lanes_unused(endpoint, *lanes_used, *invocations);
    if let Some(EndpointSignature { secret, is_new, keys }) = signature {
        let (new, noun) = (if *is_new { "new " } else { "" }, SecretStore::of(secret).noun());
        let _ = writeln!(text, "Each request is signed with the key in the {new}{noun} {secret}.");
        text += &what_the_receiver_has(secret, keys);
    } else {
        let parameter = if endpoint.kind == "sns" { "EndpointTopicArns" } else { "EndpointBusArns" };
        let _ = writeln!(
            text,
            "The deliver function may reach what the stack's parameter {parameter} names: until its ARN is there, word waits."
        );
    }
    let _ = writeln!(text, "`pulse endpoint test {name}` sends it word of nothing.");
    text
}

/// That not all of an endpoint's lanes are used, if so.
pub(super) fn lanes_unused(endpoint: &EndpointShown, used: u32, invocations: u32) -> String {
    let lanes = endpoint.lanes;
    if used == lanes {
        return String::new();
    }
    format!(
        "Of its {lanes} lanes {used} are used: up to {invocations} invocations share them, each as many as any other, and for \
         no endpoint more than half of the calls that it makes at once.\n"
    )
}

#[cfg(test)]
mod tests {
    use pulse_core::ports::KeysSeen;

    use super::*;
    use crate::commands::endpoint::tests::shown;

    #[test]
    fn facts_are_named_or_all_of_them() {
        let named = facts("sent, bounced").unwrap();
        assert_eq!(named.0.into_iter().collect::<Vec<_>>(), [FactKind::Sent, FactKind::Bounced]);
        let Facts(all) = facts("all").unwrap();
        assert_eq!(all.len(), FactKind::ALL.len());
        for bad in ["", "sent,", "mailed", "all,sent", "sent;bounced"] {
            let refused = facts(bad).unwrap_err();
            assert!(refused.contains("name some of sent, skipped, failed"), "{refused}");
        }
    }

    #[test]
    fn urls_that_may_not_be_called_are_refused_and_not_repeated() {
        for (url, rules) in [
            ("http://hooks.example/t0ken", AddressRules::AlsoLoopback),
            ("http://127.0.0.1:9000/t0ken", AddressRules::PublicOnly),
            ("https://10.0.0.1/t0ken", AddressRules::AlsoLoopback),
            ("https://ada:t0ken@hooks.example/", AddressRules::PublicOnly),
        ] {
            let refused = read(url, rules).unwrap_err();
            assert!(refused.is::<Usage>() && !refused.to_string().contains("t0ken"), "{refused}");
        }
        assert!(read("http://127.0.0.1:9000/t0ken", AddressRules::AlsoLoopback).is_ok());
        assert!(read("https://hooks.example/t0ken", AddressRules::PublicOnly).is_ok());
    }

    fn added(kind: &'static str, keys: Option<KeysSeen>) -> String {
        let secret = "pulse/endpoints/crm".to_owned();
        let signature = keys.map(|keys| EndpointSignature { secret, is_new: true, keys });
        let told_from = "2026-11-03T10:01:00Z".parse().unwrap();
        let endpoint = EndpointShown { kind, lanes: 7, ..shown() };
        text(&AddedEndpoint { endpoint, signature, invocations: 5, lanes_used: 5, told_from })
    }

    #[test]
    fn whoever_adds_a_webhook_learns_what_its_receiver_needs() {
        let keys = KeysSeen { scheme: SignatureScheme::HmacSha256, public_keys: vec![], is_rotating: false };
        insta::assert_snapshot!(added("webhook", Some(keys)));
        let public_keys = vec!["whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned()];
        let keys = KeysSeen { scheme: SignatureScheme::Ed25519, public_keys, is_rotating: false };
        let told = added("webhook", Some(keys));
        assert!(told.contains("whpk_11qY") && !told.contains("get-secret-value"), "{told}");
    }

    #[test]
    fn whoever_adds_a_topic_learns_which_parameter_names_it() {
        let told = added("sns", None);
        assert!(told.contains("parameter EndpointTopicArns names") && !told.contains("signed"), "{told}");
        assert!(added("eventbridge", None).contains("parameter EndpointBusArns names"));
    }
}
