//! What to do next, as data: a command line writes a command, a web page draws a button.

use serde::Serialize;

use crate::{
    customer::CustomerId,
    delivery::EndpointName,
    entry::{ItemId, StageName},
    run::RunId,
};

/// Something that an operator may do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "advice", rename_all = "kebab-case")]
pub enum Advice {
    /// Queue again what a stage gave up in a run.
    Redrive {
        /// The stage.
        stage: StageName,
        /// The run.
        run: RunId,
    },
    /// Queue one entry again.
    ReplayAgain {
        /// The customer that it is of.
        customer: CustomerId,
        /// In which run.
        run: RunId,
    },
    /// Order a further mail of the month, with a note that says why.
    OrderFurtherMail {
        /// To whom.
        customer: CustomerId,
        /// Of which run.
        run: RunId,
    },
    /// Mail before the entry is due, with a note that says why.
    MailBeforeDue {
        /// To whom.
        customer: CustomerId,
        /// In which run.
        run: RunId,
    },
    /// Say what became of a mail of which it isn't known whether it was accepted.
    Settle {
        /// The customer that it is of.
        customer: CustomerId,
        /// In which run.
        run: RunId,
        /// About which item, if it is about one.
        #[serde(skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
    },
    /// Bring a customer's schedule and open entry in line with the profile.
    Enroll {
        /// The customer that it is of.
        customer: CustomerId,
    },
    /// Put someone on the roster.
    EnrollSomeone,
    /// End a pause.
    Resume {
        /// Of which stage.
        stage: StageName,
    },
    /// End a hold for bad reputation, with a note that says why mails may go on.
    ResumeWithNote {
        /// Of which stage.
        stage: StageName,
    },
    /// Enable a stage's mapping in the AWS console.
    EnableMapping {
        /// Of which stage.
        stage: StageName,
    },
    /// Raise the reserved concurrency of a stage's function.
    RaiseConcurrency {
        /// Of which stage.
        stage: StageName,
    },
    /// Look at a customer: there are the runs that they have.
    LookAtCustomer {
        /// At whom.
        customer: CustomerId,
    },
    /// Look at how the stages are.
    LookAtStages,
    /// Look at a stage's lanes.
    LookAtLanes {
        /// Of which stage.
        stage: StageName,
    },
    /// Look at what was ordered.
    LookAtOrders,
    /// Look at the campaigns.
    LookAtCampaigns,
    /// Look at a campaign.
    LookAtCampaign {
        /// By its name, which is never given twice.
        run: RunId,
    },
    /// Ask why an entry isn't done.
    Why {
        /// The customer that it is of.
        customer: CustomerId,
        /// In which run.
        run: RunId,
    },
    /// Look at the endpoints.
    LookAtEndpoints,
    /// Give an endpoint so many lanes.
    GiveLanes {
        /// By the name that an operator gave it.
        endpoint: EndpointName,
        /// How many at least.
        lanes: u32,
    },
    /// Drop the key before the newest, once the receiver knows that one.
    FinishRotation {
        /// Of which endpoint.
        endpoint: EndpointName,
    },
    /// Sign with the keys of a secret that is there.
    SignWith {
        /// The secret's name.
        secret: String,
    },
    /// Bring a secret back that is being deleted.
    RestoreSecret {
        /// Its name.
        secret: String,
    },
    /// Pretend a score, to see a mail that has none yet.
    PretendScore,
    /// Repair what an audit finds.
    RepairByAudit,
}
