//! Failing over between providers that hold a connection, and report by callbacks or on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sms_core::provider::{Polling, ProviderRef};
use sms_core::{
    Callback, CallbackRefusal, CallbackReply, CallbackRequest, Callbacks, Error, ErrorKind,
    Failover, IncomingReceipts, Limits, Outcome, OutcomeClass, Provider, Receipt, ReceiptState,
    Receipts, Result, Status, Submission, async_trait,
};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::support::{TIMEOUT, World, message};

/// A line that refuses texts with its own name and accepts all others, each under the id `1`.
#[derive(Debug, Default)]
struct LineProvider {
    name: &'static str,
    /// Tries to open that fail.
    failures: Mutex<usize>,
    opened: Mutex<usize>,
    closed: Mutex<usize>,
    submitted: Mutex<usize>,
    arrived: Mutex<VecDeque<Receipt>>,
    /// Nothing will arrive any more.
    is_ended: bool,
    news: Notify,
    confirmed: Mutex<Vec<Receipt>>,
    /// Addresses for callbacks.
    urls: Mutex<Vec<String>>,
    /// The settings that verify callbacks are missing.
    is_unverifiable: bool,
}

impl LineProvider {
    fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    fn failing(name: &'static str, failures: usize) -> Self {
        Self { failures: Mutex::new(failures), ..Self::new(name) }
    }

    fn counts(&self) -> (usize, usize) {
        (*self.opened.lock().unwrap(), *self.submitted.lock().unwrap())
    }

    fn arrive(&self) {
        let receipt = Receipt::new(self.name, "1", ReceiptState::Delivered);
        self.arrived.lock().unwrap().push_back(receipt);
        self.news.notify_one();
    }
}

#[async_trait]
impl Provider for LineProvider {
    fn name(&self) -> &str {
        self.name
    }

    fn limits(&self) -> Limits {
        Limits::new(10, TIMEOUT)
    }

    async fn open(&self) -> Result<()> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(Error::new(ErrorKind::Unavailable, format!("{} is down", self.name)));
        }
        *self.opened.lock().unwrap() += 1;
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        *self.closed.lock().unwrap() += 1;
        if self.name == "bad" { Err(Error::new(ErrorKind::Internal, "not closed")) } else { Ok(()) }
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        *self.submitted.lock().unwrap() += 1;
        let answer = |message: &Submission| {
            if message.text.contains(self.name) {
                Outcome::deferred(220, "busy")
            } else {
                Outcome::accepted("1")
            }
        };
        batch.iter().map(answer).collect()
    }

    fn incoming(&self) -> Option<&dyn IncomingReceipts> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }
}

/// Knows every message, and is asked a day after its acceptance.
#[async_trait]
impl Receipts for LineProvider {
    fn polling(&self) -> Polling {
        let day = Duration::from_hours(24);
        Polling::new(day, day, 2 * day, 10)
    }

    async fn query(&self, ids: &[ProviderRef]) -> Result<Vec<Receipt>> {
        let receipt = |id: &ProviderRef| {
            assert_eq!(id.provider, self.name, "an id of somebody else");
            Receipt::new(self.name, &id.provider_id, ReceiptState::Delivered)
        };
        Ok(ids.iter().map(receipt).collect())
    }
}

#[async_trait]
impl IncomingReceipts for LineProvider {
    async fn next(&self) -> Vec<Receipt> {
        loop {
            let news = self.news.notified();
            if let Some(receipt) = self.arrived.lock().unwrap().pop_front() {
                return vec![receipt];
            }
            if self.is_ended {
                return Vec::new();
            }
            news.await;
        }
    }

    async fn written(&self, receipts: &[Receipt]) {
        self.confirmed.lock().unwrap().extend_from_slice(receipts);
    }
}

/// A callback is `NAME SIGNATURE ID`; the right signature is `signed`.
#[async_trait]
impl Callbacks for LineProvider {
    fn can_verify(&self) -> Result<()> {
        if self.is_unverifiable {
            return Err(Error::new(ErrorKind::Config, format!("{} has no secret", self.name)));
        }
        Ok(())
    }

    fn read(&self, request: &CallbackRequest<'_>) -> Result<Callback, CallbackRefusal> {
        let body = String::from_utf8_lossy(request.body).into_owned();
        match *body.split(' ').collect::<Vec<_>>() {
            [name, "signed", id] if name == self.name => {
                let receipt = Receipt::new(self.name, id, ReceiptState::Delivered);
                Ok(Callback::new(vec![receipt], CallbackReply::new(format!("{name} thanks"))))
            }
            [name, ..] if name == self.name => Err(CallbackRefusal::not_genuine("not signed")),
            _ => Err(CallbackRefusal::unreadable("of somebody else")),
        }
    }

    async fn registered(&self) -> Result<Vec<String>> {
        Ok(self.urls.lock().unwrap().clone())
    }

    async fn register(&self, url: &str) -> Result<Vec<String>> {
        self.urls.lock().unwrap().push(url.to_owned());
        self.registered().await
    }

    async fn unregister(&self, url: &str) -> Result<Vec<String>> {
        if !self.urls.lock().unwrap().iter().any(|known| known == url) {
            return Err(Error::new(ErrorKind::NotFound, "not registered"));
        }
        self.urls.lock().unwrap().retain(|known| known != url);
        self.registered().await
    }
}

/// Two lines and the failover between them.
fn two(
    first: LineProvider,
    second: LineProvider,
) -> (Arc<LineProvider>, Arc<LineProvider>, Failover) {
    let (first, second) = (Arc::new(first), Arc::new(second));
    let failover = Failover::new(Arc::clone(&first)).then(Arc::clone(&second));
    (first, second, failover)
}

fn submission(text: &str) -> Submission {
    let message = message(text).prepare().unwrap();
    Submission::new(message.id, message.to, text)
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_opened_is_passed_over_and_opened_before_a_later_call() {
    let (first, second, failover) =
        two(LineProvider::failing("first", 2), LineProvider::new("second"));
    failover.open().await.expect("the second is open");
    let names = async || {
        let outcome = failover.submit(&[submission("hi")]).await.remove(0);
        assert_eq!(outcome.class, OutcomeClass::Accepted, "{outcome:?}");
        outcome.provider.expect("a name")
    };
    assert_eq!(names().await, "second");
    assert_eq!((first.counts(), second.counts()), ((0, 0), (1, 1)), "an unopened one is not asked");
    assert_eq!(names().await, "first");
    assert_eq!(names().await, "first");
    assert_eq!((first.counts(), second.counts()), ((1, 2), (1, 1)), "each is opened once");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_not_sent_while_none_can_be_opened() {
    let (first, second, failover) =
        two(LineProvider::failing("first", 9), LineProvider::failing("second", 9));
    let error = failover.open().await.expect_err("none is open");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let outcome = failover.submit(&[submission("hi")]).await.remove(0);
    assert_eq!(
        (outcome.class, outcome.provider.as_deref(), outcome.text.as_deref()),
        (OutcomeClass::NotSent, Some("second"), Some("second is down"))
    );
    assert_eq!((first.counts(), second.counts()), ((0, 0), (0, 0)));
}

#[tokio::test]
async fn both_are_closed_although_one_of_them_fails() {
    let (first, second, failover) = two(LineProvider::new("bad"), LineProvider::new("second"));
    failover.close().await.expect_err("the first one was not closed");
    assert_eq!((*first.closed.lock().unwrap(), *second.closed.lock().unwrap()), (1, 1));
}

#[tokio::test]
async fn a_callback_is_verified_and_read_by_the_provider_that_sent_it() {
    let (_, _, failover) = two(LineProvider::new("first"), LineProvider::new("second"));
    let callbacks = failover.callbacks().expect("both have callbacks");
    for name in ["first", "second"] {
        let body = format!("{name} signed 7");
        let callback = callbacks.read(&CallbackRequest::new(body.as_bytes())).expect("genuine");
        assert_eq!(callback.receipts, [Receipt::new(name, "7", ReceiptState::Delivered)]);
        assert_eq!(callback.reply.body, format!("{name} thanks"));

        // The other one cannot read it at all; that it is forged is the news.
        let body = format!("{name} forged 7");
        let refusal = callbacks.read(&CallbackRequest::new(body.as_bytes())).expect_err("forged");
        assert!(matches!(refusal, CallbackRefusal::NotGenuine(_)), "{name}: {refusal}");
    }
    let refusal = callbacks.read(&CallbackRequest::new(b"third signed 7")).expect_err("unknown");
    assert!(matches!(refusal, CallbackRefusal::Unreadable(_)), "{refusal}");
}

#[tokio::test]
async fn an_address_for_callbacks_is_registered_where_they_can_be_verified() {
    let unverifiable = LineProvider { is_unverifiable: true, ..LineProvider::new("first") };
    let (first, second, failover) = two(unverifiable, LineProvider::new("second"));
    let callbacks = failover.callbacks().expect("both have callbacks");
    callbacks.can_verify().expect("the second can");
    assert_eq!(callbacks.register("https://a").await.expect("registered"), ["https://a"]);
    assert_eq!(first.urls.lock().unwrap().len(), 0);
    assert_eq!(second.urls.lock().unwrap().len(), 1);
    assert_eq!(callbacks.registered().await.expect("listed"), ["https://a"]);

    let left = callbacks.unregister("https://a").await;
    assert_eq!(left.expect("the second knew it"), [""; 0]);
    let error = callbacks.unregister("https://a").await.expect_err("none knows it");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn receipts_of_both_arrive_under_the_name_of_their_provider() {
    let world = World::new();
    let (first, second, failover) =
        two(LineProvider::failing("first", 1), LineProvider::new("second"));
    let worker = world.start(failover);
    let to_first = world.send(message("hi")).await;
    // The first one refuses it.
    let to_second = world.send(message("not by the first")).await;
    world.all_become(&[to_first, to_second], Status::Sent).await;
    let provider = async |id| world.state(id).await.provider.expect("a name");
    assert_eq!(
        (provider(to_first).await, provider(to_second).await),
        ("first".into(), "second".into())
    );

    // Both providers have given the same id to their message.
    second.arrive();
    world.becomes(to_second, Status::Delivered).await;
    assert_eq!(world.status(to_first).await, Status::Sent);
    first.arrive();
    world.becomes(to_first, Status::Delivered).await;
    sleep(TIMEOUT).await;
    for line in [&first, &second] {
        let confirmed = line.confirmed.lock().unwrap().clone();
        assert_eq!(confirmed, [Receipt::new(line.name, "1", ReceiptState::Delivered)]);
    }
    worker.stop().await;
}

#[tokio::test]
async fn each_provider_is_asked_about_its_own_messages_also_within_another_failover() {
    let (_, _, inner) = two(LineProvider::new("second"), LineProvider::new("third"));
    let failover = Failover::new(LineProvider::new("first")).then(inner);
    let ids = ["first", "second", "third", "fourth"].map(|name| ProviderRef::new(name, "1"));
    let receipts = failover.receipts().expect("all have them").query(&ids).await.expect("told");
    let names: Vec<&str> = receipts.iter().map(|receipt| receipt.provider.as_str()).collect();
    assert_eq!(names, ["first", "second", "third"]);
}

#[tokio::test(start_paused = true)]
async fn receipts_of_one_arrive_although_the_other_one_is_closed() {
    let ended = LineProvider { is_ended: true, ..LineProvider::new("first") };
    let (_, second, failover) = two(ended, LineProvider::new("second"));
    let incoming = failover.incoming().expect("both have them");
    let wait = tokio::time::timeout(TIMEOUT, incoming.next());
    assert!(wait.await.is_err(), "the second one may still have some");
    second.arrive();
    assert_eq!(incoming.next().await, [Receipt::new("second", "1", ReceiptState::Delivered)]);

    let ended = || LineProvider { is_ended: true, ..LineProvider::new("one") };
    let (_, _, failover) = two(ended(), ended());
    assert_eq!(failover.incoming().expect("both have them").next().await, [], "all are closed");
}
