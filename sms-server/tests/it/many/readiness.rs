//! `GET /readyz` while PostgreSQL takes no writes.

use std::time::Duration;

use serde_json::json;
use sqlx::Connection as _;

use super::{Queue, System, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_read_only_or_away_makes_the_server_unready_and_is_named() {
    let system = System::on_postgres(Queue::Memory).await;
    let server = system.api();
    let cause = async |cause: &str| server.get("/readyz").await["cause"] == json!(cause);
    let ready = async || server.get("/readyz").await["status"] == json!("ready");
    eventually("ready at the start", PATIENCE, ready).await;
    let mut conn =
        sqlx::PgConnection::connect(system.postgres().url()).await.expect("a connection");
    for (value, reads_only) in [("on", true), ("off", false)] {
        let change = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(change)).execute(&mut conn).await.expect("changed");
        sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut conn).await.expect("reloaded");
        if reads_only {
            eventually("read_only is the cause", PATIENCE, async || cause("read_only").await).await;
        } else {
            eventually("ready again", PATIENCE, ready).await;
        }
    }
    system.postgres().kill().await;
    eventually("unreachable is the cause", PATIENCE, async || cause("unreachable").await).await;
    system.postgres().start_again().await;
    eventually("ready after the restart", PATIENCE, ready).await;
}
