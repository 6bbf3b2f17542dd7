use super::StageContext;
use crate::{
    entry::StageName,
    ports::{Controls, LedgerError, Stages},
};

impl StageContext {
    /// Looks a stage up. One that can't be looked at is told of by its control row alone.
    pub(crate) async fn look_up(
        controls: &dyn Controls,
        stages: &dyn Stages,
        stage: StageName,
    ) -> Result<Self, LedgerError> {
        let control = controls.control(stage).await?;
        let sight = stages.status(stage).await;
        let sight = sight.inspect_err(|error| tracing::warn!(%stage, %error, "couldn't be looked at")).ok();
        Ok(Self { control, sight, held_up_at: None })
    }
}
