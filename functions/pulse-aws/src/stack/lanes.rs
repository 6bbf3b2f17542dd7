use std::sync::Arc;

use crate::{clock::SystemClock, lanes::LambdaLaneControl, sdk};
use anyhow::{Context, Result};
use pulse_core::{
    entry::StageName,
    ports::{LaneControl as _, Mapping, StageLanes},
};

use super::Stack;

impl Stack {
    /// What the stages' lanes hang on.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub fn lane_control(&self) -> Result<LambdaLaneControl> {
        Ok(LambdaLaneControl::new(sdk::lambda_client(&self.aws), Arc::new(SystemClock), self.addresses()?))
    }

    /// Asks Lambda for a stage's lanes.
    ///
    /// # Errors
    /// When the stack lacks an output, or Lambda can't be asked.
    pub async fn lanes(&self, stage: StageName) -> Result<StageLanes> {
        let settings = self.lane_control()?.settings(stage).await?;
        let mapping = sdk::lambda_client(&self.aws)
            .get_event_source_mapping()
            .uuid(self.of_stage(stage, "MappingId")?)
            .send()
            .await
            .with_context(|| format!("The {stage} stage's event source mapping can't be read"))?;
        Ok(StageLanes {
            stage,
            maximum_concurrency: settings.maximum_concurrency,
            reserved_concurrency: settings.reserved_concurrency,
            in_flight: settings.in_flight,
            mapping: Mapping(mapping.state().unwrap_or("unknown").to_owned()),
        })
    }
}
