//! The conformance suites on the adapters of this crate.

// Helpers of tests may panic, too.
#![allow(clippy::expect_used)]

/// 2026-01-01 12:00 UTC, in milliseconds.
const NOON: i64 = 1_767_268_800_000;

mod store {
    use outside::OutsideStore;
    use sms_core::{ManualClock, MemoryStore};
    use sms_testkit::StoreHarness;

    fn fresh() -> StoreHarness {
        let clock = ManualClock::new(super::NOON);
        StoreHarness::new(OutsideStore::new(MemoryStore::new().clock(clock.clone())), clock)
    }

    sms_testkit::store!(fresh());
}

mod queue {
    use std::time::Duration;

    use outside::OutsideQueue;
    use sms_core::MemoryQueue;
    use sms_testkit::QueueHarness;

    const LEASE: Duration = Duration::from_secs(2);

    fn fresh() -> QueueHarness {
        tokio::time::pause();
        QueueHarness::new(OutsideQueue::new(MemoryQueue::new().capacity(5000).lease(LEASE)), LEASE)
    }

    sms_testkit::queue!(fresh());
}

mod provider {
    use outside::OutsideProvider;
    use sms_testkit::ProviderHarness;

    fn fresh() -> ProviderHarness {
        ProviderHarness::new(OutsideProvider::new()).refusing(OutsideProvider::REFUSED)
    }

    sms_testkit::provider!(fresh());
}

mod registry {
    use outside::OutsideRegistry;
    use sms_core::{ManualClock, MemoryRegistry};
    use sms_testkit::RegistryHarness;

    fn fresh() -> RegistryHarness {
        let clock = ManualClock::new(super::NOON);
        RegistryHarness::new(
            OutsideRegistry::new(MemoryRegistry::new().clock(clock.clone())),
            clock,
        )
    }

    sms_testkit::registry!(fresh());
}

mod abilities {
    use outside::OutsideProvider;
    use sms_core::{MessageId, OutcomeClass, PhoneNumber, Provider, Submission};

    fn submission(text: &str) -> Submission {
        let to = PhoneNumber::parse("+79251234567").expect("a number");
        Submission::new(MessageId::new(), to, text)
    }

    #[tokio::test]
    async fn a_late_answer_follows_an_unknown_outcome() {
        let provider = OutsideProvider::new();
        let submission = submission(OutsideProvider::LATE);
        let outcomes = provider.submit(std::slice::from_ref(&submission)).await;
        assert_eq!(outcomes[0].class, OutcomeClass::Unknown);
        let answers = provider.late().expect("late answers").next().await;
        assert_eq!((answers[0].id, answers[0].attempt), (submission.id, submission.attempt));
        assert_eq!(answers[0].outcome.class, OutcomeClass::Accepted);
    }

    #[tokio::test]
    async fn a_code_and_an_account_can_be_asked_about() {
        let provider = OutsideProvider::new();
        assert!(provider.explain(202).is_some() && provider.explain(1).is_none());
        let account = provider.account().expect("an account");
        assert_eq!(account.info().await.expect("info").senders, ["Acme"]);
    }
}
