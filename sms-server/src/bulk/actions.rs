//! Actions of a job on a batch of items. Every action can be repeated: after a kill, or a lost
//! answer, the same items are done again, and nothing happens twice.

use axum::http::StatusCode;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use sms_core::erasure::EraseMessages;
use sms_core::message::Resend;
use sms_core::store::{
    Archive as _, BulkAction, BulkChange, BulkResult, MessageRequest, Resolution,
};
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::worklists::requests::ItemResult;
use sms_core::{Error, ErrorKind, MessageId, NewMessage, Result, StoredMessage};

use super::import::row_of;
use super::job::{Action, Job, ResolutionName};
use super::records::unreadable;
use super::runner::Runner;
use crate::http::problem::Problem;
use crate::imports::mailing::Mailing;
use crate::resend::{again, check_state};

/// Messages that are read at a time.
const READS: usize = 4;

/// The result of an item that was done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    /// The message that was accepted for it.
    pub(crate) message_id: MessageId,
}

/// The result of an item that failed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The code of the problem.
    pub(crate) code: String,
    /// The problem in words.
    pub(crate) detail: String,
}

/// An item before it is done: a message to accept, or the reason why not.
type Prepared = std::result::Result<NewMessage, Problem>;

impl Runner {
    /// Does these items. One result each.
    pub(super) async fn act(&self, job: &Job, items: Vec<WorkItem>) -> Result<Vec<ItemResult>> {
        match &job.action {
            Action::Cancel => self.change(job, items, BulkAction::Cancel).await,
            Action::Resolve { resolution, reason } => {
                let resolution = match resolution {
                    ResolutionName::Sent => Resolution::Sent { provider_id: None },
                    ResolutionName::Failed => Resolution::Failed,
                    ResolutionName::Resend => Resolution::Resend,
                };
                let action = BulkAction::Resolve { resolution, reason: reason.clone() };
                self.change(job, items, action).await
            }
            Action::Resend { reason } => self.resend(job, items, reason).await,
            Action::Erase { .. } => self.erase(job, &items).await,
            Action::Send { mailing, route } => {
                self.send(job, items, mailing, route.as_deref()).await
            }
        }
    }

    async fn change(
        &self,
        job: &Job,
        mut items: Vec<WorkItem>,
        action: BulkAction,
    ) -> Result<Vec<ItemResult>> {
        let mut results = Vec::with_capacity(items.len());
        let sends = matches!(action, BulkAction::Resolve { resolution: Resolution::Resend, .. });
        if sends && !job.allowed_numbers.is_empty() {
            let messages = self.read(job, &items).await?;
            let mut allowed = Vec::with_capacity(items.len());
            for (item, message) in items.into_iter().zip(messages) {
                match message {
                    Some(stored) if !job.may_send_to(stored.message.to) => {
                        results.push(failed(item.number, &not_allowed())?);
                    }
                    _ => allowed.push(item),
                }
            }
            items = allowed;
        }
        let ids = items.iter().map(message_id).collect::<Result<_>>()?;
        let request = BulkChange::new(&job.id, ids, action, &job.by).scope(job.scope());
        for (item, result) in items.iter().zip(self.store.change_all(request).await?) {
            results.push(ended(item, result)?);
        }
        Ok(results)
    }

    async fn erase(&self, job: &Job, items: &[WorkItem]) -> Result<Vec<ItemResult>> {
        let missing = || Error::new(ErrorKind::Config, "this process has nothing to erase with");
        let erasure = self.erasure.as_ref().ok_or_else(missing)?;
        let ids = items.iter().map(message_id).collect::<Result<_>>()?;
        let erased = erasure.erase(EraseMessages::new(ids).scope(job.scope())).await?;
        items.iter().zip(erased).map(|(item, result)| ended(item, result)).collect()
    }

    async fn resend(
        &self,
        job: &Job,
        items: Vec<WorkItem>,
        reason: &str,
    ) -> Result<Vec<ItemResult>> {
        let messages = self.read(job, &items).await?;
        let prepare = |(item, earlier): (&WorkItem, Option<StoredMessage>)| -> Prepared {
            let earlier = earlier.ok_or_else(Problem::not_found)?;
            check_state(&earlier)?;
            let resend = Resend::new(earlier.message.id, reason, &*job.by);
            let message = again(&earlier.message).resend(resend).key(key(job, item));
            let prepared = self.sender.prepare(&message)?;
            if job.may_send_to(prepared.to) { Ok(prepared) } else { Err(not_allowed()) }
        };
        let prepared = items.iter().zip(messages).map(prepare).collect();
        self.accept(&items, prepared).await
    }

    /// Sends the rows of an import.
    async fn send(
        &self,
        job: &Job,
        items: Vec<WorkItem>,
        mailing: &Mailing,
        route: Option<&str>,
    ) -> Result<Vec<ItemResult>> {
        let mut prepared = Vec::with_capacity(items.len());
        for item in &items {
            // Only items that have ended are ever emptied.
            let row = row_of(item)?.ok_or_else(missing_row)?;
            let mut message = mailing.message(&row).key(key(job, item));
            if let Some(owner) = &job.owner {
                message = message.owner(owner);
            }
            if let Some(route) = route {
                message = message.route(route);
            }
            prepared.push(match self.sender.prepare(&message) {
                Ok(message) if job.may_send_to(message.to) => Ok(message),
                Ok(_) => Err(not_allowed()),
                Err(error) => Err(error.into()),
            });
        }
        self.accept(&items, prepared).await
    }

    /// Accepts the messages of these items. A key makes each of them one message, however often.
    async fn accept(
        &self,
        items: &[WorkItem],
        mut prepared: Vec<Prepared>,
    ) -> Result<Vec<ItemResult>> {
        for message in prepared.iter_mut().flatten() {
            message.options.sandbox = self.rules.draw(message, self.sends_nothing).await?;
        }
        let messages: Vec<_> = prepared.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
        let accepted =
            if messages.is_empty() { Vec::new() } else { self.sender.accept(messages).await? };
        let mut accepted = accepted.into_iter();
        let mut results = Vec::with_capacity(items.len());
        for (item, prepared) in items.iter().zip(prepared) {
            let number = item.number;
            let result = match prepared {
                Ok(_) => accepted.next().unwrap_or_else(|| Err(no_result())),
                Err(problem) => {
                    results.push(failed(number, &problem)?);
                    continue;
                }
            };
            results.push(match result {
                Ok(acceptance) => {
                    let accepted = Accepted { message_id: acceptance.id };
                    let accepted = serde_json::to_string(&accepted).map_err(unreadable)?;
                    ItemResult::new(number, ItemState::Done).result(accepted)
                }
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => failed(number, &Problem::from(error))?,
            });
        }
        Ok(results)
    }

    /// The messages of these items; `None` for each that is not there for the job.
    async fn read(&self, job: &Job, items: &[WorkItem]) -> Result<Vec<Option<StoredMessage>>> {
        let ids = items.iter().map(message_id).collect::<Result<Vec<_>>>()?;
        let read =
            |id| async move { self.store.get(&MessageRequest::new(id).scope(job.scope())).await };
        stream::iter(ids.into_iter().map(read)).buffered(READS).try_collect().await
    }
}

fn missing_row() -> Error {
    Error::new(ErrorKind::Internal, "an item of an import has no row")
}

/// The idempotency key of an item.
fn key(job: &Job, item: &WorkItem) -> String {
    format!("job:{}:{}", job.id, item.number)
}

/// The message that an item of a selection names.
pub(crate) fn message_id(item: &WorkItem) -> Result<MessageId> {
    item.payload.parse()
}

/// The end of an item with a message that was to be changed.
fn ended(item: &WorkItem, result: BulkResult) -> Result<ItemResult> {
    match result {
        BulkResult::Done(_) => Ok(ItemResult::new(item.number, ItemState::Done)),
        BulkResult::Refused(status) => {
            let detail = format!("the message is {status}, which does not allow this");
            failed(item.number, &Problem::new(StatusCode::CONFLICT, "conflict", detail))
        }
        BulkResult::Gone => failed(item.number, &Problem::not_found()),
    }
}

/// The end of an item that cannot be done.
fn failed(number: u64, problem: &Problem) -> Result<ItemResult> {
    let failure = Failure { code: problem.code().to_owned(), detail: problem.detail().to_owned() };
    let failure = serde_json::to_string(&failure).map_err(unreadable)?;
    Ok(ItemResult::new(number, ItemState::Failed).result(failure))
}

fn not_allowed() -> Problem {
    let detail = "to: is not one of the numbers that the key may send to";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "recipient_not_allowed", detail)
}

fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed | ErrorKind::Internal)
}

fn no_result() -> Error {
    Error::new(ErrorKind::Internal, "the store returned no result for a message")
}
