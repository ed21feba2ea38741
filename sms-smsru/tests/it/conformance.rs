//! The conformance suite for providers, against recorded replies and against the simulator.

use sms_core::PhoneNumber;
use sms_testkit::ProviderHarness;

use crate::support::{Accepting, provider, server};

/// The number that the server refuses.
const REFUSED: u64 = 74_993_221_627;

mod replies {
    use super::{Accepting, PhoneNumber, ProviderHarness, REFUSED, provider, server};

    sms_testkit::provider!({
        let server = server(Accepting::refusing(REFUSED)).await;
        let provider = provider(server.address().port(), "from=Acme");
        ProviderHarness::new(provider)
            .refusing(PhoneNumber::from_digits(REFUSED).unwrap())
            .keeping(server)
    });
}

#[cfg(feature = "simulator")]
mod simulator {
    use sms_smsru::SmsRu;
    use sms_smsru::simulator::{Simulator, SimulatorConfig};

    use super::{PhoneNumber, ProviderHarness, REFUSED};

    sms_testkit::provider!({
        let simulator =
            Simulator::start(SimulatorConfig::default().senders(vec!["Acme".to_owned()]))
                .await
                .unwrap();
        simulator.refuse(&REFUSED.to_string(), 202);
        let provider = SmsRu::from_url(&format!("{}?from=Acme", simulator.url())).unwrap();
        ProviderHarness::new(provider)
            .refusing(PhoneNumber::from_digits(REFUSED).unwrap())
            .keeping(simulator)
    });
}
