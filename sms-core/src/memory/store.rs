//! A store in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::row::Row;
use crate::clock::{
    Clock, StoreClock, StoreTime, SystemClock, datetime_from_ms, datetime_to_ms, duration_to_ms,
};
use crate::error::{Error, ErrorKind, Result};
use crate::lane::Lane;
use crate::message::phone::{NumberReader, Region};
use crate::message::{MessageId, NewMessage, StoredMessage};
use crate::provider::outcome::OutcomeClass;
use crate::provider::receipt::Receipt;
use crate::provider::{Polling, ProviderRef};
use crate::queue::Job;
use crate::store::event::Event;
use crate::store::inference::{self, Suspect, UnmatchedId};
use crate::store::page::{Budget, MessagePage, SearchedTo};
use crate::store::requests::ReceiptEffect;
use crate::store::status::Status;
use crate::store::transition::{HeldLease, NewEvent, Standing, impossible};
use crate::store::{
    BeginRequest, Begun, CancelRequest, DueRequest, InsertRequest, Inserted, KEY_WINDOW,
    ListRequest, Resolution, ResolveRequest, Scope, Settled, Settlement, Stats, StatsRange, Store,
    UnmatchedRequest, provider_id_taken,
};

/// A [`Store`] in memory: not durable, for tests and as the model the others are compared with.
#[derive(Debug)]
pub struct MemoryStore {
    clock: StoreClock,
    numbers: NumberReader,
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
            clock: StoreClock::new(clock),
            numbers: NumberReader::default(),
            inner: Mutex::default(),
        }
    }

    /// The region of the national formats in which numbers are read. Defaults to Russia.
    pub fn region(mut self, region: Region) -> Self {
        self.numbers = NumberReader::new(region);
        self
    }

    fn lock(&self) -> (MutexGuard<'_, Inner>, i64) {
        (self.inner.lock().unwrap_or_else(PoisonError::into_inner), self.clock.read().now)
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

    fn insert(
        &mut self,
        time: StoreTime,
        message: &NewMessage,
        request: &InsertRequest<'_>,
    ) -> Inserted {
        let now = time.now;
        if self.rows.contains_key(&message.id) {
            return Inserted::Stored;
        }
        if let Some(held) = self.replay(now, message) {
            return held;
        }
        if let Some(key) = &message.key {
            self.keys.insert((message.owner.clone(), key.key.clone()), message.id);
        }
        let standing = Standing::accept(message, time, request.push_after);
        self.rows.insert(message.id, Row { message: message.clone(), created_at: now, standing });
        Inserted::Stored
    }

    /// The answer of the message that holds the key of this one, if one does.
    fn replay(&self, now: i64, message: &NewMessage) -> Option<Inserted> {
        let key = message.key.as_ref()?;
        let holder = self.keys.get(&(message.owner.clone(), key.key.clone()))?;
        let Row { message: first, created_at, .. } = self.rows.get(holder)?;
        let is_held = now - created_at < duration_to_ms(KEY_WINDOW);
        let fingerprint = first.key.as_ref().map(|key| key.fingerprint)?;
        is_held.then(|| Inserted::held_by((first.id, fingerprint), message))
    }

    fn settle(&mut self, now: i64, settlement: &Settlement) -> Settled {
        let known = self.knows(settlement);
        let Some(row) = self.rows.get_mut(&settlement.id) else {
            return Settled::Gone;
        };
        if known {
            return Settled::Known(row.standing.status);
        }
        let owned = row.standing.is_owned_by(settlement);
        let event = if owned {
            row.standing.settle(now, settlement)
        } else {
            Some(row.standing.settle_late(now, settlement).1)
        };
        let status = row.standing.status;
        let Some(event) = event else { return Settled::Late(status) };
        self.log(now, settlement.id, status, event);
        let status = self.join_accepted(now, settlement).unwrap_or(status);
        if owned { Settled::Now(status) } else { Settled::Late(status) }
    }

    /// Whether an outcome of this attempt and class is on record already.
    fn knows(&self, settlement: &Settlement) -> bool {
        self.events.iter().any(|event| {
            event.message_id == settlement.id
                && event.details.attempt == Some(settlement.fence)
                && event.details.outcome == Some(settlement.outcome.class)
        })
    }

    /// Makes the message known under the id of an acceptance.
    fn join_accepted(&mut self, now: i64, settlement: &Settlement) -> Option<Status> {
        let provider_id = settlement.outcome.provider_id.clone()?;
        if settlement.outcome.class != OutcomeClass::Accepted {
            return None;
        }
        self.join_parked(now, settlement.id, &(settlement.provider.clone(), provider_id))
    }

    /// Makes a message known under this provider and id, and applies the receipts that waited for
    /// it.
    fn join_parked(&mut self, now: i64, id: MessageId, name: &(String, String)) -> Option<Status> {
        self.provider_ids.insert(name.clone(), id);
        let parked = std::mem::take(&mut self.parked);
        let (mine, others) = parked
            .into_iter()
            .partition(|(_, receipt)| receipt.provider == name.0 && receipt.provider_id == name.1);
        self.parked = others;
        for (_, receipt) in mine {
            self.receive(now, &receipt);
        }
        self.rows.get(&id).map(|row| row.standing.status)
    }

    fn suspects(&self) -> Vec<Suspect> {
        let suspect = |(id, row): (&MessageId, &Row)| {
            let Standing { unknown_at, provider, .. } = &row.standing;
            let (unknown_at, provider) = ((*unknown_at)?, provider.clone()?);
            Some(Suspect { id: *id, provider, unknown_at, takes_id: row.standing.takes_id() })
        };
        self.rows.iter().filter_map(suspect).collect()
    }

    fn infer(&mut self, now: i64, quiet: Duration) -> Vec<MessageId> {
        let (suspects, unmatched) =
            (self.suspects(), UnmatchedId::gather(self.parked.iter().cloned()));
        let found = inference::pairs(&suspects, &unmatched, now, quiet);
        for (suspect, id) in &found {
            if let Some(row) = self.rows.get_mut(&suspect.id)
                && let Some(event) = row.standing.infer(now, &id.provider_id)
            {
                self.log(now, suspect.id, Status::Sent, event);
                self.join_parked(now, suspect.id, &(id.provider.clone(), id.provider_id.clone()));
            }
        }
        found.into_iter().map(|(suspect, _)| suspect.id).collect()
    }

    /// Settles a message by a person.
    fn resolve(&mut self, now: i64, request: ResolveRequest) -> Result<Status> {
        let ResolveRequest { id, scope, resolution, by, reason } = request;
        let row = self.rows.get(&id).filter(|row| scope.admits(row.message.owner.as_deref()));
        let provider = row.and_then(|row| row.standing.provider.clone());
        let name = match &resolution {
            Resolution::Sent { provider_id: Some(provider_id) } => {
                provider.map(|it| (it, provider_id.clone()))
            }
            _ => None,
        };
        if name.as_ref().is_some_and(|name| self.provider_ids.contains_key(name)) {
            return Err(provider_id_taken());
        }
        let status = self.change(now, (id, &scope), Status::Unknown, |it| {
            it.resolve(now, resolution, by, reason)
        })?;
        Ok(name.and_then(|name| self.join_parked(now, id, &name)).unwrap_or(status))
    }

    fn receive(&mut self, now: i64, receipt: &Receipt) -> ReceiptEffect {
        let name = (receipt.provider.clone(), receipt.provider_id.clone());
        let found =
            self.provider_ids.get(&name).and_then(|id| self.rows.get_mut(id).map(|row| (*id, row)));
        let Some((id, row)) = found else {
            if !self.parked.iter().any(|(_, parked)| parked == receipt) {
                self.parked.push((now, receipt.clone()));
            }
            return ReceiptEffect::Parked;
        };
        let (effect, event) = row.standing.receive(id, now, receipt);
        let status = row.standing.status;
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
        when: impl Fn(&Standing, i64) -> bool,
        then: impl Fn(&mut Standing, i64) -> Option<NewEvent>,
    ) -> Vec<MessageId> {
        let ids: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| when(&row.standing, now))
            .map(|(id, _)| *id)
            .take(limit)
            .collect();
        let mut moved = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(row) = self.rows.get_mut(&id)
                && let Some(event) = then(&mut row.standing, now)
            {
                let status = row.standing.status;
                self.log(now, id, status, event);
                moved.push(id);
            }
        }
        moved
    }

    /// A change by a person: in this scope, of a message in the state that the change needs.
    fn change(
        &mut self,
        now: i64,
        (id, scope): (MessageId, &Scope),
        needed: Status,
        change: impl FnOnce(&mut Standing) -> Option<NewEvent>,
    ) -> Result<Status> {
        let row = self.rows.get_mut(&id).filter(|row| scope.admits(row.message.owner.as_deref()));
        let standing =
            &mut row.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such message"))?.standing;
        if standing.status != needed {
            let message = format!("the message is {}, not {needed}", standing.status);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let event = change(standing).ok_or_else(impossible)?;
        let status = standing.status;
        self.log(now, id, status, event);
        Ok(status)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn numbers(&self) -> NumberReader {
        self.numbers
    }

    async fn insert(&self, request: InsertRequest<'_>) -> Result<Vec<Inserted>> {
        let (mut inner, _) = self.lock();
        let time = self.clock.read();
        Ok(request.messages.iter().map(|message| inner.insert(time, message, &request)).collect())
    }

    async fn replays(&self, messages: &[NewMessage]) -> Result<Vec<Option<Inserted>>> {
        let (inner, now) = self.lock();
        Ok(messages.iter().map(|message| inner.replay(now, message)).collect())
    }

    async fn due(&self, request: DueRequest) -> Result<Vec<Job>> {
        let (mut inner, now) = self.lock();
        let mut jobs = Vec::new();
        for lane in Lane::ALL {
            let horizon = now.saturating_add(duration_to_ms(request.ahead));
            let is_offered = |row: &&mut Row| {
                row.message.lane() == lane
                    && row.standing.is_due(now)
                    && row.standing.push_at <= horizon
            };
            let mut due: Vec<&mut Row> = inner.rows.values_mut().filter(is_offered).collect();
            due.sort_by_key(|row| row.standing.push_at);
            for row in due.into_iter().take(request.limits[usize::from(lane.number())]) {
                row.standing.push_at = now.saturating_add(duration_to_ms(request.again_after));
                jobs.push(Job { id: row.message.id, lane });
            }
        }
        Ok(jobs)
    }

    async fn begin(&self, request: BeginRequest<'_>) -> Result<Vec<Begun>> {
        let (mut inner, now) = self.lock();
        let time = self.clock.read();
        let mut begun = Vec::with_capacity(request.ids.len());
        for id in request.ids {
            let Some(row) = inner.rows.get_mut(id) else {
                continue;
            };
            let is_ours =
                |lease: &HeldLease| lease.worker == request.worker && lease.batch == request.batch;
            if row.standing.is_due(now) {
                if !row.standing.begin(now, &request) {
                    continue;
                }
            } else if !row.standing.lease.as_ref().is_some_and(is_ours) {
                continue;
            }
            if begun.iter().all(|other: &Begun| other.submission.id != *id) {
                begun.push(row.begun(time));
            }
        }
        Ok(begun)
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<Settled>> {
        let (mut inner, now) = self.lock();
        Ok(settlements.iter().map(|settlement| inner.settle(now, settlement)).collect())
    }

    async fn rescue(&self, limit: usize) -> Result<Vec<MessageId>> {
        let (mut inner, now) = self.lock();
        Ok(inner.sweep(now, limit, Standing::lease_is_over, Standing::rescue))
    }

    async fn expire(&self, limit: usize) -> Result<Vec<MessageId>> {
        let (mut inner, now) = self.lock();
        Ok(inner.sweep(now, limit, Standing::is_past_deadline, Standing::expire))
    }

    async fn apply_receipts(&self, receipts: &[Receipt]) -> Result<Vec<ReceiptEffect>> {
        let (mut inner, now) = self.lock();
        Ok(receipts.iter().map(|receipt| inner.receive(now, receipt)).collect())
    }

    async fn awaiting_receipt(&self, polling: &Polling, limit: usize) -> Result<Vec<ProviderRef>> {
        let (mut inner, now) = self.lock();
        let due = inner.rows.iter().filter(|(_, row)| row.standing.awaits_query(now));
        let ids: Vec<MessageId> = due.map(|(id, _)| *id).take(limit).collect();
        let mut refs = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(Row { standing, .. }) = inner.rows.get_mut(&id) else { continue };
            if let Some(event) = standing.plan_query(now, polling) {
                inner.log(now, id, Status::Sent, event);
            } else if let (Some(provider), Some(provider_id)) =
                (&standing.provider, &standing.provider_id)
            {
                refs.push(ProviderRef {
                    provider: provider.clone(),
                    provider_id: provider_id.clone(),
                });
            }
        }
        Ok(refs)
    }

    async fn infer(&self, quiet: Duration) -> Result<Vec<MessageId>> {
        let (mut inner, now) = self.lock();
        Ok(if self.clock.is_comparable() { inner.infer(now, quiet) } else { Vec::new() })
    }

    async fn unmatched(&self, request: &UnmatchedRequest) -> Result<Vec<UnmatchedId>> {
        let (inner, _) = self.lock();
        let mut found = UnmatchedId::gather(inner.parked.iter().cloned());
        found.retain(|id| request.admits(id));
        found.reverse();
        found.truncate(request.limit);
        Ok(found)
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<Status> {
        let (mut inner, now) = self.lock();
        inner.resolve(now, request)
    }

    async fn cancel(&self, request: CancelRequest) -> Result<Status> {
        let (mut inner, now) = self.lock();
        let CancelRequest { id, scope, by } = request;
        inner.change(now, (id, &scope), Status::Queued, |it| it.cancel(now, by))
    }

    async fn get(&self, id: MessageId, scope: &Scope) -> Result<Option<StoredMessage>> {
        let (inner, _) = self.lock();
        let found = inner.rows.get(&id).filter(|row| scope.admits(row.message.owner.as_deref()));
        Ok(found.map(Row::stored))
    }

    async fn list(&self, request: &ListRequest) -> Result<MessagePage> {
        let (inner, _) = self.lock();
        let end = request.after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(search(
            request,
            self.numbers,
            inner.rows.range((Bound::Unbounded, end)).rev().map(|(_, row)| row),
        ))
    }

    async fn timeline(&self, id: MessageId) -> Result<Vec<Event>> {
        const MOST: usize = 1000;
        let (inner, _) = self.lock();
        let events: Vec<_> =
            inner.events.iter().filter(|event| event.message_id == id).cloned().collect();
        Ok(events[events.len().saturating_sub(MOST)..].to_vec())
    }

    async fn events_after(&self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        let (inner, _) = self.lock();
        Ok(inner.events.iter().filter(|event| event.seq > seq).take(limit).cloned().collect())
    }

    async fn stats(&self, range: &StatsRange) -> Result<Stats> {
        let (inner, _) = self.lock();
        let mut stats = Stats::default();
        let [from, to] = [range.from_time, range.to_time].map(|at| at.map(datetime_to_ms));
        for Row { message, created_at, standing } in inner.rows.values() {
            if range.scope.admits(message.owner.as_deref())
                && from.is_none_or(|from| *created_at >= from)
                && to.is_none_or(|to| *created_at < to)
            {
                stats.counts[usize::from(standing.status.number())] += 1;
            }
        }
        Ok(stats)
    }

    async fn purge(&self, older_than: Duration, limit: usize) -> Result<usize> {
        let (mut inner, now) = self.lock();
        let before = now.saturating_sub(duration_to_ms(older_than));
        let old = |Standing { status, updated_at, .. }: &Standing| {
            !status.is_waiting() && *updated_at < before
        };
        let ids = inner.rows.iter().filter(|(_, row)| old(&row.standing));
        let ids: Vec<MessageId> = ids.map(|(id, _)| *id).take(limit).collect();
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

/// How many messages are looked at between two looks at the clock.
const STEP: usize = 256;

fn search<'a>(
    request: &ListRequest,
    numbers: NumberReader,
    rows: impl Iterator<Item = &'a Row>,
) -> MessagePage {
    let (budget, mut found) = (Budget::start(request), Vec::new());
    if request.limit == 0 {
        return MessagePage::default();
    }
    for (row, looked_at) in rows.zip(1_usize..) {
        let created_at = datetime_from_ms(row.created_at);
        if matches(request, numbers, row) {
            found.push(row.stored());
        }
        if found.len() == request.limit || request.ends_before(created_at) {
            break;
        }
        if looked_at.is_multiple_of(STEP) && budget.is_over() {
            return MessagePage::new(found, Some(SearchedTo::new(row.message.id, created_at)));
        }
    }
    MessagePage::new(found, None)
}

fn matches(
    request: &ListRequest,
    numbers: NumberReader,
    Row { message, created_at, standing }: &Row,
) -> bool {
    request.scope.admits(message.owner.as_deref())
        && (request.statuses.is_empty() || request.statuses.contains(&standing.status))
        && request.to.is_none_or(|to| message.to == to)
        && request.class.is_none_or(|class| message.class == class)
        && request
            .reference
            .as_ref()
            .is_none_or(|reference| message.reference.as_ref() == Some(reference))
        && request.from_time.is_none_or(|from| *created_at >= datetime_to_ms(from))
        && request.to_time.is_none_or(|to| *created_at < datetime_to_ms(to))
        && request.search.as_ref().is_none_or(|search| {
            let number = message.to.digits().to_string();
            message.text.contains(search)
                || numbers.search_digits(search).iter().any(|digits| number.contains(digits))
        })
}
