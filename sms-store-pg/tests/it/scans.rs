//! Reads that take long.

use std::time::Duration;

use serde_json::json;
use sms_core::registry::Expect;
use sms_core::store::{ListRequest, StatsRequest, UnmatchedRequest};
use sms_core::{Archive, ErrorKind, Registry};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::common::{Schema, ask, insert, messages, run};

/// Largest number at once that a client may ask for.
const MANY: usize = 16;

#[tokio::test]
async fn lists_and_counts_that_hang_keep_no_one_from_writing_or_checking_a_key() {
    let schema = Schema::new();
    let (store, mut conn) = (schema.open().await, schema.connect().await);
    // Reads of these wait for as long as this transaction is open.
    run(&mut conn, "BEGIN; LOCK TABLE parked, event_base IN ACCESS EXCLUSIVE MODE").await;
    let mut scans = JoinSet::new();
    for _ in 0..MANY {
        let store = store.clone();
        let request = UnmatchedRequest::new(1);
        scans.spawn(async move { store.unmatched(&request).await });
    }
    let mut observer = schema.connect().await;
    let hanging = format!(
        "SELECT count(*)::text FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE NOT granted AND relname = 'parked' AND nspname = '{}'",
        schema.name()
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while ask(&mut observer, &hanging).await == "0" {
        assert!(Instant::now() < deadline, "no read has begun");
        tokio::task::yield_now().await;
    }
    let others = async {
        insert(&store, &messages(1)).await.expect("accepted");
        store.put("k", "n", &json!({}), Expect::Anything).await.expect("written");
        Registry::get(&store, "k", "n").await.expect("read").expect("the record");
    };
    // Less than a read may take.
    timeout(Duration::from_secs(4), others).await.expect("writes and key checks wait for reads");
    scans.shutdown().await;
}

#[tokio::test]
async fn the_server_gives_up_a_read_after_5_s_and_the_store_goes_on() {
    let schema = Schema::new();
    let (store, mut conn) = (schema.open().await, schema.connect().await);
    run(&mut conn, "BEGIN; LOCK TABLE messages, states IN ACCESS EXCLUSIVE MODE").await;
    let start = Instant::now();
    let (page, count) = (ListRequest::new(1), StatsRequest::default());
    // One connection for both: one waits for the other.
    let (list, stats) = tokio::join!(Archive::list(&store, &page), store.stats(&count));
    let kinds = [list.map(|_| ()), stats.map(|_| ())].map(|read| read.expect_err("locked").kind());
    assert_eq!(kinds, [ErrorKind::Unavailable; 2]);
    // The store itself would wait for a minute, and half of it for a lock.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    run(&mut conn, "ROLLBACK").await;
    assert_eq!(Archive::list(&store, &page).await.expect("a list").messages.len(), 0);
}
