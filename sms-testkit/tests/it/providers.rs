//! The providers of the core.

mod sandbox {
    use sms_core::Sandbox;
    use sms_testkit::ProviderHarness;

    sms_testkit::provider!(ProviderHarness::new(Sandbox::new()));
}

mod recording {
    use sms_core::{Outcome, PhoneNumber, RecordingProvider};
    use sms_testkit::ProviderHarness;

    fn recording() -> ProviderHarness {
        let refused = PhoneNumber::from_digits(79_250_000_000).expect("a number");
        let provider = RecordingProvider::new().answering(move |submission| {
            if submission.to == refused {
                Outcome::rejected(202, "bad number")
            } else {
                Outcome::accepted(format!("r-{}", submission.id))
            }
        });
        ProviderHarness::new(provider).refusing(refused)
    }

    sms_testkit::provider!(recording());
}
