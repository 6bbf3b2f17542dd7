use pulse_aws::{config::MailProvider, stack::Stack};
use pulse_core::ports::SendingAccount as _;
use pulse_providers::{SesAccount, ses_client};

/// How many mails Amazon SES lets the account send in 24 hours, if it sends them and there is a limit (Amazon SES Developer Guide,
/// "Managing your Amazon SES sending limits"). Where that can't be asked, a campaign starts without it, and whoever starts it is told.
pub(super) async fn a_day(stack: &Stack) -> Option<u64> {
    let limits = match stack.email_config().await.map(|config| config.provider) {
        Ok(MailProvider::Ses { .. }) => {
            SesAccount::new(ses_client(&stack.aws)).limits().await.map_err(|error| error.to_string())
        }
        Ok(MailProvider::MarketingCloud { .. }) => return None,
        Err(error) => Err(format!("{error:#}")),
    };
    match limits {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of mails, and not negative"
        )]
        Ok(limits) => limits.per_day.map(|most| most as u64),
        Err(error) => {
            eprintln!("It isn't looked whether the account may send so many mails a day: {error}.");
            None
        }
    }
}
