//! How SQLite goes about the hot statements: each by its index, none by reading everything.
//!
//! SQLite has no statistics here and would guess the same on an empty file as on a full one.

use sms_core::store::ListRequest;
use sms_core::{Message, MessageId, Scope, Status};
use sqlx::{Row as _, SqliteConnection};

use crate::{SqliteConfig, SqliteStore, list, sql};

/// The plan of a statement, one step a line.
async fn plan(conn: &mut SqliteConnection, statement: &str) -> String {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows = sqlx::raw_sql(explain).fetch_all(conn).await.expect("a plan");
    rows.iter().map(|row| row.get::<String, _>("detail") + "\n").collect()
}

/// Checks that each plan has a step with each of these words, and that it reads no table from end to end.
async fn check(cases: &[(&str, &[&str])]) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(SqliteConfig::new(folder.path().join("sms.db"))).await.expect("opens");
    let mut conn = store.transaction().await.expect("a transaction");
    for (statement, expected) in cases {
        let plan = plan(&mut conn, statement).await;
        for words in *expected {
            assert!(plan.contains(words), "{words} is not in the plan of\n{statement}\n{plan}");
        }
        for table in ["messages", "m", "events", "parked", "aliases", "registry"] {
            let whole = |line: &str| line == format!("SCAN {table}");
            assert!(!plan.lines().any(whole), "{table} is read from end to end by\n{statement}\n{plan}");
        }
    }
}

const BY_ID: &str = "messages USING PRIMARY KEY (id=?)";

#[tokio::test]
async fn the_way_of_a_message_is_found_by_id() {
    check(&[
        (sql::BEGIN, &[BY_ID]),
        (sql::BEGUN, &[BY_ID]),
        (sql::OFFERED, &[BY_ID]),
        (sql::STORED, &[BY_ID]),
        (sql::RELEASE_KEYS, &[BY_ID]),
        (sql::GET, &[BY_ID]),
        (sql::LOAD, &["m USING PRIMARY KEY (id=?)"]),
        (sql::SETTLE.text(32).as_str(), &[BY_ID]),
        (sql::SAVE.text(32).as_str(), &[BY_ID]),
        (sql::KEY_HOLDERS, &["m USING INDEX messages_key (<expr>=? AND key=?)"]),
    ])
    .await;
}

#[tokio::test]
async fn the_caretakers_questions_each_have_an_index() {
    check(&[
        (sql::DUE, &["messages USING INDEX messages_due (lane=? AND push_at<?)"]),
        (sql::LOAD_LEASE_OVER, &["m USING INDEX messages_look (status=? AND look_at<?)"]),
        (sql::LOAD_PAST_DEADLINE, &["m USING INDEX messages_look (status=? AND look_at<?)"]),
        (sql::LOAD_AWAITING, &["m USING INDEX messages_look (status=? AND look_at<?)"]),
        (sql::SETTLED, &["messages USING INDEX messages_created (created_at<?)"]),
        (sql::PURGE_PARKED, &["parked USING INDEX parked_age"]),
        (sql::PURGE[0], &["events USING COVERING INDEX events_message"]),
        (sql::PURGE[1], &["aliases USING COVERING INDEX aliases_message"]),
        (sql::PURGE[2], &[BY_ID]),
    ])
    .await;
}

#[tokio::test]
async fn receipts_find_their_message_by_the_provider_id() {
    check(&[
        (sql::LOAD_BY_PROVIDER_ID, &["m USING INDEX messages_provider (provider_id=? AND provider=?)"]),
        (sql::LOAD_BY_ALIAS, &["a USING PRIMARY KEY (provider_id=? AND provider=?)"]),
        (sql::AWAITED, &["parked USING COVERING INDEX parked_once (provider_id=? AND provider=?)"]),
        (sql::WAITING, &["parked USING INDEX parked_age (parked_at>?)"]),
        (sql::SUSPECTS, &["messages USING INDEX messages_unknown (unknown_at>?)"]),
        (sql::UNPARK, &["parked USING COVERING INDEX parked_once (provider_id=? AND provider=?)"]),
    ])
    .await;
}

#[tokio::test]
async fn events_and_counts_are_read_in_their_order() {
    check(&[
        (sql::TIMELINE, &["events USING INDEX events_message (message_id=?)"]),
        (sql::KNOWN, &["events USING INDEX events_message (message_id=?)"]),
        (sql::EVENTS_AFTER, &["events USING INTEGER PRIMARY KEY (rowid>?)"]),
        (sql::STATS, &["messages USING INDEX messages_created (created_at>? AND created_at<?)"]),
    ])
    .await;
}

#[tokio::test]
async fn a_page_is_read_from_the_index_of_its_filter() {
    let base = ListRequest { limit: 50, after: Some(MessageId::new()), ..ListRequest::default() };
    let to = Some(Message::new("+79251234567", "x").prepare().expect("valid").to);
    let scope = Scope::Owner("a".to_owned());
    let state = |status| ListRequest { statuses: vec![status], ..base.clone() };
    let pages: [(ListRequest, &[&str]); 9] = [
        (base.clone(), &["PRIMARY KEY (id<?)"]),
        (ListRequest { to, ..base.clone() }, &["messages_number (to_number=? AND id<?)"]),
        (ListRequest { to, ..state(Status::Sent) }, &["messages_number (to_number=? AND id<?)"]),
        (
            ListRequest { reference: Some("a".to_owned()), ..base.clone() },
            &["messages_reference (reference=? AND id<?)"],
        ),
        (ListRequest { scope: scope.clone(), ..base.clone() }, &["messages_owner (owner=? AND id<?)"]),
        (ListRequest { scope: scope.clone(), ..state(Status::Sent) }, &["messages_owner (owner=? AND id<?)"]),
        (ListRequest { scope, ..state(Status::Failed) }, &["messages_status (status=? AND id<?)"]),
        (state(Status::Queued), &["messages_status (status=? AND id<?)"]),
        (
            ListRequest { statuses: vec![Status::Failed, Status::Unknown], ..base.clone() },
            &["COVERING INDEX messages_status (status=? AND id<?)", BY_ID],
        ),
    ];
    let statements: Vec<String> =
        pages.iter().map(|(request, _)| list::statement(request).sql().as_str().to_owned()).collect();
    let cases: Vec<(&str, &[&str])> = statements
        .iter()
        .zip(&pages)
        .map(|(statement, (_, expected))| (statement.as_str(), *expected))
        .collect();
    check(&cases).await;
    // Those being sent are few at any time; they alone are sorted.
    let sending = list::statement(&state(Status::Sending)).sql().as_str().to_owned();
    check(&[(&sending, &["USING INDEX messages_look (status=? AND look_at>?)"])]).await;
}
