use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use clap::Args;
use pulse_app::{EndpointRemoval, EndpointRemoved};
use pulse_core::{delivery::EndpointName, secret_store::SecretStore};

use super::{Desk, list::waiting, told};
use crate::exit::{Exit, Usage};

/// What `pulse endpoint remove` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "What waits for it is dropped, and can't be brought back. To keep it, `pulse endpoint pause` instead: nothing \
                  is lost then, however long that lasts."
)]
pub(super) struct Options {
    /// The endpoint's name.
    #[arg(value_name = "NAME", value_parser = EndpointName::parse)]
    name: EndpointName,

    /// Doesn't ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(desk: &Desk, options: Options) -> Result<Exit> {
    let Options { name, yes } = options;
    if !yes {
        let removal = desk.app.endpoint_removal(&name).await.map_err(told)?;
        if !confirmed(desk, &removal)? {
            desk.output.remark(format!("Nothing is done: that wasn't {name}."));
            return Ok(Exit::Failed);
        }
    }
    let removed = desk.app.remove_endpoint(&name).await.map_err(told)?;
    desk.output.show(&removed, || text(&removed))?;
    Ok(Exit::Done)
}

/// Whether someone at the terminal means it, who sees what is dropped.
fn confirmed(desk: &Desk, removal: &EndpointRemoval) -> Result<bool> {
    let name = &removal.endpoint.endpoint;
    let what = format!("{}: dropped with {name}, for good.", waiting(&removal.waiting));
    if !io::stdin().is_terminal() {
        return Err(Usage(format!("{what} Nobody can be asked whether it is to be removed: --yes says so.")).into());
    }
    desk.output.remark(what);
    eprint!("This can't be undone. Type the name again to remove {name}: ");
    let _ = io::stderr().flush();
    let mut typed = String::new();
    io::stdin().read_line(&mut typed).context("Nothing can be read from the terminal")?;
    Ok(typed.trim() == name.as_str())
}

fn text(removed: &EndpointRemoved) -> String {
    let EndpointRemoved { endpoint, removed_at, again, waiting: waits, secret } = removed;
    let what = if *again {
        format!("{endpoint} was removed already, at {removed_at:.0}")
    } else {
        format!("{endpoint} is removed: it is told of nothing more")
    };
    let dropped = match waits.deliveries {
        0 => "Nothing waits for it, and its name is free within minutes".to_owned(),
        _ => format!("{}: tick drops that, some 500 deliveries a minute, and then the name is free", waiting(waits)),
    };
    let secret = secret.as_ref().map(|secret| {
        let store = SecretStore::of(secret);
        let costs = match store {
            SecretStore::SecretsManager => ", and costs",
            SecretStore::ParameterStore => "",
        };
        format!("Its {} stays{costs}: `{}` deletes it.\n", store.noun(), store.deleting(secret))
    });
    format!("{what}. {dropped}.\n{}", secret.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use pulse_app::Waiting;

    use super::*;

    #[test]
    fn what_is_dropped_and_what_stays_of_it_is_told() {
        let removed = EndpointRemoved {
            endpoint: EndpointName::parse("crm").unwrap(),
            removed_at: "2026-11-03T10:00:00Z".parse().unwrap(),
            again: false,
            waiting: Waiting { deliveries: 12, ..Waiting::default() },
            secret: Some("pulse/endpoints/crm".to_owned()),
        };
        assert_eq!(
            text(&removed),
            "crm is removed: it is told of nothing more. 12 deliveries wait: tick drops that, some 500 deliveries a minute, and \
             then the name is free.\nIts secret stays, and costs: `aws secretsmanager delete-secret --secret-id \
             pulse/endpoints/crm` deletes it.\n"
        );
        let parameter = EndpointRemoved { secret: Some("/pulse/endpoints/crm".to_owned()), ..removed.clone() };
        let told = text(&parameter);
        let command = "\nIts parameter stays: `aws ssm delete-parameter --name /pulse/endpoints/crm` deletes it.\n";
        assert!(told.ends_with(command), "{told}");
        let again = EndpointRemoved { again: true, waiting: Waiting::default(), secret: None, ..removed };
        assert_eq!(
            text(&again),
            "crm was removed already, at 2026-11-03T10:00:00Z. Nothing waits for it, and its name is free within minutes.\n"
        );
    }
}
