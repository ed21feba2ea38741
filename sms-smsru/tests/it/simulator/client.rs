//! The client of this crate against the simulator.

use sms_core::{MessageId, OutcomeClass, PhoneNumber, Provider, Submission};
use sms_smsru::SmsRu;
use sms_smsru::simulator::Fault;

use super::rig::{PHONE, Rig, config};

fn message(text: &str) -> Submission {
    Submission::new(
        MessageId::new(),
        PhoneNumber::from_digits(PHONE.parse().unwrap()).unwrap(),
        text,
    )
}

#[tokio::test]
async fn the_address_it_names_leads_a_client_to_it_whatever_the_key_holds() {
    for key in ["0A1B2C3D-0000-4000-8000-00000000000A", "a/b?c@d%e:f +g", "ключ"] {
        let rig = Rig::with(config().api_id(key)).await;
        let outcomes =
            SmsRu::from_url(&rig.sim.url()).unwrap().submit(&[message("Код 1234")]).await;
        assert_eq!(outcomes[0].class, OutcomeClass::Accepted, "{key}: {outcomes:?}");
        let accepted = rig.sim.accepted();
        assert_eq!((accepted.len(), accepted[0].text.as_str()), (1, "Код 1234"));
        assert_eq!(outcomes[0].provider_id.as_deref(), Some(accepted[0].sms_id.as_str()));
    }
}

#[tokio::test]
async fn what_the_client_cannot_know_the_log_does() {
    let rig = Rig::new().await;
    let client = SmsRu::from_url(&rig.sim.url()).unwrap();
    for (fault, accepted) in [
        (Fault::ResetAfter.times(1), 1),
        (Fault::ResetBefore.times(1), 0),
        (Fault::Truncated.times(1), 1),
        (Fault::Status(502).after_accept(), 1),
        (Fault::Status(502).times(1), 0),
    ] {
        let before = rig.sim.accepted_count();
        rig.sim.inject(fault.clone());
        let outcomes = client.submit(&[message("hi")]).await;
        assert_eq!(outcomes[0].class, OutcomeClass::Unknown, "{fault:?}: {outcomes:?}");
        assert_eq!(rig.sim.accepted_count() - before, accepted, "{fault:?}");
    }
}
