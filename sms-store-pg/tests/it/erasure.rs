//! Erasure leaves nothing of a recipient in any table.

use sms_testkit::traces;
use sqlx::PgConnection;

use crate::common::{Schema, ask};

/// Every row of every table, as text.
async fn dump(conn: &mut PgConnection, schema: &Schema) -> String {
    let tables = format!(
        "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = '{}'",
        schema.name()
    );
    let mut dump = String::new();
    for table in ask(conn, &tables).await.split(',') {
        let rows = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} AS t");
        dump.extend([table, ": ", &ask(conn, &rows).await, "\n"]);
    }
    dump
}

#[tokio::test]
async fn no_table_has_a_trace_of_an_erased_number() {
    let schema = Schema::new();
    let (store, mut conn) = (schema.open().await, schema.connect().await);
    traces::leave(&store).await;
    let before = dump(&mut conn, &schema).await;
    assert!(traces::count(&before) >= 15, "{before}");
    traces::erase(&store).await;
    let after = dump(&mut conn, &schema).await;
    assert_eq!(traces::count(&after), 0, "{after}");
    assert!(after.contains("p-1"), "the fact stays: {after}");
}
