//! Tests of failing over.

use super::*;
use crate::message::MessageId;
use crate::message::phone::PhoneNumber;
use crate::provider::recording::RecordingProvider;

async fn second_is_asked_after(first: Outcome) -> (bool, Outcome) {
    let second = Arc::new(RecordingProvider::builder().name("second").build());
    let answer = move |_: &Submission| first.clone();
    let first = RecordingProvider::builder().name("first").answer(answer).build();
    let failover = Failover::new(first).then(Arc::clone(&second));
    let to = PhoneNumber::parse("+79251234567").unwrap();
    let outcome = failover.submit(&[Submission::new(MessageId::new(), to, "hi")]).await.remove(0);
    (!second.submissions().is_empty(), outcome)
}

#[tokio::test]
async fn the_next_provider_gets_what_was_provably_not_accepted() {
    for refused in
        [Outcome::not_sent("dns"), Outcome::deferred(220, "busy"), Outcome::blocked(201, "money")]
    {
        let (asked, outcome) = second_is_asked_after(refused).await;
        assert!(asked);
        assert_eq!(outcome.provider.as_deref(), Some("second"));
    }
}

/// A provider with an account and a meaning of its own for each code, that never answers or
/// panics.
#[derive(Debug)]
struct Named(&'static str, bool);

#[async_trait]
impl Provider for Named {
    fn name(&self) -> &str {
        self.0
    }
    fn limits(&self) -> Limits {
        Limits::new(10, Duration::from_secs(1))
    }
    async fn submit(&self, _: &[Submission]) -> Vec<Outcome> {
        // Without the noise of the panic hook.
        if self.1 {
            std::panic::resume_unwind(Box::new("a defect"))
        } else {
            std::future::pending().await
        }
    }
    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }
    fn explain(&self, _: i32) -> Option<Explanation> {
        Some(Explanation { en: self.0, ru: self.0 })
    }
}

#[async_trait]
impl Account for Named {
    async fn check(&self) -> Result<()> {
        Ok(())
    }
    async fn info(&self) -> Result<crate::AccountInfo> {
        Ok(crate::AccountInfo { senders: vec![self.0.to_owned()], ..crate::AccountInfo::default() })
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_under_the_name_of_the_provider_that_was_asked() {
    for panics in [false, true] {
        let answer = |_: &Submission| Outcome::not_sent("dns");
        let failover = Failover::new(RecordingProvider::builder().answer(answer).build());
        let failover = failover.then(Named("second", panics));
        let to = PhoneNumber::parse("+79251234567").unwrap();
        let outcome =
            failover.submit(&[Submission::new(MessageId::new(), to, "hi")]).await.remove(0);
        assert_eq!(
            (outcome.class, outcome.provider.as_deref()),
            (OutcomeClass::Unknown, Some("second")),
            "panics: {panics}"
        );
    }
}

#[tokio::test]
async fn a_code_is_explained_by_the_provider_that_gave_it_and_the_account_is_the_firsts() {
    let inner = Failover::new(Named("b", true)).then(Named("c", true));
    let failover: Arc<dyn Provider> = Arc::new(Failover::new(Named("a", true)).then(inner));
    for name in ["a", "b", "c"] {
        let meaning = crate::provider::explain_by(&failover, name, 1).expect("a meaning");
        assert_eq!(meaning.en, name);
    }
    assert_eq!(crate::provider::explain_by(&failover, "d", 1), None);
    let info = failover.account().expect("an account").info().await.expect("told");
    assert_eq!(info.senders, ["a"]);
}

#[tokio::test]
async fn the_next_provider_never_gets_what_may_have_been_accepted() {
    for kept in [Outcome::unknown("timeout"), Outcome::accepted("1"), Outcome::rejected(202, "bad")]
    {
        let (asked, outcome) = second_is_asked_after(kept).await;
        assert!(!asked);
        assert_eq!(outcome.provider.as_deref(), Some("first"));
    }
}
