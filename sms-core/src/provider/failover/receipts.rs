//! Status queries of several providers.

use async_trait::async_trait;

use super::{Failover, is_of};
use crate::error::Result;
use crate::provider::Provider as _;
use crate::provider::receipt::Receipt;
use crate::provider::status_queries::{Polling, ProviderRef, Receipts};

#[async_trait]
impl Receipts for Failover {
    /// The earliest first query, shortest interval, latest end and smallest batch of all.
    fn polling(&self) -> Polling {
        let all = || {
            self.providers.iter().filter_map(|provider| provider.receipts()).map(Receipts::polling)
        };
        Polling {
            first: all().map(|polling| polling.first).min().unwrap_or_default(),
            max: all().map(|polling| polling.max).min().unwrap_or_default(),
            give_up: all().map(|polling| polling.give_up).max().unwrap_or_default(),
            batch: all().map(|polling| polling.batch).min().unwrap_or(1),
            costs: all().any(|polling| polling.costs),
        }
    }

    /// The receipts of all providers. Fails only if none of them answers.
    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let (mut found, mut answered, mut failed) = (Vec::new(), false, None);
        for provider in &self.providers {
            let own: Vec<ProviderRef> =
                ids.iter().filter(|id| is_of(provider, &id.provider)).cloned().collect();
            if let (Some(receipts), false) = (provider.receipts(), own.is_empty()) {
                match receipts.query(&own).await {
                    Ok(mut receipts) => {
                        answered = true;
                        found.append(&mut receipts);
                    }
                    Err(error) => {
                        tracing::warn!(provider = provider.name(), %error, "status query failed");
                        failed = Some(error);
                    }
                }
            }
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(found),
        }
    }
}
