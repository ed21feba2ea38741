//! A provider as its operators see it: the order of an operator, the reports of its workers, its
//! account.

use std::sync::Arc;
use std::time::Duration;

use sms_core::provider::explain_by;
use sms_core::worker::control::{PauseOrder, Reported};
use sms_core::{
    AccountInfo, Explanation, Price, PriceQuery, Provider, ProviderControl, Registry, Result,
    Route, Sandbox,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::price_cache::{NoPrice, PriceCache};

/// The age at which the last report of a worker no longer counts.
const REPORT_TTL: Duration = Duration::from_secs(20);
/// The longest the provider may take to answer about the account.
const ACCOUNT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for which that answer is shown before the provider is asked again.
const ACCOUNT_TTL: Duration = Duration::from_secs(15);

/// The account, or why it is not known.
type Account = std::result::Result<AccountInfo, String>;

/// A provider with the orders for it and the reports about it.
#[derive(Debug)]
pub(crate) struct ProviderMonitor {
    provider: Arc<dyn Provider>,
    control: ProviderControl,
    account: Arc<Mutex<Option<(Instant, Account)>>>,
    prices: PriceCache,
}

impl ProviderMonitor {
    pub(crate) fn new(provider: impl Provider, registry: impl Registry) -> Self {
        let (provider, control) = (Arc::new(provider), ProviderControl::new(registry));
        Self { provider, control, account: Arc::default(), prices: PriceCache::default() }
    }

    pub(crate) fn name(&self) -> &str {
        self.provider.name()
    }

    /// The meaning of a code that the provider of this name gave. By its rules the sandbox
    /// gives codes of the provider that is tested, which knows what they mean.
    pub(crate) fn explain(&self, answered: &str, code: i32) -> Option<Explanation> {
        if answered == Sandbox::NAME {
            return self.provider.explain(code).or_else(|| Sandbox::new().explain(code));
        }
        explain_by(&*self.provider, answered, code)
    }

    /// The pause that an operator ordered, if one is in force.
    pub(crate) async fn pause_order(&self) -> Result<Option<PauseOrder>> {
        let order = self.control.last_order(self.name()).await?;
        Ok(order.map(|(_, order)| order).filter(|order| order.paused))
    }

    /// Orders the workers to pause, or to resume.
    pub(crate) async fn order(&self, paused: bool, by: &str, reason: &str) -> Result<()> {
        if paused {
            self.control.pause(self.name(), by, reason).await
        } else {
            self.control.resume(self.name(), by, reason).await
        }
    }

    /// The last reports about the default route of the workers of this provider that are alive.
    pub(crate) async fn workers(&self) -> Result<Vec<Reported>> {
        let mut workers = self.alive().await?;
        workers.retain(|Reported { report, .. }| {
            report.provider == self.name() && report.route == Route::DEFAULT.as_str()
        });
        Ok(workers)
    }

    /// The last report about each route of every worker that is alive, whatever its provider.
    pub(crate) async fn alive(&self) -> Result<Vec<Reported>> {
        let mut workers = self.control.workers().await?;
        workers.retain(|worker| worker.age <= REPORT_TTL);
        Ok(workers)
    }

    /// The price of each message, in order; `None` while the provider is paused, which is not asked
    /// then.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn prices(
        &self,
        queries: &[PriceQuery],
    ) -> Result<Option<std::result::Result<Vec<Price>, NoPrice>>> {
        if self.pause_order().await?.is_some() || self.pauses_by_itself().await? {
            return Ok(None);
        }
        Ok(Some(self.prices.prices(&*self.provider, queries).await))
    }

    /// True if every worker of this provider reports a pause.
    async fn pauses_by_itself(&self) -> Result<bool> {
        let workers = self.workers().await?;
        let all_pause = workers.iter().all(|worker| worker.report.pause.is_some());
        Ok(!workers.is_empty() && all_pause)
    }

    /// The account at the provider; `None` where it has none. The provider is asked at most once
    /// in [`ACCOUNT_TTL`], however many requests there are. Its answer is kept even if the caller
    /// does not wait for it.
    pub(crate) async fn account(&self) -> Option<Account> {
        self.provider.account()?;
        let asked = tokio::spawn(ask(Arc::clone(&self.provider), Arc::clone(&self.account)));
        asked.await.unwrap_or_else(|_| Some(Err("the provider could not be asked".to_owned())))
    }
}

/// Asks about the account, unless the last answer is new enough.
async fn ask(
    provider: Arc<dyn Provider>,
    known: Arc<Mutex<Option<(Instant, Account)>>>,
) -> Option<Account> {
    let account = provider.account()?;
    let mut known = known.lock().await;
    if let Some((at, answer)) = known.as_ref()
        && at.elapsed() < ACCOUNT_TTL
    {
        return Some(answer.clone());
    }
    let answer = match timeout(ACCOUNT_TIMEOUT, account.info()).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("the provider did not answer in time".to_owned()),
    };
    *known = Some((Instant::now(), answer.clone()));
    Some(answer)
}
