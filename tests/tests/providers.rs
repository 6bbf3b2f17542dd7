//! The providers: one conformance suite per port, and what is particular to each adapter.

mod providers {
    mod courier;
    mod endpoint_keys;
    mod ens;
    mod freeze;
    mod http_partner;
    mod http_scorer;
    mod marketing_cloud;
    mod memory;
    mod message;
    mod ses;
    mod stand_ins;
    mod standard_webhooks;
    mod webhook_addresses;
    mod webhooks;
}
