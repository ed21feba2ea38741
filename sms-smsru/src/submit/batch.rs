//! Submission of a batch: division into requests, one reply each, one outcome per message.

use sms_core::{Outcome, Submission};
use tokio::time::{Instant, timeout_at};

use crate::client::http::timed_out;
use crate::client::session::{Session, withdraw_shared_ids};
use crate::submit::late::{LateReplies, PendingRequest};
use crate::wire::send_request;

/// Submits a batch within the configured timeout. Returns one outcome per message, in order.
pub(crate) async fn submit(
    session: &Session,
    late: &LateReplies,
    batch: &[Submission],
) -> Vec<Outcome> {
    let deadline = Instant::now() + session.config().timeout;
    let mut outcomes =
        vec![Outcome::unknown("the code that sends failed during the call"); batch.len()];
    // All requests start before the first reply is awaited. In sequence, each could take the whole
    // timeout.
    for (group, mut request) in start_requests(session, late, batch) {
        let read = match timeout_at(deadline, request.reply()).await {
            Ok(Some(reply)) => session.read(reply, request.messages()),
            // The task of the request panicked. Its messages stay unknown; the outcomes of the
            // other requests are kept.
            Ok(None) => continue,
            // The request is dropped here, and `late` waits for its reply.
            Err(_) => vec![timed_out(); group.len()],
        };
        for (index, outcome) in group.into_iter().zip(read) {
            outcomes[index] = outcome;
        }
    }
    withdraw_shared_ids(&mut outcomes);
    outcomes
}

/// Divides a batch into requests and starts all of them. Each request comes with the indices of its
/// messages.
fn start_requests<'a>(
    session: &Session,
    late: &'a LateReplies,
    batch: &'a [Submission],
) -> Vec<(Vec<usize>, PendingRequest<'a>)> {
    let (config, now_ms) = (session.config(), session.config().clock.now_ms());
    let start = |group: Vec<usize>| {
        let messages: Vec<&Submission> = group.iter().map(|index| &batch[*index]).collect();
        let form = send_request::form(&messages, config, now_ms);
        (group, late.start(form, messages))
    };
    group(session, batch, now_ms).into_iter().map(start).collect()
}

fn group(session: &Session, batch: &[Submission], now_ms: i64) -> Vec<Vec<usize>> {
    let mut send_alone = session.send_alone();
    let groups = send_request::group(batch, session.config(), now_ms, |id| send_alone.contains(id));
    for submission in batch {
        send_alone.remove(&submission.id);
    }
    groups
}
