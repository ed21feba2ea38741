//! Rules of the sandbox: the ends that the messages of a partition get.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sms_core::registry::Expect;
use sms_core::{Error, ErrorKind, NewMessage, PhoneNumber, Registry, Result, Route, SandboxAction};
use tokio::time::Instant;

/// The kind of the records in the registry. Their names are the owners of messages.
const KIND: &str = "sandbox_rules";
/// The time for which rules are taken from the cache: the delay of a change on other nodes.
const TTL: Duration = Duration::from_secs(2);
/// The most partitions in the cache.
const MAX_PARTITIONS: usize = 1_000;

/// A rule: messages that match get this end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SandboxRule {
    /// The recipient; `None` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<PhoneNumber>,
    /// The share of these messages, drawn at random; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) share: Option<f64>,
    /// The end.
    #[serde(flatten)]
    pub(crate) action: SandboxAction,
}

/// The rules of a partition, of which the first that matches wins.
#[derive(Clone, Debug)]
pub(crate) struct RuleList(pub(crate) Arc<[SandboxRule]>);

impl RuleList {
    /// No rules: those of messages that do not go through the sandbox.
    pub(crate) fn none() -> Self {
        Self(Arc::from([]))
    }

    /// The end of a message to this number; `None` where no rule matches.
    pub(crate) fn draw(&self, to: PhoneNumber) -> Option<SandboxAction> {
        self.draw_with(to, fastrand::f64)
    }

    fn draw_with(&self, to: PhoneNumber, random: impl Fn() -> f64) -> Option<SandboxAction> {
        let matches = |rule: &&SandboxRule| {
            rule.to.is_none_or(|number| number == to)
                && rule.share.is_none_or(|share| random() < share)
        };
        self.0.iter().find(matches).map(|rule| rule.action)
    }
}

/// The rules of all partitions, kept in the registry.
#[derive(Debug)]
pub(crate) struct SandboxRules {
    registry: Arc<dyn Registry>,
    cache: Mutex<HashMap<String, Cached>>,
}

#[derive(Clone, Debug)]
struct Cached {
    rules: RuleList,
    read_at: Instant,
}

impl SandboxRules {
    pub(crate) fn new(registry: Arc<dyn Registry>) -> Self {
        Self { registry, cache: Mutex::default() }
    }

    /// The end of a message with these rules. `sends_nothing` tells that the sandbox stands in for
    /// the provider; else only messages that take its route go through it, and others have none.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub(crate) async fn draw(
        &self,
        message: &NewMessage,
        sends_nothing: bool,
    ) -> Result<Option<SandboxAction>> {
        let owner = message.owner.as_deref().unwrap_or_default();
        Ok(self.rules_for(owner, message.route.as_str(), sends_nothing).await?.draw(message.to))
    }

    /// The rules for messages of this owner that take this route.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    pub(crate) async fn rules_for(
        &self,
        owner: &str,
        route: &str,
        sends_nothing: bool,
    ) -> Result<RuleList> {
        if sends_nothing || route == Route::SANDBOX.as_str() {
            self.get(owner).await
        } else {
            Ok(RuleList::none())
        }
    }

    /// The rules of this partition, as of the last two seconds.
    ///
    /// # Errors
    ///
    /// The registry's; `Internal` for a record that holds no rules.
    pub(crate) async fn get(&self, partition: &str) -> Result<RuleList> {
        if let Some(rules) = self.cached(partition) {
            return Ok(rules);
        }
        let read_at = Instant::now();
        let rules = match self.registry.get(KIND, partition).await? {
            Some(record) => {
                let rules: Vec<_> = serde_json::from_value(record.value).map_err(unreadable)?;
                RuleList(rules.into())
            }
            None => RuleList::none(),
        };
        self.remember(partition, &rules, read_at);
        Ok(rules)
    }

    /// Replaces the rules of this partition. This process goes by them at once.
    ///
    /// # Errors
    ///
    /// The registry's.
    pub(crate) async fn put(&self, partition: &str, rules: &RuleList) -> Result<()> {
        let value = serde_json::to_value(&*rules.0).map_err(unreadable)?;
        self.registry.put(KIND, partition, &value, Expect::Anything).await?;
        self.remember(partition, rules, Instant::now());
        Ok(())
    }

    fn cached(&self, partition: &str) -> Option<RuleList> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = cache.get(partition).filter(|cached| cached.read_at.elapsed() < TTL)?;
        Some(cached.rules.clone())
    }

    /// A read that began before a change does not undo it.
    fn remember(&self, partition: &str, rules: &RuleList, read_at: Instant) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_PARTITIONS {
            cache.retain(|_, cached| cached.read_at.elapsed() < TTL);
        }
        if cache.get(partition).is_none_or(|known| known.read_at <= read_at) {
            cache.insert(partition.to_owned(), Cached { rules: rules.clone(), read_at });
        }
    }
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "rules of the sandbox cannot be read").with_source(error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sms_core::MemoryRegistry;

    use super::*;

    fn number(digits: u64) -> PhoneNumber {
        PhoneNumber::from_digits(digits).unwrap()
    }

    fn rule(to: Option<u64>, share: Option<f64>, action: SandboxAction) -> SandboxRule {
        SandboxRule { to: to.map(number), share, action }
    }

    fn list(rules: &[SandboxRule]) -> RuleList {
        RuleList(rules.into())
    }

    #[test]
    fn the_first_rule_that_matches_wins_and_a_share_leaves_the_rest_to_the_next() {
        let rules = list(&[
            rule(Some(79_251_234_567), None, SandboxAction::Silent),
            rule(Some(79_251_234_568), Some(0.5), SandboxAction::Lose),
            rule(None, Some(0.1), SandboxAction::Deliver),
            rule(None, Some(0.0), SandboxAction::Lose),
        ]);
        for (to, random, expected) in [
            (79_251_234_567, 0.9, Some(SandboxAction::Silent)),
            (79_251_234_568, 0.4, Some(SandboxAction::Lose)),
            (79_251_234_568, 0.6, None),
            (79_251_234_569, 0.0, Some(SandboxAction::Deliver)),
            (79_251_234_569, 0.1, None),
        ] {
            assert_eq!(rules.draw_with(number(to), || random), expected, "{to} {random}");
        }
        let all = list(&[rule(None, Some(1.0), SandboxAction::Lose)]);
        assert_eq!(all.draw_with(number(79_251_234_567), || 0.999), Some(SandboxAction::Lose));
        assert_eq!(RuleList::none().draw(number(79_251_234_567)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn rules_are_of_their_partition_and_other_nodes_follow_within_two_seconds() {
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        let (here, elsewhere) =
            (SandboxRules::new(Arc::clone(&registry)), SandboxRules::new(Arc::clone(&registry)));
        let of = async |node: &SandboxRules, partition| node.get(partition).await.unwrap().0;
        assert!(of(&elsewhere, "a").await.is_empty());
        let rules = list(&[
            rule(Some(79_251_234_567), Some(0.5), SandboxAction::Fail { code: 202 }),
            rule(None, None, SandboxAction::Delay { seconds: 5 }),
        ]);
        here.put("a", &rules).await.unwrap();
        assert_eq!(of(&here, "a").await, rules.0, "at once");
        assert!(of(&here, "b").await.is_empty());
        assert!(of(&elsewhere, "a").await.is_empty(), "from the cache");
        tokio::time::advance(TTL).await;
        assert_eq!(of(&elsewhere, "a").await, rules.0);
        let kept = registry.get(KIND, "a").await.unwrap().unwrap().value;
        let expected = json!([
            {"to": "+79251234567", "share": 0.5, "action": "fail", "code": 202},
            {"action": "delay", "seconds": 5},
        ]);
        assert_eq!(kept, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_began_before_a_change_does_not_undo_it() {
        let rules = SandboxRules::new(Arc::new(MemoryRegistry::new()));
        let before = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        let new = list(&[rule(None, None, SandboxAction::Lose)]);
        rules.put("a", &new).await.unwrap();
        rules.remember("a", &RuleList::none(), before);
        assert_eq!(rules.get("a").await.unwrap().0, new.0);
    }
}
