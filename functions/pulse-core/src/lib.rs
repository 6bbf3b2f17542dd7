//! The domain of Pulse: once a month, for every customer, score and send an email.
//!
//! This crate knows no AWS, no Lambda and no clock of its own. Time, queues, the ledger and the
//! providers come in through [`ports`]; `pulse-aws` implements those on AWS, `pulse-providers` over HTTP and SES,
//! `pulse-sim` in memory.
//!
//! - [`customer`]: who is on the roster, and the parsed types a customer is made of.
//! - [`slot`] and [`run`]: when a customer is due, and which run that moment belongs to.
//! - [`entry`]: one row of the ledger and the only place that lists its legal transitions.
//! - [`campaign`]: runs that operators start, beside the months.
//! - [`stage_spec`]: the table of stages.
//! - [`stage`]: what a stage decides and does, and the worker that drives a batch through one.
//! - [`enrollment`]: putting customers on the roster and taking them off.
//! - [`tick`]: what is done every minute for entries that fell off or were put off.
//! - [`batch_answer`]: which messages of a batch a function's answer says are done.
//! - [`panics`]: catching a panic of one message.
//! - [`trace`]: what tells that calls were made for one customer's month.
//! - [`control`]: what holds a stage back: pauses, and providers that are out of order.
//! - [`pausing`]: pausing stages and resuming them.
//! - [`audit`]: the roster against the schedules against the ledger.
//! - [`overview`]: how a stage is doing.
//! - [`snapshot`]: where everything stands, counted once for everyone who looks.
//! - [`settlement`]: settling mails in doubt.
//! - [`feedback`]: what providers tell afterwards of mails.
//! - [`forgetting`]: taking what is personal from all that is kept of a customer.
//! - [`suppression`]: addresses that must not be mailed.
//! - [`secret_store`]: where a secret is kept, as its name tells.
//! - [`keys`] and [`unsubscribe`]: the deployment's keys, and the tokens by which customers unsubscribe.
//! - [`delivery`]: word of what happened, for other systems.
//! - [`drop_watch`]: mails that were accepted and then not sent.
//! - [`replay`]: queueing failed entries again from the ledger.
//! - [`dead_letters`]: what is in the dead-letter queues, and bringing it back.
//! - [`orders`]: what operators do, as rows that say who, why, what and when.
//! - [`pacing`]: calls at a pace that a service bears.
//! - [`lanes`]: how many calls a provider sees at once, and changing that without ever showing it more.
//! - [`plan`]: how many lanes a roster takes, and how long a backlog.
//! - [`bill`]: what a month costs at AWS.
//! - [`troubles`]: what somebody is to be woken for.
//! - [`why`]: who is not done in a run, and why; one customer's story.
//! - [`advice`]: what to do next.

pub mod advice;
pub mod audit;
pub mod backoff;
pub mod batch_answer;
pub mod bill;
pub mod campaign;
pub mod control;
pub mod customer;
pub mod dead_letters;
pub mod delivery;
pub mod drop_watch;
pub mod enrollment;
pub mod entry;
pub mod failure;
pub mod feedback;
pub mod forgetting;
pub mod keys;
pub mod lanes;
pub mod message;
pub mod orders;
pub mod overview;
pub mod pacing;
pub mod panics;
pub mod parse;
pub mod pausing;
pub mod plan;
pub mod ports;
pub mod quiet_hours;
pub mod replay;
pub mod roster;
pub mod run;
pub mod score;
pub mod secret_store;
pub mod settlement;
pub mod slot;
pub mod snapshot;
pub mod stable_hash;
pub mod stage;
pub mod stage_spec;
pub mod suppression;
pub mod tick;
pub mod trace;
pub mod troubles;
pub mod unsubscribe;
pub mod why;
