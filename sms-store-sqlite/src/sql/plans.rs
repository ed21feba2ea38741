//! Query plans of SQLite: each hot statement uses its index, and none reads a whole table.
//!
//! SQLite has no statistics here and would guess the same on an empty file as on a full one.

use rusqlite::Connection;
use sms_core::store::ListRequest;
use sms_core::{Error, Message, MessageId, NumberReader, Route, Scope, Status};

use crate::sql::{
    claim, erasure, idempotency, inference, insert, ledger, list, maintenance, manual, read,
    receipts, rollups, settle, worklists,
};
use crate::{SqliteConfig, SqliteStore};

/// The plan of a statement, one step a line.
fn plan(conn: &Connection, statement: &str) -> String {
    let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).expect(statement);
    let mut rows = explain.raw_query();
    let mut plan = String::new();
    while let Some(row) = rows.next().expect("a step") {
        plan += &(row.get::<_, String>("detail").expect("a text") + "\n");
    }
    plan
}

/// The plans of statements, on a file of their own.
async fn plans(statements: Vec<String>) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let store =
        SqliteStore::open(SqliteConfig::new(folder.path().join("sms.db"))).await.expect("opens");
    let plans = store.transaction(move |conn| {
        Ok::<_, Error>(statements.iter().map(|statement| plan(conn, statement)).collect::<Vec<_>>())
    });
    plans.await.expect("plans")
}

/// Checks that each plan has a step with each of these words, and that it reads no whole table.
async fn check(cases: &[(&str, &[&str])]) {
    let statements = cases.iter().map(|(statement, _)| (*statement).to_owned()).collect();
    for ((statement, expected), plan) in cases.iter().zip(plans(statements).await) {
        for words in *expected {
            assert!(plan.contains(words), "{words} is not in the plan of\n{statement}\n{plan}");
        }
        for table in ["messages", "m", "events", "parked", "aliases", "registry"] {
            let whole = |line: &str| line == format!("SCAN {table}");
            assert!(!plan.lines().any(whole), "{table} is read as a whole by\n{statement}\n{plan}");
        }
    }
}

const BY_ID: &str = "messages USING PRIMARY KEY (id=?)";

#[tokio::test]
async fn the_way_of_a_message_is_found_by_id() {
    check(&[
        (claim::BEGIN, &[BY_ID]),
        (claim::BEGUN, &[BY_ID]),
        (claim::OFFERED, &[BY_ID]),
        (insert::STORED_BEFORE, &[BY_ID]),
        (idempotency::RELEASE_KEY, &[BY_ID]),
        (read::GET, &[BY_ID]),
        (ledger::LOAD, &["m USING PRIMARY KEY (id=?)"]),
        (settle::SETTLE, &[BY_ID]),
        (ledger::SAVE, &[BY_ID]),
        (idempotency::KEY_HOLDER, &["messages USING INDEX messages_key (<expr>=? AND key=?)"]),
    ])
    .await;
}

#[tokio::test]
async fn the_caretakers_questions_each_have_an_index() {
    check(&[
        (claim::DUE, &["messages USING INDEX messages_due (route=? AND lane=? AND push_at<?)"]),
        (maintenance::LOAD_LEASE_OVER, &["m USING INDEX messages_look (status=? AND look_at<?)"]),
        (
            maintenance::LOAD_PAST_DEADLINE,
            &["m USING INDEX messages_look (status=? AND look_at<?)"],
        ),
        (maintenance::LOAD_AWAITING, &["m USING INDEX messages_look (status=? AND look_at<?)"]),
        (maintenance::SETTLED, &["messages USING INDEX messages_created (created_at<?)"]),
        (
            maintenance::SETTLED_OF_ROUTE,
            &["messages USING INDEX messages_route (route=? AND id<?)"],
        ),
        (maintenance::PURGE_PARKED, &["parked USING INDEX parked_age"]),
        (maintenance::PURGE[0], &["events USING INDEX events_message"]),
        (maintenance::PURGE[1], &["aliases USING COVERING INDEX aliases_message"]),
        (maintenance::PURGE[2], &[BY_ID]),
    ])
    .await;
}

#[tokio::test]
async fn receipts_find_their_message_by_the_provider_id() {
    check(&[
        (
            receipts::LOAD_BY_PROVIDER_ID,
            &["m USING INDEX messages_provider (provider_id=? AND provider=?)"],
        ),
        (receipts::LOAD_BY_ALIAS, &["a USING PRIMARY KEY (provider_id=? AND provider=?)"]),
        (
            settle::IS_AWAITED,
            &["parked USING COVERING INDEX parked_once (provider_id=? AND provider=?)"],
        ),
        (inference::WAITING, &["parked USING INDEX parked_age (parked_at>?)"]),
        (inference::SUSPECTS, &["messages USING INDEX messages_unknown (unknown_at>?)"]),
        (
            receipts::UNPARK,
            &["parked USING COVERING INDEX parked_once (provider_id=? AND provider=?)"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn events_and_counts_are_read_in_their_order() {
    check(&[
        (read::TIMELINE, &["e USING INDEX events_message (message_id=?)"]),
        (settle::KNOWN, &["events USING INDEX events_message (message_id=?)"]),
        (read::EVENTS, &["e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]),
        (read::READ_TO, &["events USING INTEGER PRIMARY KEY (rowid>?)"]),
        (read::LOG_END, &["SEARCH events"]),
        (
            rollups::LOGGED,
            &[
                "e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
                "m USING PRIMARY KEY (id=?)",
                "p USING INDEX events_message (message_id=? AND rowid<?)",
            ],
        ),
        (rollups::SERIES, &["rollups USING PRIMARY KEY (step=? AND at>? AND at<?)"]),
        (rollups::DROP_OLD, &["rollups USING PRIMARY KEY (step=? AND at<?)"]),
        (erasure::STATUS, &[BY_ID]),
        (erasure::ERASE, &[BY_ID]),
        (erasure::ERASE_EVENTS, &["events USING INDEX events_message (message_id=?)"]),
        (erasure::OF_NUMBER, &["messages USING INDEX messages_number (to_number=?)"]),
        (erasure::REMAINING, &["messages_number (to_number=?)"]),
        (erasure::EXAMINED, &["messages USING PRIMARY KEY (id>?)"]),
        (erasure::REMOVE_TEXT, &[BY_ID]),
        (erasure::EMPTY_ITEM, &["work_items USING PRIMARY KEY (list=? AND number=?)"]),
        (manual::IS_CHANGED, &["events USING INDEX events_message (message_id=?)"]),
        (worklists::ITEMS, &["work_items USING PRIMARY KEY (list=? AND number>?)"]),
        (worklists::RECORD, &["work_items USING PRIMARY KEY (list=? AND number=?)"]),
        (worklists::COUNTS, &["work_items USING PRIMARY KEY (list=?)"]),
        (
            read::STATS,
            &[
                "COVERING INDEX messages_created (created_at>? AND created_at<?)",
                "COVERING INDEX messages_due",
            ],
        ),
        (list::NUMBER_WAITING, &["COVERING INDEX messages_due"]),
    ])
    .await;
}

#[tokio::test]
async fn a_page_is_read_from_the_index_of_its_filter() {
    let base = ListRequest::new(50).after(Some(MessageId::new()));
    let to = Some(Message::new("+79251234567", "x").prepare().expect("valid").to);
    let scope = Scope::Owner("a".to_owned());
    let reference = Some("a".to_owned());
    let search = Some("7925".to_owned());
    let pages: [(ListRequest, Option<Status>, &[&str]); 11] = [
        (base.clone(), None, &["PRIMARY KEY (id<?)"]),
        (base.clone().search(search), None, &["PRIMARY KEY (id<?)"]),
        (base.clone().to(to), None, &["messages_number (to_number=? AND id<?)"]),
        (base.clone().to(to), Some(Status::Sent), &["messages_number (to_number=? AND id<?)"]),
        (
            base.clone().reference(reference),
            Some(Status::Queued),
            &["messages_reference (reference=? AND id<?)"],
        ),
        (base.clone().resend_of(MessageId::new()), None, &["messages_resend (<expr>=? AND id<?)"]),
        (base.clone().scope(scope.clone()), None, &["messages_owner (owner=? AND id<?)"]),
        (
            base.clone().scope(scope.clone()),
            Some(Status::Sent),
            &["messages_owner (owner=? AND id<?)"],
        ),
        (base.clone().scope(scope), Some(Status::Failed), &["messages_status (status=? AND id<?)"]),
        (base.clone().route(Route::SANDBOX), None, &["messages_route (route=? AND id<?)"]),
        (base.clone(), Some(Status::Failed), &["messages_status (status=? AND id<?)"]),
    ];
    let statements: Vec<String> = pages
        .iter()
        .map(|(request, status, _)| {
            list::query(request, NumberReader::default(), *status, false).sql
        })
        .collect();
    let cases: Vec<(&str, &[&str])> = statements
        .iter()
        .zip(&pages)
        .map(|(statement, (_, _, expected))| (statement.as_str(), *expected))
        .collect();
    check(&cases).await;
    // Queued and sending messages have no such index: the ids of few are sorted, many are searched
    // for among the newest.
    let sending = list::query(&base, NumberReader::default(), Some(Status::Sending), false).sql;
    let few = list::query(&base, NumberReader::default(), Some(Status::Queued), false).sql;
    let many = list::query(&base, NumberReader::default(), Some(Status::Queued), true).sql;
    check(&[
        (&sending, &["USING INDEX messages_look (status=? AND look_at>?)", BY_ID]),
        (&few, &["SCAN messages USING COVERING INDEX messages_due", BY_ID]),
        (&many, &["messages USING PRIMARY KEY (id<?)"]),
    ])
    .await;
    // Each step returns the next row, however many there are: nothing is sorted first.
    for plan in plans(statements).await {
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
