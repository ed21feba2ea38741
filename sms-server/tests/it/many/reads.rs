//! A client whose reads take long.

use std::time::Duration;

use serde_json::json;
use sqlx::Connection as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{Queue, System, message};
use crate::process::ADMIN_KEY;

/// Less than a read may take.
const PROMPT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_reads_that_hang_keep_no_one_from_posting_and_the_server_ready() {
    let system = System::on_postgres(Queue::Memory).await;
    let server = system.api();
    let mut locker =
        sqlx::PgConnection::connect(system.postgres().url()).await.expect("a connection");
    let mut lock = locker.begin().await.expect("a transaction");
    // Nothing that is posted needs it.
    sqlx::query("LOCK TABLE sms.parked IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .expect("locked");
    let mut reads = JoinSet::new();
    for _ in 0..16 {
        let request =
            reqwest::Client::new().get(server.url("/v1/receipts/unmatched")).bearer_auth(ADMIN_KEY);
        reads.spawn(async move { request.send().await.expect("a reply") });
    }
    let hanging = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let mut observer =
        sqlx::PgConnection::connect(system.postgres().url()).await.expect("a connection");
    let deadline = Instant::now() + Duration::from_secs(20);
    while sqlx::query_scalar::<_, i64>(hanging).fetch_one(&mut observer).await.expect("a count")
        == 0
    {
        assert!(Instant::now() < deadline, "no read has begun");
    }
    let others = async {
        for n in 0..20 {
            assert_eq!(server.post(&format!("k{n}"), &message(n)).await.expect("a reply").0, 202);
            assert_eq!(server.get("/readyz").await["status"], json!("ready"));
        }
    };
    timeout(PROMPT, others).await.expect("posts wait for the reads of somebody else");
    lock.rollback().await.expect("rolled back");
    for read in reads.join_all().await {
        assert!(matches!(read.status().as_u16(), 200 | 503), "{read:?}");
    }
}
