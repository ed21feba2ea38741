//! Limits of what is stored in Redis.

use std::time::Duration;

use sms_core::{Lane, Queue as _};

use crate::support::{Prefix, Server, jobs, jobs_of, pull_all, push, queue, until};

#[tokio::test]
async fn a_full_lane_drops_what_does_not_fit_and_reports_its_room() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config().capacity(10));
    let pushed = jobs(Lane::Bulk, 15);
    push(&queue, &pushed[..8]).await;
    let stats = queue.stats().await.expect("stats");
    assert_eq!((stats.capacity, stats.room().into_values()), (Some(10), [10, 10, 2]));
    push(&queue, &pushed[8..]).await;
    assert_eq!(queue.stats().await.expect("stats").room().into_values(), [10, 10, 0]);
    push(&queue, &jobs(Lane::Urgent, 1)).await;
    assert_eq!(
        pull_all(&queue, 1).await[0].job.lane,
        Lane::Urgent,
        "a full lane does not block another"
    );
    let leases = pull_all(&queue, 10).await;
    assert_eq!(jobs_of(&leases), pushed[..10], "the first ones are kept");
    assert_eq!(queue.stats().await.expect("stats").room().bulk, 0, "leased ones take room too");
    queue.ack(&leases).await.expect("ack");
    assert_eq!(queue.stats().await.expect("stats").room().bulk, 10);
}

#[tokio::test]
async fn an_id_that_is_offered_again_and_again_is_queued_once() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let pushed = jobs(Lane::Normal, 2500);
    for _ in 0..5 {
        push(&queue, &pushed).await;
    }
    assert_eq!(queue.stats().await.expect("stats").lanes.normal.ready, pushed.len());
    let leased = pull_all(&queue, 100).await;
    push(&queue, &pushed).await;
    let lane = queue.stats().await.expect("stats").lanes.normal;
    assert_eq!((lane.ready, lane.leased), (2400, 100), "a leased id is not queued again");
    queue.release(&leased).await.expect("release");
    push(&queue, &pushed).await;
    assert_eq!(
        queue.stats().await.expect("stats").lanes.normal.ready,
        pushed.len(),
        "nor is a released one"
    );
}

#[tokio::test]
async fn a_late_second_ack_leaves_the_id_that_was_pushed_again_alone() {
    let prefix = Prefix::shared();
    let queue = queue(prefix.config());
    let pushed = jobs(Lane::Normal, 1);
    push(&queue, &pushed).await;
    let first = pull_all(&queue, 1).await;
    queue.ack(&first).await.expect("ack");
    push(&queue, &pushed).await;
    queue.ack(&first).await.expect("ack");
    push(&queue, &pushed).await;
    assert_eq!(queue.stats().await.expect("stats").lanes.normal.ready, 1);
}

#[tokio::test]
async fn memory_does_not_grow_with_the_ids_that_have_passed() {
    let server = Server::start();
    let queue = queue(server.config());
    let memory = || -> u64 {
        let info: String = server.ask(&["INFO", "memory"]);
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
        line.and_then(|bytes| bytes.parse().ok()).expect("used_memory_dataset")
    };
    let mut after_warm_up = 0;
    for round in 0..60 {
        for lane in Lane::ALL {
            push(&queue, &jobs(lane, 1000)).await;
        }
        let leases = pull_all(&queue, 3000).await;
        queue.release(&leases[..10]).await.expect("release");
        queue.ack(&leases[10..]).await.expect("ack");
        queue.ack(&pull_all(&queue, 10).await).await.expect("ack");
        if round == 9 {
            after_warm_up = memory();
        }
    }
    let (before, after) = (after_warm_up, memory());
    assert!(after < before + 200_000, "{before} bytes after 30,000 ids, {after} after 180,000");
    let keys: Vec<String> = server.ask(&["KEYS", "*:held"]);
    assert_eq!(keys, Vec::<String>::new(), "nothing is held, so there is no hash");
    for lane in ["urgent", "normal", "bulk"] {
        assert_eq!(server.ask::<i64>(&["XLEN", &format!("{{sms}}:{lane}")]), 0);
    }
    assert!(server.ask::<i64>(&["XLEN", "{sms}:bell"]) <= 1);
}

#[tokio::test]
async fn consumers_of_processes_that_ended_are_removed_unless_they_hold_a_lease() {
    let prefix = Prefix::shared();
    let config = prefix.config().forget_after(Duration::from_secs(1));
    let consumers = || -> usize {
        let of_lane: Vec<redis::Value> =
            prefix.ask(&["XINFO", "CONSUMERS", &prefix.key("normal"), "workers"]);
        of_lane.len()
    };
    push(&queue(config.clone()), &jobs(Lane::Normal, 1)).await;
    let holds = pull_all(&queue(config.clone()), 1).await;
    let alive = queue(config.clone());
    // Redis creates a consumer when it gets an entry.
    for ended in [queue(config.clone()), queue(config.clone()), queue(config), alive.clone()] {
        push(&ended, &jobs(Lane::Normal, 1)).await;
        let leases = pull_all(&ended, 1).await;
        ended.ack(&leases).await.expect("ack");
    }
    assert_eq!(consumers(), 5);
    let pulling = tokio::spawn(async move {
        loop {
            alive.pull(1, Duration::from_millis(100)).await.expect("pull");
        }
    });
    until("two consumers are left: one holds a lease, one is alive", || consumers() == 2).await;
    pulling.abort();
    queue(prefix.config()).ack(&holds).await.expect("ack");
}
