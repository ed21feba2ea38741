//! Changes of many messages by a job of an operator.

use sms_core::store::{BulkAction, BulkChange, BulkResult, Resolution};
use sms_core::{EventKind, MessageId, Scope, Status};

use super::steps::{message, otp, unknown};
use crate::harness::StoreHarness;

impl StoreHarness {
    async fn change_all(&self, ids: &[MessageId], action: BulkAction) -> Vec<BulkResult> {
        let request = BulkChange::new("job", ids.to_vec(), action, "olga");
        self.store().change_all(request).await.expect("change_all")
    }
}

fn resolve(resolution: Resolution) -> BulkAction {
    BulkAction::Resolve { resolution, reason: "she asked the provider".to_owned() }
}

pub async fn a_job_cancels_and_resolves_as_one_call_for_each_would(h: &StoreHarness) {
    let waiting = [h.queued(message()).await, h.resent(otp()).await];
    let ends = [Status::Cancelled, Status::Unknown];
    assert_eq!(h.change_all(&waiting, BulkAction::Cancel).await, ends.map(BulkResult::Done));
    for (resolution, status) in [
        (Resolution::Sent { provider_id: Some("taken by nobody".to_owned()) }, Status::Sent),
        (Resolution::Failed, Status::Failed),
        (Resolution::Resend, Status::Queued),
    ] {
        let ids = [h.unknown(message()).await, h.unknown(message()).await];
        let results = h.change_all(&ids, resolve(resolution)).await;
        assert_eq!(results, [BulkResult::Done(status); 2]);
        for id in ids {
            assert_eq!(h.state(id).await.provider_id, None);
            let event = h.last_event(id).await;
            assert_eq!((event.kind, event.status), (EventKind::Resolved, status));
            let (details, resend) = (event.details, status == Status::Queued);
            assert_eq!(details.text.as_deref(), Some("she asked the provider"));
            assert_eq!((details.by.as_deref(), details.resend), (Some("olga"), resend));
            assert_eq!(details.job.as_deref(), Some("job"));
        }
    }
    assert_eq!(h.last_event(waiting[0]).await.details.job.as_deref(), Some("job"));
}

pub async fn a_job_changes_a_message_once_whatever_happens_to_it_later(h: &StoreHarness) {
    let id = h.unknown(message()).await;
    h.change_all(&[id], resolve(Resolution::Resend)).await;
    let again = h.try_begin(&[id]).await;
    h.settle(id, again[0].fence, unknown()).await;
    let before = h.timeline(id).await;
    // Unknown again, and still: the job has had its one resend of this message.
    let results = h.change_all(&[id], resolve(Resolution::Resend)).await;
    assert_eq!(results, [BulkResult::Done(Status::Unknown)]);
    assert_eq!(h.timeline(id).await, before);
    let other = BulkChange::new("other", vec![id], resolve(Resolution::Failed), "olga");
    let results = h.store().change_all(other).await.expect("change_all");
    assert_eq!(results, [BulkResult::Done(Status::Failed)], "another job may");
}

pub async fn a_repeated_call_of_a_job_has_the_results_of_the_first(h: &StoreHarness) {
    let ids = [h.unknown(message()).await, h.queued(message()).await];
    let results = h.change_all(&ids, resolve(Resolution::Failed)).await;
    assert_eq!(results, [BulkResult::Done(Status::Failed), BulkResult::Refused(Status::Queued)]);
    let log = h.log().await;
    assert_eq!(h.change_all(&ids, resolve(Resolution::Failed)).await, results);
    assert_eq!(h.log().await, log);
}

pub async fn two_calls_of_a_job_at_the_same_time_change_each_message_once(h: &StoreHarness) {
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(h.unknown(message()).await);
    }
    let call = || h.change_all(&ids, resolve(Resolution::Resend));
    let results = tokio::join!(call(), call(), call());
    let expected = vec![BulkResult::Done(Status::Queued); ids.len()];
    assert_eq!([results.0, results.1, results.2], [(); 3].map(|()| expected.clone()));
    for id in ids {
        let resolved = h.timeline(id).await;
        let resolved = resolved.iter().filter(|event| event.kind == EventKind::Resolved);
        assert_eq!((resolved.count(), h.state(id).await.resends), (1, 1));
    }
}

pub async fn a_message_that_cannot_be_changed_does_not_spoil_the_rest(h: &StoreHarness) {
    let mut ids = vec![MessageId::new()];
    for status in Status::ALL {
        ids.push(h.in_status(status).await);
    }
    let results = h.change_all(&ids, BulkAction::Cancel).await;
    let expected = Status::ALL.map(|status| match status {
        Status::Queued => BulkResult::Done(Status::Cancelled),
        other => BulkResult::Refused(other),
    });
    assert_eq!(results[0], BulkResult::Gone);
    assert_eq!(results[1..], expected);
    for (id, status) in ids[1..].iter().zip(Status::ALL) {
        let now = if status == Status::Queued { Status::Cancelled } else { status };
        assert_eq!(h.status(*id).await, now);
    }
}

pub async fn a_message_of_another_owner_is_gone_for_a_job(h: &StoreHarness) {
    let own = h.queued(message().owner("a")).await;
    let others = [h.queued(message().owner("b")).await, h.queued(message()).await];
    let ids = vec![others[0], own, others[1]];
    let request = BulkChange::new("job", ids, BulkAction::Cancel, "olga");
    let request = request.scope(Scope::Owner("a".to_owned()));
    let results = h.store().change_all(request).await.expect("change_all");
    let expected = [BulkResult::Gone, BulkResult::Done(Status::Cancelled), BulkResult::Gone];
    assert_eq!(results, expected);
    for id in others {
        assert_eq!(h.status(id).await, Status::Queued);
    }
}

pub async fn after_a_restore_a_job_holds_what_waits_or_is_being_sent(h: &StoreHarness) {
    let action = BulkAction::HoldRestored { reason: "restored".to_owned() };
    let waiting = [h.queued(message()).await, h.resent(otp()).await, h.sending(otp()).await];
    let results = h.change_all(&waiting, action.clone()).await;
    assert_eq!(results, [BulkResult::Done(Status::Unknown); 3]);
    for id in waiting {
        let (event, state) = (h.last_event(id).await, h.state(id).await);
        assert_eq!((event.kind, event.status), (EventKind::Restored, Status::Unknown));
        let (text, by) = (event.details.text.as_deref(), event.details.by.as_deref());
        assert_eq!((text, by, state.reason.as_deref()), (Some("restored"), Some("olga"), text));
    }
    let sent = h.sent(message()).await;
    let results = h.change_all(&[sent], action.clone()).await;
    assert_eq!(results, [BulkResult::Refused(Status::Sent)]);
    let again = BulkChange::new("restored", vec![waiting[1]], resolve(Resolution::Resend), "olga");
    h.store().change_all(again).await.expect("change_all");
    let results = h.change_all(&waiting[1..2], action).await;
    assert_eq!(results, [BulkResult::Done(Status::Queued)], "held once by this job");
}

pub async fn a_message_twice_in_one_call_is_changed_once(h: &StoreHarness) {
    let id = h.queued(message()).await;
    let results = h.change_all(&[id, id], BulkAction::Cancel).await;
    assert_eq!(results, [BulkResult::Done(Status::Cancelled); 2]);
    assert_eq!(h.timeline(id).await.len(), 1);
}
