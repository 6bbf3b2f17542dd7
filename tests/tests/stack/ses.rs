//! Mails by Amazon SES with the role that template.yaml gives the email function. The emulator asks as SES does in its
//! sandbox: for the sender's identity, the recipients', and the configuration set.

use std::time::Duration;

use pulse_tests::{
    deployed_stack::DeployedStack, emulator::shared, in_memory_stack::customer, providers::emulated_ses::EmulatedSes,
};

use super::RUNTIME;

const SENDER: &str = "Pulse <pulse@example.com>";

#[test]
fn the_email_function_sends_as_its_sender_and_as_nobody_else() {
    RUNTIME.block_on(async {
        let ses = EmulatedSes::ready_for("example.com").await;
        // Verified itself, beside its domain: then SES goes by this identity.
        ses.verify("pulse@example.com").await;
        ses.client().create_configuration_set().configuration_set_name("mails").send().await.unwrap();
        let parameters =
            [("MailProvider", "ses"), ("Sender", SENDER), ("SesConfigurationSet", "mails"), ("SesRate", "1000")];
        let stack =
            DeployedStack::build_with(shared(), "mailing", "stack", Duration::from_millis(50), &parameters).await;

        let mailed = customer("s-mailed");
        stack.set_due(std::slice::from_ref(&mailed)).await;
        stack.until(&mailed, |entry| entry.state() == "sent").await;
        assert_eq!(ses.sent("s-mailed@example.com").await, [SENDER]);

        // Of the same domain, and verified too.
        ses.verify("other@example.com").await;
        stack.set_variables("EmailFunctionName", &[("SENDER", "other@example.com")]).await;
        let refused = customer("s-refused");
        stack.set_due(std::slice::from_ref(&refused)).await;
        let entry = stack.until(&refused, |entry| entry.failure_streak().is_some()).await;
        let cause = entry.failure_streak().map(|streak| streak.cause.to_string()).unwrap_or_default();
        assert!(cause.contains("AccessDenied"), "{cause}");
        assert_eq!((entry.is_open(), ses.sent("s-refused@example.com").await), (true, Vec::<String>::new()));
    });
}
