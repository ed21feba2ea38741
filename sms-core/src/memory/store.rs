//! A store in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::row::{NewEvent, Row};
use crate::clock::{Clock, SystemClock, datetime_from_ms, datetime_to_ms, duration_to_ms};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::message::{MessageId, NewMessage, StoredMessage};
use crate::outcome::OutcomeClass;
use crate::provider::{Polling, ProviderRef};
use crate::queue::{Job, Lane};
use crate::receipt::{Receipt, ReceiptEffect};
use crate::state::Status;
use crate::store::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, KEY_WINDOW, ListRequest,
    ResolveRequest, Scope, Settled, Settlement, Stats, StatsRange, Store,
};

/// A [`Store`] in memory: not durable, for tests and as the model the others are compared with.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rows: BTreeMap<MessageId, Row>,
    keys: HashMap<(Option<String>, String), MessageId>,
    provider_ids: HashMap<(String, String), MessageId>,
    parked: Vec<(i64, Receipt)>,
    events: Vec<Event>,
    last_seq: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }
}

impl MemoryStore {
    /// An empty store on the system's clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store on this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> (MutexGuard<'_, Inner>, i64) {
        (
            self.inner.lock().unwrap_or_else(PoisonError::into_inner),
            self.clock.now_ms(),
        )
    }
}

impl Inner {
    fn log(&mut self, now: i64, message_id: MessageId, status: Status, (kind, details): NewEvent) {
        self.last_seq += 1;
        self.events.push(Event {
            seq: self.last_seq,
            message_id,
            at: datetime_from_ms(now),
            kind,
            status,
            details,
        });
    }

    fn insert(&mut self, now: i64, message: &NewMessage, request: &InsertRequest<'_>) -> Inserted {
        if self.rows.contains_key(&message.id) {
            return Inserted::Stored;
        }
        if let Some(key) = &message.key {
            let slot = (message.owner.clone(), key.key.clone());
            let earlier = self.keys.get(&slot).and_then(|id| self.rows.get(id));
            if let Some(Row { stored, .. }) = earlier
                && now - datetime_to_ms(stored.state.created_at) < duration_to_ms(KEY_WINDOW)
            {
                let same = stored
                    .message
                    .key
                    .as_ref()
                    .is_some_and(|first| first.fingerprint == key.fingerprint);
                return if same {
                    Inserted::Replayed(stored.message.id)
                } else {
                    Inserted::KeyReused
                };
            }
            self.keys.insert(slot, message.id);
        }
        self.rows
            .insert(message.id, Row::new(message.clone(), now, request.push_after));
        Inserted::Stored
    }

    fn settle(&mut self, now: i64, settlement: &Settlement) -> Settled {
        let known = self.knows(settlement);
        let Some(row) = self.rows.get_mut(&settlement.id) else {
            return Settled::Gone;
        };
        if known {
            return Settled::Known(row.status());
        }
        let owned = row.owned_by(settlement);
        let event = if owned {
            row.settle(now, settlement)
        } else {
            row.settle_late(now, settlement)
        };
        let status = row.status();
        self.log(now, settlement.id, status, event);
        let status = self.join_parked(now, settlement).unwrap_or(status);
        if owned {
            Settled::Now(status)
        } else {
            Settled::Late(status)
        }
    }

    /// Whether an outcome of this attempt and class is on record already.
    fn knows(&self, settlement: &Settlement) -> bool {
        self.events.iter().any(|event| {
            event.message_id == settlement.id
                && event.details.attempt == Some(settlement.fence)
                && event.details.outcome == Some(settlement.outcome.class)
        })
    }

    fn join_parked(&mut self, now: i64, settlement: &Settlement) -> Option<Status> {
        let provider_id = settlement.outcome.provider_id.as_ref()?;
        if settlement.outcome.class != OutcomeClass::Accepted {
            return None;
        }
        let name = (settlement.provider.clone(), provider_id.clone());
        self.provider_ids.insert(name.clone(), settlement.id);
        let parked = std::mem::take(&mut self.parked);
        let (mine, others) = parked
            .into_iter()
            .partition(|(_, receipt)| receipt.provider == name.0 && receipt.provider_id == name.1);
        self.parked = others;
        for (_, receipt) in mine {
            self.receive(now, &receipt);
        }
        self.rows.get(&settlement.id).map(Row::status)
    }

    fn receive(&mut self, now: i64, receipt: &Receipt) -> ReceiptEffect {
        let name = (receipt.provider.clone(), receipt.provider_id.clone());
        let found = self
            .provider_ids
            .get(&name)
            .and_then(|id| self.rows.get_mut(id).map(|row| (*id, row)));
        let Some((id, row)) = found else {
            if !self.parked.iter().any(|(_, parked)| parked == receipt) {
                self.parked.push((now, receipt.clone()));
            }
            return ReceiptEffect::Parked;
        };
        let (effect, event) = row.receive(now, receipt);
        let status = row.status();
        if let Some(event) = event {
            self.log(now, id, status, event);
        }
        effect
    }

    /// Moves up to `limit` rows for which `when` holds, oldest first, and logs each.
    fn sweep(
        &mut self,
        now: i64,
        limit: usize,
        when: impl Fn(&Row, i64) -> bool,
        then: impl Fn(&mut Row, i64) -> NewEvent,
    ) -> Vec<MessageId> {
        let ids: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| when(row, now))
            .map(|(id, _)| *id)
            .take(limit)
            .collect();
        for id in &ids {
            if let Some(row) = self.rows.get_mut(id) {
                let event = then(row, now);
                let status = row.status();
                self.log(now, *id, status, event);
            }
        }
        ids
    }

    /// The row, where the scope admits it and it is in the state the change needs.
    fn row_in(&mut self, id: MessageId, scope: &Scope, needed: Status) -> Result<&mut Row> {
        let row = self
            .rows
            .get_mut(&id)
            .filter(|row| scope.admits(row.stored.message.owner.as_deref()));
        let row = row.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such message"))?;
        if row.status() == needed {
            return Ok(row);
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the message is {}, not {needed}", row.status()),
        ))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        let (mut inner, now) = self.lock();
        Ok(request
            .messages
            .iter()
            .map(|message| inner.insert(now, message, &request))
            .collect())
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        let (mut inner, now) = self.lock();
        let mut jobs = Vec::new();
        for lane in Lane::ALL {
            let due = inner
                .rows
                .values_mut()
                .filter(|row| row.stored.message.lane() == lane && row.is_due(now) && row.push_at <= now);
            let mut due: Vec<&mut Row> = due.collect();
            due.sort_by_key(|row| row.push_at);
            for row in due.into_iter().take(request.limits[usize::from(lane.number())]) {
                row.push_at = now.saturating_add(duration_to_ms(request.again_after));
                jobs.push(Job {
                    id: row.stored.message.id,
                    lane,
                });
            }
        }
        Ok(jobs)
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        let (mut inner, now) = self.lock();
        let mut begun = Vec::with_capacity(request.ids.len());
        for id in request.ids {
            let Some(row) = inner.rows.get_mut(id) else {
                continue;
            };
            if row.is_due(now) {
                row.begin(now, request.worker, request.batch, request.lease);
            } else if row.status() != Status::Sending || !row.begun_by(request.worker, request.batch) {
                continue;
            }
            if begun.iter().all(|other: &Begun| other.submission.id != *id) {
                begun.push(row.begun());
            }
        }
        Ok(begun)
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        let (mut inner, now) = self.lock();
        Ok(settlements
            .iter()
            .map(|settlement| inner.settle(now, settlement))
            .collect())
    }

    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>> {
        let (mut inner, now) = self.lock();
        Ok(inner.sweep(now, limit, Row::lease_is_over, Row::rescue))
    }

    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>> {
        let (mut inner, now) = self.lock();
        Ok(inner.sweep(now, limit, Row::is_expired, Row::expire))
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        let (mut inner, now) = self.lock();
        Ok(receipts
            .iter()
            .map(|receipt| inner.receive(now, receipt))
            .collect())
    }

    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>> {
        let (mut inner, now) = self.lock();
        let ids: Vec<_> = inner
            .rows
            .iter()
            .filter(|(_, row)| row.awaits_query(now))
            .map(|(id, _)| *id)
            .take(limit)
            .collect();
        let mut refs = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(row) = inner.rows.get_mut(&id) else {
                continue;
            };
            if let Some(event) = row.plan_query(now, polling) {
                inner.log(now, id, Status::Sent, event);
            } else if let (Some(provider), Some(provider_id)) = (
                row.stored.state.provider.clone(),
                row.stored.state.provider_id.clone(),
            ) {
                refs.push(ProviderRef {
                    provider,
                    provider_id,
                });
            }
        }
        Ok(refs)
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        let (mut inner, now) = self.lock();
        let row = inner.row_in(request.id, &request.scope, Status::Unknown)?;
        let event = row.resolve(now, request.resolution, request.by, request.reason);
        let status = row.status();
        inner.log(now, request.id, status, event);
        Ok(status)
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        let (mut inner, now) = self.lock();
        let row = inner.row_in(request.id, &request.scope, Status::Queued)?;
        let event = row.cancel(now, request.by);
        let status = row.status();
        inner.log(now, request.id, status, event);
        Ok(status)
    }

    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
        let (inner, _) = self.lock();
        let stored = inner.rows.get(&id).map(|row| &row.stored);
        Ok(stored
            .filter(|stored| scope.admits(stored.message.owner.as_deref()))
            .cloned())
    }

    async fn list(&self, request: &ListRequest) -> Result<Vec<StoredMessage>> {
        let (inner, _) = self.lock();
        let found = inner
            .rows
            .values()
            .rev()
            .map(|row| &row.stored)
            .filter(|stored| matches(request, stored));
        Ok(found.take(request.limit).cloned().collect())
    }

    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>> {
        const MOST: usize = 1000;
        let (inner, _) = self.lock();
        let events: Vec<_> = inner
            .events
            .iter()
            .filter(|event| event.message_id == id)
            .cloned()
            .collect();
        Ok(events[events.len().saturating_sub(MOST)..].to_vec())
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        let (inner, _) = self.lock();
        Ok(inner
            .events
            .iter()
            .filter(|event| event.seq > seq)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn stats(&self, range: &StatsRange) -> Result<Stats> {
        let (inner, _) = self.lock();
        let mut stats = Stats::default();
        for StoredMessage { message, state } in inner.rows.values().map(|row| &row.stored) {
            if range.scope.admits(message.owner.as_deref())
                && range.from_time.is_none_or(|from| state.created_at >= from)
                && range.to_time.is_none_or(|to| state.created_at < to)
            {
                stats.counts[usize::from(state.status.number())] += 1;
            }
        }
        Ok(stats)
    }

    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize> {
        let (mut inner, now) = self.lock();
        let before = now.saturating_sub(duration_to_ms(older_than));
        let old = inner.rows.values().map(|row| &row.stored).filter(|stored| {
            stored.state.status.is_final() && datetime_to_ms(stored.state.updated_at) < before
        });
        let ids: Vec<_> = old.map(|stored| stored.message.id).take(limit).collect();
        for id in &ids {
            inner.rows.remove(id);
        }
        inner.keys.retain(|_, id| !ids.contains(id));
        inner.provider_ids.retain(|_, id| !ids.contains(id));
        inner.events.retain(|event| !ids.contains(&event.message_id));
        inner.parked.retain(|(at, _)| *at >= before);
        Ok(ids.len())
    }
}

fn matches(request: &ListRequest, StoredMessage { message, state }: &StoredMessage) -> bool {
    request.scope.admits(message.owner.as_deref())
        && request.after.is_none_or(|after| message.id < after)
        && (request.statuses.is_empty() || request.statuses.contains(&state.status))
        && request.to.is_none_or(|to| message.to == to)
        && request.class.is_none_or(|class| message.class == class)
        && request
            .reference
            .as_ref()
            .is_none_or(|reference| message.reference.as_ref() == Some(reference))
        && request.from_time.is_none_or(|from| state.created_at >= from)
        && request.to_time.is_none_or(|to| state.created_at < to)
        && request.search.as_ref().is_none_or(|search| {
            let digits = request.search_digits();
            message.text.contains(search)
                || digits.is_some_and(|digits| message.to.to_string().contains(&digits))
        })
}
