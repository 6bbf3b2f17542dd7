//! Names become addresses, and each is looked at before any is connected to.

use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::AddressRules;

/// Asks the system for a name's addresses.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// Hands on the very addresses that it looked at, so that there is no second look-up whose answer could be another.
///
/// A name with one address that is refused is refused as a whole. What has both is set up wrongly or meant to deceive, and which
/// of its addresses is connected to first would be luck.
pub(crate) struct GuardedResolver {
    resolver: Arc<dyn Resolve>,
    rules: AddressRules,
}

/// A name leads to an address that must not be connected to.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the name leads to an address that isn't public")]
pub(crate) struct RefusedAddress;

impl GuardedResolver {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, rules: AddressRules) -> Self {
        Self { resolver, rules }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolving, rules) = (self.resolver.resolve(name), self.rules);
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            if found.iter().all(|address| rules.allow(address.ip())) {
                Ok(Box::new(found.into_iter()) as Addrs)
            } else {
                Err(RefusedAddress.into())
            }
        })
    }
}
