use super::*;
use crate::message::{Message, MessageId};
use crate::provider::outcome::Outcome;

fn standing(status: Status) -> Standing {
    let message = Message::new("+79251234567", "hi").prepare().expect("valid");
    Standing { status, ..Standing::accept(&message, StoreTime::of_wall(0), Duration::ZERO) }
}

#[test]
fn a_transition_that_is_not_in_the_table_leaves_the_message_as_it_was() {
    let (id, provider) = (MessageId::new(), "p".to_owned());
    let settlement = |outcome, verdict| Settlement {
        id,
        fence: 0,
        provider: provider.clone(),
        outcome,
        verdict,
        took: Duration::ZERO,
        poll_after: None,
    };
    let lease = Duration::from_secs(1);
    let request = BeginRequest { ids: &[id], worker: "w", batch: 1, provider: "p", lease };
    let is_done = |before: Status, after: &Standing, done: bool| {
        assert_eq!(done, before.may_become(after.status) && before != after.status, "{before}");
        assert!(done || *after == standing(before), "{before} was changed: {after:?}");
    };
    for before in Status::ALL {
        let mut it = standing(before);
        let done = it.begin(1, &request);
        is_done(before, &it, done);
        for verdict in [
            Verdict::Sent,
            Verdict::SentBefore,
            Verdict::Failed,
            Verdict::Unknown,
            Verdict::Retry { after: lease, counted: true },
            Verdict::Resend { after: lease },
        ] {
            let mut it = standing(before);
            let done = it.settle(1, &settlement(Outcome::accepted("1"), verdict)).is_some();
            is_done(before, &it, done);
        }
        for change in [Standing::rescue, Standing::expire] {
            let mut it = standing(before);
            let done = change(&mut it, 1).is_some();
            is_done(before, &it, done);
        }
        let mut it = standing(before);
        let done = it.cancel(1, "olga".to_owned()).is_some();
        is_done(before, &it, done);
        for how in [Resolution::Sent { provider_id: None }, Resolution::Failed, Resolution::Resend]
        {
            let mut it = standing(before);
            let done = it.resolve(1, how, "olga".to_owned(), "why".to_owned()).is_some();
            is_done(before, &it, done);
        }
    }
}
