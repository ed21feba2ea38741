//! Replies that arrive after the timeout.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sms_core::provider::LateAnswer;
use sms_core::{Account, OutcomeClass, Provider, Submission};
use sms_smsru::{SmsRu, SmsRuConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::support::{
    CANARY, PHONE, accepting_phone, classes, message, raw, read_request, write_response,
};

const LATE: Duration = Duration::from_secs(30);
/// A time longer than any test.
const TEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that reads requests and replies to each only with a permit.
struct SlowServer {
    provider: SmsRu,
    let_answer: Arc<Semaphore>,
    connections: Arc<AtomicUsize>,
    /// Signals that a client closed the connection before the reply.
    closed: mpsc::UnboundedReceiver<()>,
}

impl SlowServer {
    async fn answering(body: impl Into<String>, late: Duration) -> Self {
        Self::after(Duration::from_millis(200), body, late).await
    }

    /// Starts it with a provider that has this timeout.
    async fn after(timeout: Duration, body: impl Into<String>, late: Duration) -> Self {
        let (body, let_answer) = (body.into(), Arc::new(Semaphore::new(0)));
        let (tell, closed) = mpsc::unbounded_channel();
        let gate = Arc::clone(&let_answer);
        let (port, connections) = raw(move |stream| {
            let (body, gate, tell) = (body.clone(), Arc::clone(&gate), tell.clone());
            async move { serve(stream, &body, &gate, &tell).await }
        })
        .await;
        let config =
            SmsRuConfig::new(CANARY).base_url(format!("http://127.0.0.1:{port}")).late(late);
        let config = config.timeout(timeout).connect_timeout(Duration::from_millis(150));
        Self { provider: SmsRu::new(config).unwrap(), let_answer, connections, closed }
    }

    async fn submit_unanswered(&self, batch: &[Submission]) {
        let outcomes = self.provider.submit(batch).await;
        assert!(
            outcomes.iter().all(|outcome| outcome.class == OutcomeClass::Unknown),
            "{outcomes:?}"
        );
    }

    async fn next(&self) -> Vec<LateAnswer> {
        timeout(TEST_TIMEOUT, self.provider.late().unwrap().next()).await.unwrap()
    }

    /// Checks that nothing arrived before the late reply to another request.
    async fn nothing_arrived(&self) -> bool {
        let waiting = timeout(Duration::ZERO, self.provider.late().unwrap().next()).await;
        waiting.is_err()
    }
}

async fn serve(
    mut stream: TcpStream,
    body: &str,
    gate: &Semaphore,
    tell: &mpsc::UnboundedSender<()>,
) {
    if read_request(&mut stream).await.is_none() {
        return;
    }
    let mut byte = [0];
    tokio::select! {
        permit = gate.acquire() => permit.unwrap().forget(),
        // The client sends nothing more, so this ends when the client closes the connection.
        _ = stream.peek(&mut byte) => return tell.send(()).unwrap(),
    }
    write_response(&mut stream, body).await;
}

fn attempt(digits: u64, text: &str, attempt: u32) -> Submission {
    let mut submission = message(digits, text);
    submission.attempt = attempt;
    submission
}

#[tokio::test]
async fn an_acceptance_after_the_timeout_is_heard_once_with_its_attempt() {
    let slow = SlowServer::answering(accepting_phone(), LATE).await;
    let submission = attempt(PHONE, "hi", 3);
    slow.submit_unanswered(std::slice::from_ref(&submission)).await;
    slow.let_answer.add_permits(1);
    let heard = slow.next().await;
    assert_eq!((heard.len(), heard[0].id, heard[0].attempt), (1, submission.id, 3));
    assert_eq!(heard[0].outcome.class, OutcomeClass::Accepted);
    assert_eq!(heard[0].outcome.provider_id.as_deref(), Some("202626-1000000"));
    assert!(heard[0].took >= Duration::from_millis(200));
    assert!(slow.nothing_arrived().await);
    assert_eq!(slow.connections.load(Ordering::SeqCst), 1, "nothing was sent again");
}

#[tokio::test]
async fn a_refusal_after_the_timeout_is_heard_and_its_reason_remembered() {
    let body = r#"{"status":"ERROR","status_code":206}"#;
    let slow = SlowServer::answering(body, LATE).await;
    slow.submit_unanswered(&[message(PHONE, "hi")]).await;
    slow.let_answer.add_permits(1);
    let heard = slow.next().await;
    assert_eq!((heard[0].outcome.class, heard[0].outcome.code), (OutcomeClass::Blocked, Some(206)));
    slow.let_answer.add_permits(1);
    let error = slow.provider.check().await.unwrap_err();
    assert!(error.to_string().contains("206"), "{error}");
}

#[tokio::test]
async fn of_a_late_answer_about_many_only_what_is_certain_is_heard() {
    let slow = SlowServer::answering(accepting_phone(), LATE).await;
    let batch = [message(PHONE, "a"), message(PHONE + 1, "b")];
    slow.submit_unanswered(&batch).await;
    slow.let_answer.add_permits(1);
    let heard = slow.next().await;
    assert_eq!(heard.iter().map(|late| late.id).collect::<Vec<_>>(), [batch[0].id]);
}

#[tokio::test]
async fn a_late_answer_that_says_nothing_is_not_heard() {
    let slow = SlowServer::answering("<html>maintenance</html>", LATE).await;
    slow.submit_unanswered(&[message(PHONE, "hi")]).await;
    slow.let_answer.add_permits(1);
    while slow.let_answer.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let waited = timeout(Duration::from_millis(200), slow.provider.late().unwrap().next()).await;
    assert!(waited.is_err());
}

#[tokio::test]
async fn an_answer_that_never_comes_is_hung_up_on_when_the_late_time_is_over() {
    let mut slow = SlowServer::answering(accepting_phone(), Duration::from_millis(200)).await;
    slow.submit_unanswered(&[message(PHONE, "hi")]).await;
    timeout(TEST_TIMEOUT, slow.closed.recv()).await.unwrap();
    assert!(slow.nothing_arrived().await);
}

#[tokio::test]
async fn with_no_late_time_a_request_is_hung_up_on_at_its_timeout() {
    let mut slow = SlowServer::answering(accepting_phone(), Duration::ZERO).await;
    assert!(slow.provider.late().is_none());
    slow.submit_unanswered(&[message(PHONE, "hi")]).await;
    timeout(TEST_TIMEOUT, slow.closed.recv()).await.unwrap();
}

#[tokio::test]
async fn the_answer_to_a_dropped_call_is_heard() {
    let slow = SlowServer::answering(accepting_phone(), LATE).await;
    let submission = message(PHONE, "hi");
    let batch = [submission.clone()];
    let dropped = timeout(Duration::from_millis(50), slow.provider.submit(&batch)).await;
    assert!(dropped.is_err());
    slow.let_answer.add_permits(1);
    assert_eq!(slow.next().await[0].id, submission.id);
}

#[tokio::test]
async fn with_no_late_time_a_dropped_call_is_hung_up_on() {
    let mut slow = SlowServer::after(6 * TEST_TIMEOUT, accepting_phone(), Duration::ZERO).await;
    let batch = [message(PHONE, "hi")];
    let dropped = timeout(Duration::from_millis(50), slow.provider.submit(&batch)).await;
    assert!(dropped.is_err());
    timeout(TEST_TIMEOUT, slow.closed.recv()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_leaves_the_others_alone() {
    let slow = SlowServer::answering(accepting_phone(), LATE).await;
    slow.submit_unanswered(&[message(PHONE, "given up")]).await;
    let (one, other) = ([message(PHONE, "one")], [message(PHONE, "other")]);
    let stays = slow.provider.submit(&one);
    let outcomes = tokio::join!(stays, async {
        let _ = timeout(Duration::from_millis(50), slow.provider.submit(&other)).await;
        slow.let_answer.add_permits(3);
    });
    assert_eq!(classes(&outcomes.0), ["accepted"]);
    let mut heard = [slow.next().await.remove(0).id, slow.next().await.remove(0).id];
    heard.sort();
    assert!(heard.contains(&other[0].id) && !heard.contains(&one[0].id));
}

#[tokio::test]
async fn a_dropped_wait_for_late_answers_loses_none() {
    let slow = SlowServer::answering(accepting_phone(), LATE).await;
    for _ in 0..3 {
        slow.submit_unanswered(&[message(PHONE, "hi")]).await;
        assert!(slow.nothing_arrived().await);
    }
    slow.let_answer.add_permits(3);
    for _ in 0..3 {
        assert_eq!(slow.next().await.len(), 1);
    }
}

#[tokio::test]
async fn each_late_answer_goes_to_one_listener() {
    let slow = SlowServer::answering(accepting_phone(), LATE).await;
    slow.submit_unanswered(&[message(PHONE, "a"), message(PHONE, "b")]).await;
    slow.let_answer.add_permits(2);
    let (one, other) = tokio::join!(slow.next(), slow.next());
    assert!(one.len() == 1 && other.len() == 1 && one[0].id != other[0].id);
}

#[tokio::test]
async fn the_number_of_requests_listened_to_is_bounded() {
    let mut slow = SlowServer::answering(accepting_phone(), LATE).await;
    // Each message to the same number is a separate request.
    let batch: Vec<Submission> = (0..260).map(|n| message(PHONE, &n.to_string())).collect();
    for call in batch.chunks(20) {
        slow.submit_unanswered(call).await;
    }
    for _ in 0..4 {
        timeout(TEST_TIMEOUT, slow.closed.recv()).await.unwrap();
    }
    assert!(slow.closed.try_recv().is_err(), "256 are still listened to");
}

#[tokio::test]
async fn a_provider_that_is_gone_listens_to_nothing() {
    let mut slow = SlowServer::answering(accepting_phone(), LATE).await;
    slow.submit_unanswered(&[message(PHONE, "hi")]).await;
    drop(slow.provider);
    timeout(TEST_TIMEOUT, slow.closed.recv()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_late_is_not_heard_and_costs_nothing() {
    let (port, connections) = raw(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let config = SmsRuConfig::new(CANARY).base_url(format!("http://127.0.0.1:{port}"));
    let config = config.timeout(Duration::from_millis(200)).late(Duration::from_millis(100));
    let provider = SmsRu::new(config).unwrap();
    assert_eq!(classes(&provider.submit(&[message(PHONE, "hi")]).await), ["unknown"]);
    let waited = timeout(Duration::from_millis(400), provider.late().unwrap().next()).await;
    assert!(waited.is_err());
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
