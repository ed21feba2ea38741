//! A message in the caller's own transaction, and a worker beside it.

use std::time::Duration;

use sms_core::Message;
use sms_store_pg::{PgConfig, PgStore};
use sqlx::Connection;
use tokio::time::sleep;

use super::{Queue, System, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_rolled_back_sends_nothing_and_one_that_commits_sends_within_2_s() {
    let system = System::on_postgres(Queue::redis().await).await;
    let _worker = system.worker();
    let url = system.postgres().url();
    let store = PgStore::open(PgConfig::from_url(url).expect("an address")).await.expect("a store");
    let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");

    let mut order = connection.begin().await.expect("a transaction");
    store.insert_in(&mut order, &Message::new("+79251234567", "never")).await.expect("inserted");
    order.rollback().await.expect("rolled back");

    let mut order = connection.begin().await.expect("a transaction");
    store.insert_in(&mut order, &Message::new("+79251234567", "sent")).await.expect("inserted");
    // Not before it commits.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(system.smsru.accepted_count(), 0);
    order.commit().await.expect("committed");
    let sent = async || system.smsru.accepted_count() == 1;
    let took = eventually("it is sent", Duration::from_secs(2), sent).await;
    println!("sent {took:?} after the commit");
    assert_eq!(system.smsru.accepted()[0].text, "sent");
}
