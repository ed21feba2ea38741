//! The ledger: transitions of several messages in one transaction, without input or output.
//!
//! For authors of stores. A store begins a transaction, loads the rows that a call is about under a
//! lock and [adds](Ledger::add) them, lets the ledger decide, writes the
//! [changes](Ledger::into_changes) and commits. So every store follows the same law, and none of
//! them repeats it.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::UnixMs;
use crate::error::{Error, ErrorKind, Result};
use crate::message::MessageId;
use crate::provider::ProviderRef;
use crate::provider::outcome::OutcomeClass;
use crate::provider::receipt::Receipt;
use crate::store::awaiting::{AwaitingRequest, QueryPurpose};
use crate::store::bulk::{BulkChange, BulkResult};
use crate::store::inference::UnmatchedId;
use crate::store::new_event::NewEvent;
use crate::store::queries::Scope;
use crate::store::requests::{
    CancelRequest, ReceiptEffect, Resolution, ResolveRequest, Settled, Settlement,
};
use crate::store::status::Status;
use crate::store::transition::{DeliveryState, impossible};

/// One message as the ledger needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// The message.
    pub id: MessageId,
    /// Its owner.
    pub owner: Option<String>,
    /// Its state.
    pub state: DeliveryState,
}

/// The rows of one transaction, and the changes to write at its end.
#[derive(Debug)]
pub struct Ledger {
    now: i64,
    rows: BTreeMap<MessageId, LedgerRow>,
    changed: BTreeSet<MessageId>,
    events: Vec<LogEntry>,
    aliases: Vec<Alias>,
}

/// An entry of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The message.
    pub message_id: MessageId,
    /// Its status after the event.
    pub status: Status,
    /// The event.
    pub event: NewEvent,
}

/// A provider id under which receipts may come although it is not the message's own: that of an
/// earlier attempt, or of a further part. It replaces an alias of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The provider and its id.
    pub name: ProviderRef,
    /// The message.
    pub message_id: MessageId,
}

/// The changes of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Time of the transaction, by the store's clock.
    pub now_ms: UnixMs,
    /// The rows that changed, by id. None of them holds a lease.
    pub rows: Vec<LedgerRow>,
    /// Entries to append to the event log, in order.
    pub events: Vec<LogEntry>,
    /// Aliases to add, in order.
    pub aliases: Vec<Alias>,
}

impl Changes {
    /// True if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.events.is_empty() && self.aliases.is_empty()
    }
}

/// The provider ids of an acceptance: one, or one for each part. Empty for any other outcome.
pub fn accepted_ids(settlement: &Settlement) -> impl Iterator<Item = &str> {
    let outcome = &settlement.outcome;
    let accepted = (outcome.class == OutcomeClass::Accepted).then(|| outcome.provider_ids());
    accepted.into_iter().flatten()
}

impl Ledger {
    /// An empty ledger of a transaction at this time, in milliseconds since the Unix epoch, by the
    /// store's clock.
    pub fn new(now: i64) -> Self {
        Self {
            now,
            rows: BTreeMap::new(),
            changed: BTreeSet::new(),
            events: Vec::new(),
            aliases: Vec::new(),
        }
    }

    /// Adds a row and returns its id. A row that is here already stays, because it may have been
    /// changed since it was loaded.
    pub fn add(&mut self, row: LedgerRow) -> MessageId {
        self.rows.entry(row.id).or_insert(row).id
    }

    /// True if the row of this message is here.
    pub fn has(&self, id: MessageId) -> bool {
        self.rows.contains_key(&id)
    }

    /// The status of a message after the changes so far.
    ///
    /// # Errors
    ///
    /// `NotFound` when its row is not here.
    pub fn status(&self, id: MessageId) -> Result<Status> {
        self.rows.get(&id).map(|row| row.state.status).ok_or_else(not_found)
    }

    /// True if [`settle`](Self::settle) needs to know whether the event log has the outcome
    /// already. The log has no outcome of an owner: recording it ends the ownership.
    pub fn needs_history(&self, settlement: &Settlement) -> bool {
        self.rows.get(&settlement.id).is_some_and(|row| !row.state.is_owned_by(settlement))
            && !self.has_outcome(settlement)
    }

    /// Records the outcome of an attempt. `is_in_log` says that the event log has an outcome of
    /// this attempt and class; it is read only where the ledger [needs](Self::needs_history) it.
    ///
    /// After [`Now`](Settled::Now) and [`Late`](Settled::Late) the receipts that wait for the
    /// [accepted ids](accepted_ids) are to be [received](Self::receive), which may change the
    /// status; [`settled`](Self::settled) then gives the final answer.
    pub fn settle(&mut self, settlement: &Settlement, is_in_log: bool) -> Settled {
        let Some(row) = self.rows.get(&settlement.id) else { return Settled::Gone };
        let (status, is_owned) = (row.state.status, row.state.is_owned_by(settlement));
        if !is_owned && (is_in_log || self.has_outcome(settlement)) {
            return Settled::Known(status);
        }
        let after = if is_owned {
            self.change(settlement.id, |state, now| state.settle(now, settlement))
        } else {
            self.settle_late(settlement)
        };
        self.add_aliases(settlement);
        match after {
            Some(status) if is_owned => Settled::Now(status),
            // Also where the table does not allow the change: the message stays as it was.
            after => Settled::Late(after.unwrap_or(status)),
        }
    }

    /// The same answer with the status of the message after the changes so far.
    pub fn settled(&self, settled: Settled, id: MessageId) -> Settled {
        let status = self.rows.get(&id).map(|row| row.state.status);
        match (settled, status) {
            (Settled::Now(_), Some(status)) => Settled::Now(status),
            (Settled::Late(_), Some(status)) => Settled::Late(status),
            (settled, _) => settled,
        }
    }

    /// Applies a receipt to a message. [`Parked`](ReceiptEffect::Parked) when its row is not here:
    /// the store keeps the receipt.
    pub fn receive(&mut self, id: MessageId, receipt: &Receipt) -> ReceiptEffect {
        let Some(row) = self.rows.get_mut(&id) else { return ReceiptEffect::Parked };
        let poll_at = row.state.poll_at;
        let (effect, event) = row.state.receive(id, self.now, receipt);
        if row.state.poll_at != poll_at {
            self.changed.insert(id);
        }
        if let Some(event) = event {
            self.log_change(id, event);
        }
        effect
    }

    /// Settles an unknown message by a person. Returns the name that it is sent under, if the
    /// person knows it: unless another message [has](crate::store::provider_id_taken) that name,
    /// the receipts that wait for it are to be [received](Self::receive).
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` when the message is not unknown.
    pub fn resolve(&mut self, request: ResolveRequest) -> Result<Option<ProviderRef>> {
        let ResolveRequest { id, scope, resolution, by, reason, .. } = request;
        let state = self.state_for_person(id, &scope, Status::Unknown)?;
        let name = match (&state.provider, &resolution) {
            (Some(provider), Resolution::Sent { provider_id: Some(provider_id) }) => {
                let (provider, provider_id) = (provider.clone(), provider_id.clone());
                Some(ProviderRef { provider, provider_id })
            }
            _ => None,
        };
        self.change(id, |state, now| state.resolve(now, resolution, by, reason))
            .ok_or_else(impossible)?;
        Ok(name)
    }

    /// Cancels a queued message. Returns its status afterwards.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Conflict` when the message is not queued.
    pub fn cancel(&mut self, request: CancelRequest) -> Result<Status> {
        let CancelRequest { id, scope, by, .. } = request;
        self.state_for_person(id, &scope, Status::Queued)?;
        self.change(id, |state, now| state.cancel(now, by)).ok_or_else(impossible)
    }

    /// Changes messages by a job of an operator. `changed` holds those of them that the job has
    /// changed already, by the event log. One result each, in order.
    pub fn change_all(
        &mut self,
        request: &BulkChange,
        mut changed: BTreeSet<MessageId>,
    ) -> Vec<BulkResult> {
        let mut change = |id: &MessageId| {
            let result = self.change_by_job(request, *id, changed.contains(id));
            if matches!(result, BulkResult::Done(_)) {
                changed.insert(*id);
            }
            result
        };
        request.ids.iter().map(&mut change).collect()
    }

    fn change_by_job(&mut self, request: &BulkChange, id: MessageId, is_done: bool) -> BulkResult {
        let BulkChange { job, scope, action, by, .. } = request;
        let row = self.rows.get(&id).filter(|row| scope.admits(row.owner.as_deref()));
        let Some(status) = row.map(|row| row.state.status) else { return BulkResult::Gone };
        if is_done {
            return BulkResult::Done(status);
        }
        if !action.admits(status) {
            return BulkResult::Refused(status);
        }
        let after = self
            .change(id, |state, now| action.apply(state, now, by).map(|event| event.of_job(job)));
        after.map_or(BulkResult::Refused(status), BulkResult::Done)
    }

    /// Gives a message the unmatched id that is inferred to be its own. False if it cannot take one
    /// any more, because its answer came in the meantime. Otherwise the receipts that wait for the
    /// id are to be [received](Self::receive).
    pub fn infer(&mut self, id: MessageId, unmatched: &UnmatchedId) -> bool {
        self.rows.get(&id).is_some_and(|row| row.state.can_take_provider_id())
            && self.change(id, |state, now| state.infer(now, &unmatched.provider_id)).is_some()
    }

    /// Ends the leases of these messages, each of which is over. Returns the messages that moved.
    pub fn rescue(&mut self, ids: Vec<MessageId>) -> Vec<MessageId> {
        self.change_each(ids, DeliveryState::rescue)
    }

    /// Ends the waiting of these messages, each past its deadline. Returns the messages that moved.
    pub fn expire(&mut self, ids: Vec<MessageId>) -> Vec<MessageId> {
        self.change_each(ids, DeliveryState::expire)
    }

    /// Schedules the next status query of each of these messages, for which one is due. Returns the
    /// names to query now: of a message with several parts, each part without an end. Messages that
    /// are given up are not among them.
    pub fn plan_queries(&mut self, ids: &[MessageId], of: &AwaitingRequest) -> Vec<ProviderRef> {
        let mut names = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(LedgerRow { state, .. }) = self.rows.get_mut(id) else { continue };
            self.changed.insert(*id);
            let given_up = match of.purpose {
                QueryPurpose::Receipt => state.plan_query(self.now, &of.polling),
                QueryPurpose::Cost if state.plan_cost_query(self.now) => None,
                QueryPurpose::Cost => continue,
            };
            if let Some(event) = given_up {
                self.log_change(*id, event);
            } else if let (Some(provider), Some(provider_id)) =
                (state.provider.clone(), state.provider_id.clone())
            {
                names.extend(state.provider_parts.names_to_query(provider, provider_id));
            }
        }
        names
    }

    /// Everything to write.
    pub fn into_changes(self) -> Changes {
        let Self { now, mut rows, changed, events, aliases } = self;
        rows.retain(|id, _| changed.contains(id));
        Changes { now_ms: now, rows: rows.into_values().collect(), events, aliases }
    }

    fn change_each(
        &mut self,
        mut ids: Vec<MessageId>,
        change: fn(&mut DeliveryState, i64) -> Option<NewEvent>,
    ) -> Vec<MessageId> {
        ids.retain(|id| self.change(*id, change).is_some());
        ids
    }

    /// Changes a row and logs the event. Returns the status afterwards; `None` when the row is not
    /// here or the table does not allow the change.
    fn change(
        &mut self,
        id: MessageId,
        change: impl FnOnce(&mut DeliveryState, i64) -> Option<NewEvent>,
    ) -> Option<Status> {
        let event = change(&mut self.rows.get_mut(&id)?.state, self.now)?;
        self.log_change(id, event)
    }

    fn log_change(&mut self, id: MessageId, event: NewEvent) -> Option<Status> {
        self.changed.insert(id);
        self.log(id, event)
    }

    fn log(&mut self, id: MessageId, event: NewEvent) -> Option<Status> {
        let status = self.rows.get(&id)?.state.status;
        self.events.push(LogEntry { message_id: id, status, event });
        Some(status)
    }

    /// Logs a late outcome, which changes the row only if it lifts the message.
    fn settle_late(&mut self, settlement: &Settlement) -> Option<Status> {
        let state = &mut self.rows.get_mut(&settlement.id)?.state;
        let (is_changed, event) = state.settle_late(self.now, settlement);
        if is_changed {
            self.changed.insert(settlement.id);
        }
        self.log(settlement.id, event)
    }

    /// Adds those provider ids of an acceptance that did not become the message's own.
    fn add_aliases(&mut self, settlement: &Settlement) {
        let Some(row) = self.rows.get(&settlement.id) else { return };
        let own = (row.state.provider.as_deref(), row.state.provider_id.as_deref());
        let provider = settlement.provider.as_str();
        let further = accepted_ids(settlement).filter(|id| own != (Some(provider), Some(id)));
        let name = |id| Alias { name: ProviderRef::new(provider, id), message_id: settlement.id };
        self.aliases.extend(further.map(name));
    }

    /// True if this transaction is about to log an outcome of this attempt and class.
    fn has_outcome(&self, settlement: &Settlement) -> bool {
        let (attempt, outcome) = (Some(settlement.fence), Some(settlement.outcome.class));
        self.events.iter().any(|LogEntry { message_id, event, .. }| {
            *message_id == settlement.id
                && event.details.attempt == attempt
                && event.details.outcome == outcome
        })
    }

    /// The state of a message that a person changes.
    fn state_for_person(
        &self,
        id: MessageId,
        scope: &Scope,
        needed: Status,
    ) -> Result<&DeliveryState> {
        let row = self.rows.get(&id).filter(|row| scope.admits(row.owner.as_deref()));
        let state = &row.ok_or_else(not_found)?.state;
        if state.status != needed {
            let message = format!("the message is {}, not {needed}", state.status);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(state)
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no such message")
}

#[cfg(test)]
mod tests;
