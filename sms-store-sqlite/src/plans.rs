//! How SQLite goes about the hot statements: each by its index, none by reading everything.

use sms_core::{MessageId, Message, Scope, Status};
use sms_core::store::ListRequest;
use sqlx::{SqliteConnection, Row as _};

use crate::{SqliteConfig, SqliteStore, list, sql};

async fn plan(conn: &mut SqliteConnection, statement: &str) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows = sqlx::raw_sql(explain).fetch_all(conn).await.expect("a plan");
    rows.iter().map(|row| row.get("detail")).collect()
}

#[tokio::test]
async fn show() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(SqliteConfig::new(folder.path().join("sms.db"))).await.expect("opens");
    let mut tx = store.transaction().await.expect("a transaction");
    let base = ListRequest { limit: 50, after: Some(MessageId::new()), ..ListRequest::default() };
    let to = Message::new("+79251234567", "x").prepare().expect("valid").to;
    let lists: Vec<String> = [
        base.clone(),
        ListRequest { after: None, ..base.clone() },
        ListRequest { to: Some(to), ..base.clone() },
        ListRequest { statuses: vec![Status::Queued], ..base.clone() },
        ListRequest { statuses: vec![Status::Sending], ..base.clone() },
        ListRequest { statuses: vec![Status::Failed, Status::Unknown], ..base.clone() },
        ListRequest { scope: Scope::Owner("a".into()), ..base.clone() },
        ListRequest { scope: Scope::Owner("a".into()), statuses: vec![Status::Sent], ..base.clone() },
        ListRequest { scope: Scope::Owner("a".into()), to: Some(to), ..base.clone() },
        ListRequest { reference: Some("a".into()), ..base.clone() },
        ListRequest { statuses: vec![Status::Sent], to: Some(to), ..base.clone() },
    ].iter().map(|r| list::statement(r).sql().as_str().to_owned()).collect();
    let mut all: Vec<(String, String)> = vec![
        ("insert".into(), sql::INSERT.text(4).as_str().to_owned()),
        ("settle".into(), sql::SETTLE.text(4).as_str().to_owned()),
        ("save".into(), sql::SAVE.text(4).as_str().to_owned()),
        ("log".into(), sql::LOG.text(4).as_str().to_owned()),
    ];
    for (n, s) in [("stored", sql::STORED), ("holders", sql::KEY_HOLDERS), ("release", sql::RELEASE_KEYS), ("due", sql::DUE), ("offered", sql::OFFERED), ("begin", sql::BEGIN), ("begun", sql::BEGUN), ("load", sql::LOAD), ("by provider", sql::LOAD_BY_PROVIDER_ID), ("by alias", sql::LOAD_BY_ALIAS), ("lease over", sql::LOAD_LEASE_OVER), ("deadline", sql::LOAD_PAST_DEADLINE), ("awaiting", sql::LOAD_AWAITING), ("known", sql::KNOWN), ("unpark", sql::UNPARK), ("get", sql::GET), ("timeline", sql::TIMELINE), ("events after", sql::EVENTS_AFTER), ("ended", sql::ENDED), ("p0", sql::PURGE[0]), ("p1", sql::PURGE[1]), ("p2", sql::PURGE[2]), ("pp", sql::PURGE_PARKED), ("stats", sql::STATS), ("stats owner", sql::STATS_OF_OWNER)] { all.push((n.into(), s.into())); }
    for (i, l) in lists.into_iter().enumerate() { all.push((format!("list {i}"), l)); }
    for (name, s) in all { println!("{name}: {:#?}", plan(&mut tx, &s).await); }
}
