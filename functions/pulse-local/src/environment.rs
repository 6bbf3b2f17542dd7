//! Variables of a function that differ on this machine from what the template says.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result, bail};
use aws_config::SdkConfig;
use aws_sdk_lambda::{
    Client,
    types::{Environment, LastUpdateStatus},
};
use pulse_aws::sdk::because;
use tokio::time::{sleep, timeout};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(1);

/// Sets variables of a function, leaves its others as they are, and waits until it has them.
///
/// # Errors
/// When the function can't be read or changed.
pub async fn set(aws: &SdkConfig, function: &str, variables: &[(&str, String)]) -> Result<()> {
    let client = Client::new(aws);
    let unreadable = || format!("The configuration of {function} can't be read");
    let found = client.get_function_configuration().function_name(function).send().await;
    let found = found.map_err(because(unreadable()))?;
    let mut all: HashMap<String, String> =
        found.environment().and_then(|environment| environment.variables()).cloned().unwrap_or_default();
    all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let changed = client.update_function_configuration().function_name(function);
    let changed = changed.environment(Environment::builder().set_variables(Some(all)).build()).send().await;
    changed.map_err(because(format!("The variables of {function} can't be set")))?;
    let settled = async {
        loop {
            let found = client.get_function_configuration().function_name(function).send().await;
            match found.map_err(because(unreadable()))?.last_update_status() {
                Some(LastUpdateStatus::InProgress) => sleep(BETWEEN_LOOKS).await,
                Some(LastUpdateStatus::Failed) => {
                    bail!("The emulator could not set the variables of {function}: its log may say why.")
                }
                _ => return Ok(()),
            }
        }
    };
    timeout(PATIENCE, settled)
        .await
        .with_context(|| format!("The emulator took too long to set the variables of {function}."))?
}
