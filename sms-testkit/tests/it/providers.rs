//! The suite on the providers of the core.

mod sandbox {
    use sms_core::Sandbox;
    use sms_testkit::ProviderHarness;

    sms_testkit::provider!(ProviderHarness::new(Sandbox::new()));
}

mod recording {
    use sms_core::{Outcome, PhoneNumber, RecordingProvider, Submission};
    use sms_testkit::ProviderHarness;

    const REFUSED: PhoneNumber = PhoneNumber::from_digits(79_250_000_000).expect("a number");

    fn recording() -> ProviderHarness {
        let answer = |submission: &Submission| {
            if submission.to == REFUSED {
                Outcome::rejected(202, "bad number")
            } else {
                Outcome::accepted(format!("r-{}", submission.id))
            }
        };
        let provider = RecordingProvider::builder().answer(answer).build();
        ProviderHarness::new(provider).refusing(REFUSED)
    }

    sms_testkit::provider!(recording());
}
