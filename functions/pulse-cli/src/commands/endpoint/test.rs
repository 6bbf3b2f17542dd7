use anyhow::Result;
use pulse_app::EndpointTested;
use pulse_aws::account::StackAccount;
use pulse_core::delivery::EndpointName;

use super::{Desk, told};
use crate::exit::Exit;

pub(super) async fn run(desk: &Desk, name: &EndpointName) -> Result<Exit> {
    let account = StackAccount::new(desk.stack.clone());
    let tested = desk.app.test_endpoint(&account, name).await.map_err(told)?;
    desk.output.show(&tested, || text(&tested))?;
    Ok(if tested.cause.is_none() { Exit::Done } else { Exit::Failed })
}

fn text(tested: &EndpointTested) -> String {
    let name = &tested.endpoint;
    match (&tested.cause, tested.took_ms) {
        (Some(cause), _) => format!("{name} didn't take word of nothing: {cause}\n"),
        (None, took) => {
            let took = took.map(|took| format!(" in {took} ms")).unwrap_or_default();
            format!("{name} took word of nothing{took}.\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::failure::Cause;

    use super::*;

    #[test]
    fn what_came_of_it_is_told() {
        let endpoint = EndpointName::parse("crm").unwrap();
        let tested = EndpointTested { endpoint, took_ms: Some(120), cause: None };
        assert_eq!(text(&tested), "crm took word of nothing in 120 ms.\n");
        let cause = Some(Cause::new("https://hooks.example answered 403: it doesn't let Pulse in."));
        let failed = text(&EndpointTested { took_ms: None, cause, ..tested });
        assert_eq!(
            failed,
            "crm didn't take word of nothing: https://hooks.example answered 403: it doesn't let Pulse in.\n"
        );
    }
}
