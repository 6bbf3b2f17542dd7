//! The ledger on one `DynamoDB` table.
//!
//! | pk | sk | what | index attributes |
//! | --- | --- | --- | --- |
//! | `CUST#<customer>` | `PROFILE` | profile | `tally`: `ROSTER#<shard>`, `ACTIVE#<customer>` or `CLOSED#<customer>` |
//! | `CUST#<customer>` | `RUN#2026-11` | entry, open | `open`: `SCORE#<shard>` or `EMAIL#<shard>`, due |
//! | | | whose message was repeated | `open`: `SCORE-AGAIN#<shard>` or `EMAIL-AGAIN#<shard>`, when |
//! | | | that was put off | `open`: `SCORE-DEFERRED#<shard>` or `EMAIL-DEFERRED#<shard>`, until when |
//! | | | entry, closed | `tally`: `CLOSED#<shard>`, `2026-11#SENT#<customer>` |
//! | `CUST#<customer>` or `RUN#2026-11` | `OUT#crm#<fact>` | delivery to an endpoint, open | `open`: `OUT#crm#<shard>`, `OUT#crm#AGAIN#<shard>` or `OUT#crm#DEFERRED#<shard>`, as an entry |
//! | | | closed, gone after 35 days | none |
//! | `ENDPOINTS` | `crm` | endpoint | none |
//! | `CUST#<customer>` | `ACT#<moment>#<hash>` | note, gone after 400 days | none |
//! | `CUST#<customer>` | `CAMPAIGN#spring-sale` | entry in a campaign, open | `open`: `CAMPAIGN#spring-sale#<shard>`, `EMAIL#HELD#<since>`, `..#FIRST#..`, `..#AGAIN#..` or `..#DEFERRED#..` |
//! | | | closed | `tally`: `CAMPAIGN#spring-sale#<shard>`, `SENT#<customer>` |
//! | | `CAMPAIGN#invoices#INV-1` | the same about an item | the same, and closed `SENT#<customer>,INV-1` |
//! | `RUN#spring-sale` | `META` | campaign | `tally`: `CAMPAIGNS`, when it was asked for; `open`: `CAMPAIGNS`, or `CAMPAIGNS-OVER` and since when |
//! | | `EVT#00000001` | event that made a version of it | none |
//! | | `AUDIENCE#<digest>#000000` | part of an audience whose ids were given, gone after 400 days; of a start that failed, nobody reads it | none |
//! | | `AUDIENCE#ASKED#000000` | part of its audience that a question found, gone after 400 days | none |
//! | | `LETTER#<digest>` | its letter, in all its languages; another's is one of a start that failed | none |
//! | | `PLANNED` | how many parts' entries are written | none |
//! | | `PACE` | how many entries were begun today, and how far it had got when it was last counted | none |
//! | `SUPP#<key>-<digest>` | `SUPP` | suppressed address; early releases made digests without a key | `tally`: `SUPPRESSED#<shard>`, `HARD-BOUNCE#<moment>#<digest>` or `RELEASED#..`; early releases wrote none |
//! | `FEEDBACK#2026-11` | `HOUR#<moment>` | how many mails of the run came to what, gone after 400 days | none |
//! | `TOKEN#<digest>` | `TOKEN` | digest of the body that a webhook's token came with, gone after hours | none |
//! | `STAGE#score` | `HELD-UP` | when the stage was last seen held up | none |
//! | | `CONTROL` | what holds the stage: pauses and the breaker | none |
//! | | `MINUTE#<moment>` | what came of a minute's calls to its provider, gone after hours | none |
//! | `SNAPSHOT` | `LAST` | where everything stood a few minutes ago | none |
//! | | `WANTED` | when someone asked for another, gone after an hour | none |
//! | `POINT` | `AT#<moment>` | what plots draw of five minutes, gone after eight days | none |
//! | `ORDER#redrive` | `20261126-211200-3f9a2c` | an order of this kind, gone after 400 days | `open`, while it is open: `ORDERS`, when it was given |
//! | `AUDIT#daily` | `CHECKPOINT` | where the daily audit stands; `AUDIT#by-hand`: an operator's | none |
//!
//! Rows are the domain types' serde form, plus keys, index attributes and the id of the last
//! conditional write. Both indexes are sparse and hold keys only. A claim changes no index
//! attribute, so it costs one write unit and no index write.
//!
//! **Which runs are there?** Nobody keeps a list, so none can be wrong. Closed entries lie in their
//! index by run and outcome: the tally asks each shard for its first key, counts the keys that
//! begin like it (`Select=COUNT` sends no rows), and jumps behind them. That is two queries per
//! shard, run and outcome, no write, and exact for outcomes and runs of every release.
//!
//! Indexes follow the table within moments ("Eventually consistent"), so a tally taken while
//! entries move may see one of them twice or not at all; one taken at rest adds up.
//!
//! What the calls need of IAM, on the table: `customer`, `entry`, `suppression`: `GetItem`;
//! `save_customer`, `save_suppression`, `open`, `apply`, `note`, `remember_token`: `PutItem` (a transaction needs what its
//! parts need); `erase_notes`: `Query`, `DeleteItem`; `endpoints`, `line`: `Query`; `delivery`: `GetItem`; `save_endpoint`, `apply_delivery`: `PutItem`; `remove_endpoint`: `DeleteItem`; `entries`, `activities`, `minutes`, `feedback_counts`, `points`, `orders`: `Query`; `held_up_at`, `control`, `checkpoint`,
//! `snapshot`, `snapshot_wanted_at`, `campaign`, `campaign_letter`, `audience_part`, `planned_parts`, `pace`: `GetItem`; `save_campaign`, `put_campaign_letter`, `put_audience_part`, `save_planned_parts`, `save_pace`: `PutItem`; `campaign_records`, `entries_in_campaigns`: `Query`; `remember_held_up`, `save`, `save_checkpoint`, `save_snapshot`, `want_snapshot`, `save_order`: `PutItem`; `report`, `count_feedback`: `UpdateItem`.
//! On its indexes: `tally`, `run_counts`: `Query` on both; `roster`, `active_customers`,
//! `active_page`, `closed_customers`, `closed_entries`, `closed_in_run`, `suppressions`: `Query` on `tally`; `overdue`, `overdue_deliveries`, `open_entries`,
//! `open_orders`, `live_campaigns`, `waiting_in_campaign`, `open_in_part`, `open_counts`, `put_off_in_campaign`: `Query` on `open`; `campaigns`,
//! `closed_counts`, `closed_in_part`: `Query` on `tally`.

mod attributes;
mod audits;
mod campaigns;
mod counts;
mod deliveries;
mod feedback;
mod keys;
mod ledger;
mod ledger_keys;
mod listing;
mod metering;
mod operators;
mod orders;
mod refusals;
mod reports;
mod rows;
mod run_reports;
mod snapshots;
mod stages;
mod write_id;
mod writes;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

use pulse_core::{keys::KeyRing, ports::KeySource};

use ledger_keys::LedgerKeys;
use metering::ReadMeter;
use write_id::WriteIds;

/// The ledger on a `DynamoDB` table.
#[derive(Debug, Clone)]
pub struct DynamoDbLedger {
    client: Client,
    table: String,
    write_ids: Arc<WriteIds>,
    reads: ReadMeter,
    keys: LedgerKeys,
}

impl DynamoDbLedger {
    /// The ledger on `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            write_ids: Arc::default(),
            reads: ReadMeter::default(),
            keys: LedgerKeys::None,
        }
    }

    /// The same, keeping suppressed addresses under digests that are made with these keys.
    #[must_use]
    pub fn with_keys(self, keys: KeyRing) -> Self {
        Self { keys: LedgerKeys::Known(keys), ..self }
    }

    /// The same with keys that are read when the first suppressed address is looked up or kept, and not before.
    #[must_use]
    pub fn with_keys_of(self, source: Arc<dyn KeySource>) -> Self {
        Self { keys: LedgerKeys::on_demand(source), ..self }
    }

    /// The same, counting what reading costs from now on.
    #[must_use]
    pub fn metered(self) -> Self {
        Self { reads: ReadMeter::counting(), ..self }
    }
}
