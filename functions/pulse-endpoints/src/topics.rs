//! Topics of Amazon SNS.

use aws_sdk_sns::{
    Client, error::BuildError, operation::publish::builders::PublishFluentBuilder, types::MessageAttributeValue,
};
use pulse_core::ports::{CourierError, Word};

use crate::refusal::{Receiver, rejected};

/// Topics of the account's. Needs `sns:Publish` on them.
#[derive(Debug)]
pub(crate) struct SnsTopics(Client);

impl SnsTopics {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }

    /// Publishes word on a topic. Subscribers filter by the attribute `type`, and tell a repeat by `id`.
    pub(crate) async fn publish(&self, topic: &str, word: &Word) -> Result<(), CourierError> {
        let request = self.request(topic, word);
        let request =
            request.map_err(|_| rejected("This can't be put into a request to SNS: it won't ever be taken."))?;
        let receiver = Receiver {
            service: "SNS",
            target: &format!("topic {topic}"),
            takes: "PublishToTopics of DeliverRole in template.yaml, which names those of EndpointTopicArns",
            // A topic of another Region, or of no such form; one that is first in, first out, and wants a group.
            speaks_of_target: &["TopicArn", "MessageGroupId", "MessageDeduplicationId"],
        };
        request.send().await.map(drop).map_err(|error| receiver.failed(&error))
    }

    fn request(&self, topic: &str, word: &Word) -> Result<PublishFluentBuilder, BuildError> {
        let publish = self.0.publish().topic_arn(topic).message(&word.body);
        Ok(publish
            .message_attributes("type", attribute(word.event_type)?)
            .message_attributes("id", attribute(&word.id)?))
    }
}

fn attribute(value: &str) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
