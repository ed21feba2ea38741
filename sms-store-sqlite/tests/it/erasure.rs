//! Erasure leaves nothing of a recipient in any table.

use sms_store_sqlite::SqliteStore;
use sms_testkit::traces;

use crate::common::{Folder, ask};

/// Every value of every table, as SQL.
async fn dump(store: &SqliteStore) -> String {
    const TABLES: &str = "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table'";
    let mut dump = String::new();
    for table in ask(store, TABLES).await.split(',') {
        let columns = format!(
            "SELECT group_concat('quote(\"' || name || '\")', ' || '' '' || ') \
             FROM pragma_table_info('{table}')"
        );
        let columns = ask(store, columns.leak()).await;
        let rows = format!("SELECT coalesce(group_concat({columns}, char(10)), '') FROM {table}");
        dump.extend([table, ": ", &ask(store, rows.leak()).await, "\n"]);
    }
    dump
}

#[tokio::test]
async fn no_table_has_a_trace_of_an_erased_number() {
    let folder = Folder::new();
    let store = folder.open().await;
    traces::leave(&store).await;
    let before = dump(&store).await;
    assert!(traces::count(&before) >= 15, "{before}");
    traces::erase(&store).await;
    let after = dump(&store).await;
    assert_eq!(traces::count(&after), 0, "{after}");
    assert!(after.contains("'p-1'"), "the fact stays: {after}");
}
