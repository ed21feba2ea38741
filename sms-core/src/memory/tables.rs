//! The tables of a store in memory.
//!
//! Over 400 lines: it contains every table, and each change of more than one of them.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::Duration;

use super::rollups::{KeptCounts, logged};
use super::row::Row;
use super::stops::KeptStops;
use crate::clock::{StoreTime, datetime_from_ms, datetime_to_ms, duration_to_ms};
use crate::error::Result;
use crate::lane::Lane;
use crate::message::{MessageId, NewMessage, Route, StoredMessage};
use crate::provider::ProviderRef;
use crate::provider::receipt::Receipt;
use crate::queue::Job;
use crate::rollups::change::LoggedEvent;
use crate::store::ReceiptEffect;
use crate::store::event::Event;
use crate::store::inference::{SKEW, Suspect, UnmatchedId, horizon, pairs};
use crate::store::ledger::{Changes, Ledger, LogEntry, accepted_ids};
use crate::store::status::Status;
use crate::store::transition::{DeliveryState, HeldLease};
use crate::store::{
    AcceptanceTimes, AwaitingRequest, BeginRequest, Begun, BulkChange, BulkResult, CancelRequest,
    DueRequest, EventPage, EventsRequest, InsertRequest, Inserted, KEY_WINDOW, LogEnd,
    MessageRequest, ResolveRequest, RoutePurgeRequest, Settled, Settlement, Stats, StatsRequest,
    provider_id_taken,
};

/// The largest number of events in a timeline.
const MAX_TIMELINE_EVENTS: usize = 1000;

/// A provider's name and its id of a message.
type Name = (String, String);

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) rows: BTreeMap<MessageId, Row>,
    /// Messages by owner and idempotency key.
    pub(super) keys: HashMap<(Option<String>, String), MessageId>,
    /// Messages by every name they were accepted under.
    names: HashMap<Name, MessageId>,
    /// Receipts that wait for their message, in the order in which they came, with the time.
    pub(super) parked: Vec<(i64, Receipt)>,
    pub(super) events: Vec<Event>,
    last_seq: u64,
    pub(super) counts: KeptCounts,
    pub(super) stops: KeptStops,
}

impl Tables {
    pub(super) fn insert(
        &mut self,
        time: StoreTime,
        message: &NewMessage,
        request: &InsertRequest<'_>,
    ) -> Inserted {
        let now = time.now_ms;
        if let Some(row) = self.rows.get(&message.id) {
            return Inserted::Stored(AcceptanceTimes::from_ms(row.created_at, row.state.due_at));
        }
        if let Some(held) = self.replay(now, message) {
            return held;
        }
        if self.stops.holds(message.to) {
            return Inserted::OnStopList;
        }
        if let Some(key) = &message.key {
            self.keys.insert((message.owner.clone(), key.key.clone()), message.id);
        }
        self.counts.accept(now, message);
        let state = DeliveryState::accept(message, time, request.push_after);
        let times = AcceptanceTimes::from_ms(now, state.due_at);
        self.rows.insert(message.id, Row { message: message.clone(), created_at: now, state });
        Inserted::Stored(times)
    }

    /// The answer of the message that holds the key of this one, if there is one.
    pub(super) fn replay(&self, now: i64, message: &NewMessage) -> Option<Inserted> {
        let key = message.key.as_ref()?;
        let holder = self.keys.get(&(message.owner.clone(), key.key.clone()))?;
        let Row { message: first, created_at, .. } = self.rows.get(holder)?;
        let is_held = now - created_at < duration_to_ms(KEY_WINDOW);
        let fingerprint = first.key.as_ref().map(|key| key.fingerprint)?;
        is_held.then(|| Inserted::held_by((first.id, fingerprint), message))
    }

    pub(super) fn due(&mut self, now: i64, request: &DueRequest) -> Vec<Job> {
        let mut jobs = Vec::new();
        for lane in Lane::ALL {
            let horizon = now.saturating_add(duration_to_ms(request.ahead));
            let is_claimed = |row: &&mut Row| {
                row.message.lane() == lane
                    && row.message.route == request.route
                    && row.state.is_due(now)
                    && row.state.push_at <= horizon
            };
            let mut due: Vec<&mut Row> = self.rows.values_mut().filter(is_claimed).collect();
            due.sort_by_key(|row| row.state.push_at);
            for row in due.into_iter().take(request.limits[lane]) {
                row.state.push_at = now.saturating_add(duration_to_ms(request.again_after));
                jobs.push(Job { id: row.message.id, lane });
            }
        }
        jobs
    }

    pub(super) fn begin(&mut self, time: StoreTime, request: &BeginRequest<'_>) -> Vec<Begun> {
        let mut begun = Vec::with_capacity(request.ids.len());
        for id in request.ids {
            let Some(row) = self.rows.get_mut(id) else {
                continue;
            };
            let is_ours =
                |lease: &HeldLease| lease.worker == request.worker && lease.batch == request.batch;
            if row.state.may_begin(time.now_ms) {
                if row.message.route != *request.route || !row.state.begin(time.now_ms, request) {
                    continue;
                }
            } else if !row.state.lease.as_ref().is_some_and(is_ours) {
                continue;
            }
            if begun.iter().all(|other: &Begun| other.submission.id != *id) {
                let on_stop_list = self.stops.holds(row.message.to);
                begun.push(row.begun(time).on_stop_list(on_stop_list));
            }
        }
        begun
    }

    pub(super) fn settle(&mut self, now: i64, settlement: &Settlement) -> Settled {
        let mut ledger = self.load(now, [settlement.id]);
        let is_in_log = ledger.needs_history(settlement) && self.has_outcome(settlement);
        let settled = ledger.settle(settlement, is_in_log);
        if let Settled::Now(_) | Settled::Late(_) = settled {
            for provider_id in accepted_ids(settlement) {
                let name = (settlement.provider.clone(), provider_id.to_owned());
                self.join_parked(&mut ledger, settlement.id, &name);
            }
        }
        let settled = ledger.settled(settled, settlement.id);
        self.write(ledger.into_changes());
        settled
    }

    pub(super) fn rescue(&mut self, now: i64, limit: usize) -> Vec<MessageId> {
        let (mut ledger, ids) = self.load_if(now, limit, |row| row.state.lease_is_over(now));
        let rescued = ledger.rescue(ids);
        self.write(ledger.into_changes());
        rescued
    }

    pub(super) fn expire(&mut self, now: i64, limit: usize) -> Vec<MessageId> {
        let (mut ledger, ids) = self.load_if(now, limit, |row| row.state.is_past_deadline(now));
        let expired = ledger.expire(ids);
        self.write(ledger.into_changes());
        expired
    }

    pub(super) fn awaiting_receipt(
        &mut self,
        now: i64,
        request: &AwaitingRequest,
    ) -> Vec<ProviderRef> {
        let awaits = |row: &Row| row.message.route == request.route && row.state.awaits_query(now);
        let (mut ledger, ids) = self.load_if(now, request.limit, awaits);
        let names = ledger.plan_queries(&ids, &request.polling);
        self.write(ledger.into_changes());
        names
    }

    pub(super) fn receive(&mut self, now: i64, receipt: &Receipt) -> ReceiptEffect {
        let name = (receipt.provider.clone(), receipt.provider_id.clone());
        let id = self.names.get(&name).copied();
        let mut ledger = self.load(now, id);
        let effect = id.map_or(ReceiptEffect::Parked, |id| ledger.receive(id, receipt));
        self.write(ledger.into_changes());
        if effect == ReceiptEffect::Parked
            && !self.parked.iter().any(|(_, parked)| parked == receipt)
        {
            self.parked.push((now, receipt.clone()));
        }
        effect
    }

    pub(super) fn infer(&mut self, now: i64, quiet: Duration) -> Vec<MessageId> {
        let since = horizon(now).saturating_sub(duration_to_ms(SKEW));
        let (suspects, unmatched) = (self.suspects(horizon(now)), self.unmatched(since));
        let mut inferred = Vec::new();
        for (suspect, unmatched) in pairs(&suspects, &unmatched, now, quiet) {
            let mut ledger = self.load(now, [suspect.id]);
            if ledger.infer(suspect.id, unmatched) {
                let name = (unmatched.provider.clone(), unmatched.provider_id.clone());
                self.join_parked(&mut ledger, suspect.id, &name);
                inferred.push(suspect.id);
            }
            self.write(ledger.into_changes());
        }
        inferred
    }

    /// The provider ids that no message has, of receipts that came at this time or later, oldest
    /// first.
    pub(super) fn unmatched(&self, since: i64) -> Vec<UnmatchedId> {
        UnmatchedId::group_by_id(self.parked.iter().filter(|(at, _)| *at >= since).cloned())
    }

    /// Messages with an attempt of unknown outcome that began at this time or later.
    fn suspects(&self, since: i64) -> Vec<Suspect> {
        let suspect = |(id, row): (&MessageId, &Row)| {
            let unknown_at = row.state.unknown_at.filter(|at| *at >= since)?;
            let provider = row.state.provider.clone()?;
            let can_take_provider_id = row.state.can_take_provider_id();
            Some(Suspect { id: *id, provider, unknown_at, can_take_provider_id })
        };
        self.rows.iter().filter_map(suspect).collect()
    }

    pub(super) fn resolve(&mut self, now: i64, request: ResolveRequest) -> Result<Status> {
        let id = request.id;
        let mut ledger = self.load(now, [id]);
        if let Some(ProviderRef { provider, provider_id }) = ledger.resolve(request)? {
            let name = (provider, provider_id);
            if self.names.contains_key(&name) {
                return Err(provider_id_taken());
            }
            self.join_parked(&mut ledger, id, &name);
        }
        let status = ledger.status(id)?;
        self.write(ledger.into_changes());
        Ok(status)
    }

    pub(super) fn cancel(&mut self, now: i64, request: CancelRequest) -> Result<Status> {
        let mut ledger = self.load(now, [request.id]);
        let status = ledger.cancel(request)?;
        self.write(ledger.into_changes());
        Ok(status)
    }

    pub(super) fn change_all(&mut self, now: i64, request: &BulkChange) -> Vec<BulkResult> {
        let mut ledger = self.load(now, request.ids.iter().copied());
        let by_job = |event: &&Event| event.details.job.as_ref() == Some(&request.job);
        let changed = self.events.iter().filter(by_job).map(|event| event.message_id);
        let results = ledger.change_all(request, changed.collect());
        self.write(ledger.into_changes());
        results
    }

    pub(super) fn get(&self, request: &MessageRequest) -> Option<StoredMessage> {
        self.admitted(request).map(Row::stored)
    }

    fn admitted(&self, request: &MessageRequest) -> Option<&Row> {
        let found = self.rows.get(&request.id);
        found.filter(|row| request.scope.admits(row.message.owner.as_deref()))
    }

    /// Messages older than this one, newest first.
    pub(super) fn newest_before(&self, end: Option<MessageId>) -> impl Iterator<Item = &Row> {
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range((Bound::Unbounded, end)).rev().map(|(_, row)| row)
    }

    pub(super) fn timeline(&self, request: &MessageRequest) -> Vec<Event> {
        if self.admitted(request).is_none() {
            return Vec::new();
        }
        let events = self.events.iter().filter(|event| event.message_id == request.id);
        let events: Vec<_> = events.map(|event| self.with_owner(event)).collect();
        events[events.len().saturating_sub(MAX_TIMELINE_EVENTS)..].to_vec()
    }

    pub(super) fn events(&self, request: &EventsRequest) -> EventPage {
        let mut page = EventPage::new(Vec::new(), request.after);
        for event in self.events.iter().filter(|event| event.seq > request.after) {
            if page.events.len() == request.limit {
                break;
            }
            page.read_to = event.seq;
            let event = self.with_owner(event);
            let is_of_kind = request.kinds.is_empty() || request.kinds.contains(&event.kind);
            if is_of_kind && request.scope.admits(event.owner.as_deref()) {
                page.events.push(event);
            }
        }
        page
    }

    /// Events after a position, with what counting needs of their messages, and the position of
    /// the last.
    pub(super) fn logged_after(&self, after: u64, limit: usize) -> (Vec<LoggedEvent>, Option<u64>) {
        let newer = self.events.iter().enumerate().filter(|(_, event)| event.seq > after);
        let newer: Vec<_> = newer.take(limit).collect();
        let logged = newer.iter().filter_map(|(index, event)| {
            let row = self.rows.get(&event.message_id)?;
            let mut earlier = self.events[..*index].iter().rev();
            let before = earlier.find(|other| other.message_id == event.message_id);
            Some(logged(event, before, row))
        });
        (logged.collect(), newer.last().map(|(_, event)| event.seq))
    }

    pub(super) fn log_end(&self) -> LogEnd {
        LogEnd::new(self.events.last().map_or(0, |event| event.seq))
    }

    /// The event with the owner and the trace of its message, as stores read it.
    fn with_owner(&self, event: &Event) -> Event {
        let message = self.rows.get(&event.message_id).map(|row| &row.message);
        let event = event.clone().owner(message.and_then(|message| message.owner.clone()));
        event.traceparent(message.and_then(|message| message.options.traceparent))
    }

    pub(super) fn stats(&self, range: &StatsRequest) -> Stats {
        let mut stats = Stats::default();
        let [from, to] = [range.from_time, range.to_time].map(|at| at.map(datetime_to_ms));
        for Row { message, created_at, state } in self.rows.values() {
            if range.scope.admits(message.owner.as_deref())
                && from.is_none_or(|from| *created_at >= from)
                && to.is_none_or(|to| *created_at < to)
            {
                stats.counts[usize::from(state.status.number())] += 1;
            }
        }
        stats
    }

    pub(super) fn purge(&mut self, now: i64, older_than: Duration, limit: usize) -> usize {
        let before = now.saturating_sub(duration_to_ms(older_than));
        self.parked.retain(|(at, _)| *at >= before);
        self.remove(before, limit, 0, |_| true)
    }

    pub(super) fn purge_route(&mut self, now: i64, request: &RoutePurgeRequest) -> usize {
        let RoutePurgeRequest { route, older_than, keep_newest, limit } = request;
        let before = now.saturating_sub(duration_to_ms(*older_than));
        let is_of_route = |row: &Row| row.message.route == *route && *route != Route::DEFAULT;
        self.remove(before, *limit, *keep_newest, is_of_route)
    }

    /// Removes old messages of these, but none of the newest, with everything that belongs to them.
    fn remove(
        &mut self,
        before: i64,
        limit: usize,
        keep_newest: usize,
        is_one: impl Fn(&Row) -> bool,
    ) -> usize {
        let rows = || self.rows.iter().filter(|(_, row)| is_one(row));
        let excess = rows().count().saturating_sub(keep_newest);
        let old = rows().take(excess).filter(|(_, row)| row.state.may_be_purged(before));
        let ids: Vec<MessageId> = old.map(|(id, _)| *id).take(limit).collect();
        self.rows.retain(|id, _| !ids.contains(id));
        self.keys.retain(|_, id| !ids.contains(id));
        self.names.retain(|_, id| !ids.contains(id));
        self.events.retain(|event| !ids.contains(&event.message_id));
        ids.len()
    }

    /// A ledger with the rows of these messages.
    fn load(&self, now: i64, ids: impl IntoIterator<Item = MessageId>) -> Ledger {
        let mut ledger = Ledger::new(now);
        for row in ids.into_iter().filter_map(|id| self.rows.get(&id)) {
            ledger.add(row.for_ledger());
        }
        ledger
    }

    /// A ledger with up to `limit` rows for which this guard holds, oldest first.
    fn load_if(
        &self,
        now: i64,
        limit: usize,
        guard: impl Fn(&Row) -> bool,
    ) -> (Ledger, Vec<MessageId>) {
        let found = self.rows.values().filter(|row| guard(row));
        let ids: Vec<MessageId> = found.map(|row| row.message.id).take(limit).collect();
        (self.load(now, ids.iter().copied()), ids)
    }

    /// Writes the changes of a ledger.
    fn write(&mut self, changes: Changes) {
        for changed in changes.rows {
            let Some(row) = self.rows.get_mut(&changed.id) else { continue };
            if changed.state.provider_id != row.state.provider_id
                && let (Some(provider), Some(provider_id)) =
                    (&changed.state.provider, &changed.state.provider_id)
            {
                self.names.insert((provider.clone(), provider_id.clone()), changed.id);
            }
            row.state = changed.state;
        }
        for alias in changes.aliases {
            let ProviderRef { provider, provider_id } = alias.name;
            self.names.insert((provider, provider_id), alias.message_id);
        }
        for LogEntry { message_id, status, event } in changes.events {
            self.last_seq += 1;
            let at = datetime_from_ms(changes.now_ms);
            let (kind, details) = (event.kind, event.details);
            self.events.push(Event::new(self.last_seq, message_id, at, kind, status, details));
        }
    }

    /// True if the event log has an outcome of this attempt and class.
    fn has_outcome(&self, settlement: &Settlement) -> bool {
        self.events.iter().any(|event| {
            event.message_id == settlement.id
                && event.details.attempt == Some(settlement.fence)
                && event.details.outcome == Some(settlement.outcome.class)
        })
    }

    /// Applies the receipts that waited for this name to its message.
    fn join_parked(&mut self, ledger: &mut Ledger, id: MessageId, name: &Name) {
        let is_mine = |(_, receipt): &mut (i64, Receipt)| {
            receipt.provider == name.0 && receipt.provider_id == name.1
        };
        for (_, receipt) in self.parked.extract_if(.., is_mine) {
            ledger.receive(id, &receipt);
        }
    }
}
