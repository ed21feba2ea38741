//! Checks that a simulated world kept the guarantees.

use sms_core::store::{Archive, EventsRequest};
use std::collections::{HashMap, HashSet};

use sms_core::store::ListRequest;
use sms_core::store::event::{Event, EventKind};
use sms_core::{MessageId, OnUnknown, Status, StoredMessage};

use super::callers::Told;
use super::{Report, Simulation};

pub(super) async fn report(simulation: &Simulation, told: Told) -> Report {
    let request = ListRequest::new(usize::MAX);
    let rows = simulation.memory.list(&request).await.unwrap().messages;
    let events = simulation.memory.events(&EventsRequest::new(0, usize::MAX)).await.unwrap().events;
    let mut violations = told.violations.clone();
    violations
        .append(&mut simulation.network.records(|records| std::mem::take(&mut records.violations)));
    violations.extend(lost(&rows, &told));
    violations.extend(doubled_keys(&rows, &told));
    for row in &rows {
        let accepted = simulation
            .network
            .records(|records| records.accepted.get(&row.message.id).copied().unwrap_or(0));
        let own: Vec<&Event> =
            events.iter().filter(|event| event.message_id == row.message.id).collect();
        violations.extend(wrong(row, &own, accepted));
    }
    let kinds =
        events.iter().map(|event| (event.kind, event.status, event.details.resend)).collect();
    Report { violations, trace: trace(&rows, &events), kinds }
}

/// G1: every accepted message is in the store.
fn lost(rows: &[StoredMessage], told: &Told) -> Vec<String> {
    let stored: HashSet<MessageId> = rows.iter().map(|row| row.message.id).collect();
    told.accepted
        .iter()
        .filter(|id| !stored.contains(id))
        .map(|id| format!("G1: {id} is lost"))
        .collect()
}

/// G5: one message per key, and that is the one the callers know.
fn doubled_keys(rows: &[StoredMessage], told: &Told) -> Vec<String> {
    let mut violations = Vec::new();
    let mut seen = HashMap::new();
    for row in rows {
        let Some(key) = row.message.key.as_ref().map(|key| &key.key) else {
            continue;
        };
        let id = row.message.id;
        if seen.insert(key, id).is_some() {
            violations.push(format!("G5: {key} is stored twice"));
        }
        if told.by_key.get(key).is_some_and(|known| *known != id) {
            violations.push(format!("G5: {key} was answered with another id than {id}"));
        }
    }
    violations
}

/// G1, G3 and G4 of one message that the network accepted this many times.
fn wrong(row: &StoredMessage, events: &[&Event], accepted: u32) -> Vec<String> {
    let (id, status, policy) = (row.message.id, row.state.status, row.message.on_unknown);
    let mut violations = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            violations
                .push(format!("{what}: {id}, {status}, {policy:?}, accepted {accepted} times"));
        }
    };
    let count = |of: &dyn Fn(&Event) -> bool| events.iter().filter(|event| of(event)).count();
    let resends = count(&|event| event.details.resend);
    let by_person = count(&|event| event.details.resend && event.kind == EventKind::Resolved);
    let vouched = count(&|event| event.kind == EventKind::Resolved && event.status == Status::Sent);
    check(!matches!(status, Status::Queued | Status::Sending), "G1: no visible end".to_owned());
    check(
        usize::try_from(accepted).unwrap() <= 1 + resends,
        format!("G4: {resends} resends recorded"),
    );
    let by_policy = resends - by_person;
    check(
        by_policy <= usize::from(policy == OnUnknown::ResendOnce),
        "G3: resent against the policy".to_owned(),
    );
    check(
        usize::try_from(row.state.resends).unwrap() == resends,
        "G3: resends and log differ".to_owned(),
    );
    if matches!(status, Status::Failed | Status::Expired | Status::Cancelled) {
        check(accepted == 0, "accepted nevertheless".to_owned());
    }
    if matches!(status, Status::Sent | Status::Delivered | Status::Undelivered) {
        check(accepted > 0 || vouched > 0, "nobody accepted it".to_owned());
    }
    violations
}

/// Every event. Messages are shown by number, because their ids differ from run to run.
fn trace(rows: &[StoredMessage], events: &[Event]) -> Vec<String> {
    let newest_first: Vec<MessageId> = rows.iter().map(|row| row.message.id).collect();
    let number = |id: MessageId| newest_first.iter().rev().position(|other| *other == id);
    let line = |event: &Event| {
        let Event { at, kind, status, details, .. } = event;
        let (attempt, outcome, by) = (details.attempt, details.outcome, &details.by);
        let resend = if details.resend { " RESEND" } else { "" };
        let message = number(event.message_id);
        let cause = format!("attempt {attempt:?} {outcome:?} by {by:?}");
        format!("{at} {message:?} {kind:?} -> {status}{resend} {cause}")
    };
    let ends = rows.iter().rev().enumerate();
    let ends = ends
        .map(|(number, row)| format!("{number} {} {:?}", row.state.status, row.message.on_unknown));
    events.iter().map(line).chain(ends).collect()
}
