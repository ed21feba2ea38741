//! Replies that arrive after the timeout.
//!
//! The messages of a request without a reply at the timeout are unknown, and the worker goes on.
//! The reply can still arrive, and it is the only evidence of the outcome. So the connection stays
//! open, and [`LateAnswers`] delivers what arrives.

use std::fmt;
use std::sync::Arc;

use sms_core::{LateAnswer, LateAnswers, Outcome, OutcomeClass, Submission, async_trait};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::http::HttpReply;
use crate::client::session::Session;
use crate::wire::send_request;

/// The maximum of timed-out requests that wait for a reply. Each holds a connection and a copy of
/// its messages. Any other request is closed at its timeout, and its messages stay unknown.
const MAX_WAITING: usize = 256;
/// The maximum of requests with late replies that nobody has fetched. When it is reached, requests
/// with a reply keep their place among the waiting ones.
const MAX_UNFETCHED: usize = 256;

/// An HTTP reply, or the outcome for each message of the request.
type Reply = Result<HttpReply, Outcome>;

/// Starts the requests of a worker and waits for the replies to those that timed out.
pub(crate) struct LateReplies {
    session: Arc<Session>,
    slots: Arc<Semaphore>,
    sender: mpsc::Sender<Vec<LateAnswer>>,
    receiver: Mutex<mpsc::Receiver<Vec<LateAnswer>>>,
}

impl LateReplies {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        let (sender, receiver) = mpsc::channel(MAX_UNFETCHED);
        Self {
            session,
            slots: Arc::new(Semaphore::new(MAX_WAITING)),
            sender,
            receiver: Mutex::new(receiver),
        }
    }

    /// Starts a request with these messages.
    pub(crate) fn start<'a>(
        &'a self,
        form: String,
        messages: Vec<&'a Submission>,
    ) -> PendingRequest<'a> {
        let session = Arc::clone(&self.session);
        let timeout = session.config().timeout + session.config().late;
        let runtime = Handle::current();
        let task = runtime
            .spawn(async move { session.client.post(send_request::METHOD, form, timeout).await });
        PendingRequest { late: self, messages, task: Some(task), started: Instant::now(), runtime }
    }

    /// Waits for the reply to a request in the background.
    fn wait_for(
        &self,
        runtime: &Handle,
        mut task: JoinHandle<Reply>,
        messages: Vec<Submission>,
        started: Instant,
    ) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            tracing::warn!("too many unanswered requests to sms.ru: one is closed at its timeout");
            return task.abort();
        };
        let (session, sender) = (Arc::clone(&self.session), self.sender.clone());
        runtime.spawn(async move {
            let reply = tokio::select! {
                reply = &mut task => reply,
                // The provider was dropped, so nobody can fetch the answers.
                () = sender.closed() => return task.abort(),
            };
            let answers = reply.map_or_else(
                |_| Vec::new(),
                |reply| definite_answers(&session, reply, &messages, started),
            );
            if !answers.is_empty() {
                tracing::info!(messages = answers.len(), "sms.ru answered late");
                let _ = sender.send(answers).await;
            }
            drop(slot);
        });
    }
}

/// Reads a late reply and leaves out the unknown outcomes.
fn definite_answers(
    session: &Session,
    reply: Reply,
    messages: &[Submission],
    started: Instant,
) -> Vec<LateAnswer> {
    let outcomes = session.read(reply, &messages.iter().collect::<Vec<_>>());
    let took = started.elapsed();
    let definite =
        messages.iter().zip(outcomes).filter(|(_, outcome)| outcome.class != OutcomeClass::Unknown);
    definite
        .map(|(message, outcome)| LateAnswer::new(message.id, message.attempt, outcome, took))
        .collect()
}

#[async_trait]
impl LateAnswers for LateReplies {
    async fn next(&self) -> Vec<LateAnswer> {
        // Neither await has taken an answer while it waits, so a dropped call loses none.
        match self.receiver.lock().await.recv().await {
            Some(answers) => answers,
            // Cannot happen: `self` holds a sender.
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for LateReplies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateReplies").finish_non_exhaustive()
    }
}

/// A request without a reply so far. When it is dropped before the reply, because of the timeout or
/// because the caller was cancelled, [`LateReplies`] waits for the reply.
pub(crate) struct PendingRequest<'a> {
    late: &'a LateReplies,
    messages: Vec<&'a Submission>,
    task: Option<JoinHandle<Reply>>,
    started: Instant,
    runtime: Handle,
}

impl<'a> PendingRequest<'a> {
    pub(crate) fn messages(&self) -> &[&'a Submission] {
        &self.messages
    }

    /// Waits for the reply; `None` if the task of the request panicked or the reply was taken
    /// before.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let reply = self.task.as_mut()?.await;
        self.task = None;
        reply.ok()
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        match self.task.take() {
            Some(task) if self.late.session.config().late.is_zero() => task.abort(),
            Some(task) => {
                // Cloned only here, because most requests have a reply in time.
                let messages = self.messages.iter().map(|message| (*message).clone()).collect();
                self.late.wait_for(&self.runtime, task, messages, self.started);
            }
            None => {}
        }
    }
}
