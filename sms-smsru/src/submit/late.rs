//! Answers that come after they were given up.
//!
//! A message whose request was not answered in time counts as unknown, for its worker must go on.
//! The answer may still come, and it is the only thing that can tell: so nobody hangs up, and what
//! comes goes to [`LateAnswers`].

use std::fmt;
use std::sync::Arc;

use sms_core::{LateAnswer, LateAnswers, OutcomeClass, Submission, async_trait};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::http::Answer;
use crate::client::session::Line;
use crate::wire::send_request as request;

/// How many requests are listened to late at the same time, each of which holds a connection and
/// its messages. One more is hung up on, and its messages stay unknown.
const MOST_LISTENED: usize = 256;
/// How many requests' answers wait to be fetched. When nobody fetches them, what is listened to
/// waits, and then nothing more is.
const MOST_WAITING: usize = 256;

/// Starts requests of messages, and listens to those nobody waits for any more.
pub(crate) struct Late {
    line: Arc<Line>,
    places: Arc<Semaphore>,
    tell: mpsc::Sender<Vec<LateAnswer>>,
    heard: Mutex<mpsc::Receiver<Vec<LateAnswer>>>,
}

impl Late {
    pub(crate) fn new(line: Arc<Line>) -> Self {
        let (tell, heard) = mpsc::channel(MOST_WAITING);
        Self {
            line,
            places: Arc::new(Semaphore::new(MOST_LISTENED)),
            tell,
            heard: Mutex::new(heard),
        }
    }

    /// Puts a request of these messages on its way.
    pub(crate) fn start<'a>(&'a self, form: String, messages: Vec<&'a Submission>) -> Call<'a> {
        let line = Arc::clone(&self.line);
        let longest = line.config.timeout + line.config.late;
        let runtime = Handle::current();
        let task =
            runtime.spawn(async move { line.http.post(request::METHOD, form, longest).await });
        Call { late: self, messages, task: Some(task), started: Instant::now(), runtime }
    }

    /// Listens to a request to its end.
    fn listen(
        &self,
        runtime: &Handle,
        mut task: JoinHandle<Answer>,
        messages: Vec<Submission>,
        started: Instant,
    ) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::warn!(
                "too many requests to sms.ru are unanswered: one is no longer listened to"
            );
            return task.abort();
        };
        let (line, tell) = (Arc::clone(&self.line), self.tell.clone());
        runtime.spawn(async move {
            let answer = tokio::select! {
                answer = &mut task => answer,
                // Nobody is left to tell.
                () = tell.closed() => return task.abort(),
            };
            let heard = answer
                .map_or_else(|_| Vec::new(), |answer| definite(&line, answer, &messages, started));
            if !heard.is_empty() {
                tracing::info!(messages = heard.len(), "sms.ru answered late");
                let _ = tell.send(heard).await;
            }
            drop(place);
        });
    }
}

/// What an answer says for certain.
fn definite(
    line: &Line,
    answer: Answer,
    messages: &[Submission],
    started: Instant,
) -> Vec<LateAnswer> {
    let outcomes = line.read(answer, &messages.iter().collect::<Vec<_>>());
    let took = started.elapsed();
    let told =
        messages.iter().zip(outcomes).filter(|(_, outcome)| outcome.class != OutcomeClass::Unknown);
    told.map(|(message, outcome)| LateAnswer {
        id: message.id,
        attempt: message.attempt,
        outcome,
        took,
    })
    .collect()
}

#[async_trait]
impl LateAnswers for Late {
    async fn next(&self) -> Vec<LateAnswer> {
        // Both wait without having taken anything, so a dropped call loses nothing.
        match self.heard.lock().await.recv().await {
            Some(heard) => heard,
            // Not while this lives, for it holds a sender.
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Late").finish_non_exhaustive()
    }
}

/// A request on its way. Dropped before its answer was taken, be it that the time is up or that the
/// caller has gone, it is listened to further.
pub(crate) struct Call<'a> {
    late: &'a Late,
    messages: Vec<&'a Submission>,
    task: Option<JoinHandle<Answer>>,
    started: Instant,
    runtime: Handle,
}

impl<'a> Call<'a> {
    pub(crate) fn messages(&self) -> &[&'a Submission] {
        &self.messages
    }

    /// Waits for the answer; `None` when the code that waits for it failed, or it was taken before.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let answer = self.task.as_mut()?.await;
        self.task = None;
        answer.ok()
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        match self.task.take() {
            Some(task) if self.late.line.config.late.is_zero() => task.abort(),
            Some(task) => {
                // Copied only now: most calls are answered in time.
                let messages = self.messages.iter().map(|message| (*message).clone()).collect();
                self.late.listen(&self.runtime, task, messages, self.started);
            }
            None => {}
        }
    }
}
