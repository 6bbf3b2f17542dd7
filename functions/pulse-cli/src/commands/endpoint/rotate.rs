use anyhow::Result;
use clap::Args;
use pulse_app::EndpointRotated;
use pulse_core::{
    delivery::{EndpointName, SignatureScheme},
    ports::KeysSeen,
    secret_store::SecretStore,
};
use pulse_deployed::endpoint_keys;

use super::{Desk, told};
use crate::exit::Exit;

/// What `pulse endpoint rotate` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "First without --finish: from then on each request has two signatures. Then the receiver exchanges the \
                        key that it has for the new one, and last --finish lets the new one sign alone."
)]
pub(super) struct Options {
    /// The endpoint's name.
    #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
    name: EndpointName,

    /// Drops the key before the newest: the receiver has the new one.
    #[arg(long)]
    finish: bool,
}

pub(super) async fn run(desk: &Desk, options: Options) -> Result<Exit> {
    let Options { name, finish } = options;
    let keys = endpoint_keys(&desk.stack);
    let rotated = if finish {
        desk.app.finish_rotation(&keys, &name).await
    } else {
        desk.app.rotate_endpoint(&keys, &name).await
    };
    let rotated = rotated.map_err(told)?;
    desk.output.show(&rotated, || text(&rotated))?;
    Ok(Exit::Done)
}

fn text(rotated: &EndpointRotated) -> String {
    let EndpointRotated { endpoint, secret, keys } = rotated;
    if keys.is_rotating {
        return format!(
            "A new key signs beside the one that did: requests to {endpoint} have both signatures within five minutes.\n{}When \
             the receiver verifies with the new key: `pulse endpoint rotate {endpoint} --finish`.\n",
            what_the_receiver_has(secret, keys)
        );
    }
    let next = match keys.scheme {
        SignatureScheme::HmacSha256 => "Then the receiver may forget the key before.",
        SignatureScheme::Ed25519 => "Then the receiver may forget the public key before.",
    };
    format!("The new key alone signs requests to {endpoint}, within five minutes. {next}\n")
}

/// How a receiver comes by what it verifies with. No key is shown that must be kept.
pub(super) fn what_the_receiver_has(secret: &str, keys: &KeysSeen) -> String {
    if let (SignatureScheme::Ed25519, Some(public)) = (keys.scheme, keys.public_keys.first()) {
        return format!("Its receiver verifies with this public key, which is no secret:\n  {public}\n");
    }
    let which = if keys.is_rotating { " (\"current\" is the new one)" } else { "" };
    let store = SecretStore::of(secret);
    format!(
        "Its receiver verifies with the same key{which}, which whoever may read the {} has by\n  {}\n",
        store.noun(),
        store.reading(secret)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_a_parameter_is_read_as_one() {
        let keys = KeysSeen { scheme: SignatureScheme::HmacSha256, public_keys: vec![], is_rotating: false };
        let told = what_the_receiver_has("/pulse/endpoints/crm", &keys);
        let command = "aws ssm get-parameter --name /pulse/endpoints/crm --with-decryption";
        assert!(told.contains("may read the parameter") && told.contains(command), "{told}");
    }

    fn told(scheme: SignatureScheme, is_rotating: bool) -> String {
        let public = |number| format!("whpk_{number}");
        let public_keys = match (scheme, is_rotating) {
            (SignatureScheme::HmacSha256, _) => Vec::new(),
            (SignatureScheme::Ed25519, true) => vec![public(2), public(1)],
            (SignatureScheme::Ed25519, false) => vec![public(2)],
        };
        let (endpoint, secret) = (EndpointName::parse("crm").unwrap(), "pulse/endpoints/crm".to_owned());
        text(&EndpointRotated { endpoint, secret, keys: KeysSeen { scheme, public_keys, is_rotating } })
    }

    #[test]
    fn a_rotation_says_what_the_receiver_does_before_it_is_finished_and_after() {
        insta::assert_snapshot!(
            [
                told(SignatureScheme::HmacSha256, true),
                told(SignatureScheme::HmacSha256, false),
                told(SignatureScheme::Ed25519, true),
                told(SignatureScheme::Ed25519, false),
            ]
            .join("\n")
        );
    }
}
