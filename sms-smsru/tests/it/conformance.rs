use sms_core::PhoneNumber;
use sms_testkit::ProviderHarness;

use crate::support::{Accepting, provider, server};

/// The number the stand-in refuses.
const REFUSED: u64 = 74_993_221_627;

sms_testkit::provider!({
    let server = server(Accepting::refusing(REFUSED)).await;
    let provider = provider(server.address().port(), "from=Acme");
    ProviderHarness::new(provider).refusing(PhoneNumber::from_digits(REFUSED).unwrap()).keeping(server)
});
