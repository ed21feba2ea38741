//! Two processes that accept and three that send, while everything around them is killed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use super::{Queue, System, eventually, message};
use crate::process::{Process, Server};

/// The least number of messages, unless `SMS_TEST_MESSAGES` says otherwise, and how many callers
/// offer in a second.
const MESSAGES: usize = 20_000;
const RATE: usize = 400;
const WORKERS: usize = 3;
/// How soon after a service is back everything must go as before.
const RECOVERY: Duration = Duration::from_secs(10);

fn messages() -> usize {
    std::env::var("SMS_TEST_MESSAGES").map_or(MESSAGES, |number| number.parse().expect("a number"))
}

/// Callers that send until the outages are over, however long those take.
struct Callers {
    servers: Arc<Vec<Server>>,
    outages_are_over: Arc<AtomicBool>,
}

impl Callers {
    /// Offers messages at an even rate, each until it is accepted: repeated with its key, by turns
    /// to both servers. Returns what the callers know: the id of each message.
    async fn send(&self, least: usize) -> HashMap<String, usize> {
        let (mut ids, mut calls) = (HashMap::new(), JoinSet::new());
        let mut ticks = interval(Duration::from_millis(10));
        for n in 0.. {
            if n >= least && self.outages_are_over.load(Ordering::Relaxed) {
                break;
            }
            if n % (RATE / 100) == 0 {
                ticks.tick().await;
            }
            let servers = Arc::clone(&self.servers);
            calls.spawn(async move { (insist(&servers, n).await, n) });
            while let Some(done) = calls.try_join_next() {
                let (id, n) = done.expect("no panic");
                ids.insert(id, n);
            }
        }
        while let Some(done) = calls.join_next().await {
            let (id, n) = done.expect("no panic");
            ids.insert(id, n);
        }
        ids
    }
}

async fn insist(servers: &[Server], n: usize) -> String {
    let (key, body) = (format!("k{n}"), message(n));
    let deadline = Instant::now() + Duration::from_mins(2);
    for turn in n.. {
        if let Ok((202, accepted)) = servers[turn % servers.len()].post(&key, &body).await {
            return accepted["id"].as_str().expect("an id").to_owned();
        }
        assert!(Instant::now() < deadline, "message {n} was not accepted in two minutes");
        sleep(Duration::from_millis(200)).await;
    }
    unreachable!("the loop has no end")
}

/// Kills a worker every two seconds and starts another in its place, until it is told to stop.
async fn kill_workers(system: Arc<System>, stop: Arc<AtomicBool>) -> (Vec<Process>, usize) {
    // Without a database a worker does not start; whatever looks after it tries again.
    let start = async |system: &Arc<System>| {
        let system = Arc::clone(system);
        let until_it_starts =
            move || std::iter::repeat_with(|| system.try_worker()).find_map(Result::ok);
        tokio::task::spawn_blocking(until_it_starts).await.expect("no panic").expect("a worker")
    };
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(start(&system).await);
    }
    let (mut ticks, mut kills) = (interval(Duration::from_secs(2)), 0);
    ticks.tick().await;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        workers.remove(0).kill();
        kills += 1;
        workers.push(start(&system).await);
    }
    (workers, kills)
}

/// Takes a service away for two seconds; how long after its return messages went out again as fast
/// as they came in.
async fn outage(system: &System, name: &str, away: impl AsyncFn(), back: impl AsyncFn()) {
    away().await;
    sleep(Duration::from_secs(2)).await;
    back().await;
    let returned = Instant::now();
    let mut before = system.smsru.accepted_count();
    // A second in which as many go out as come in.
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = system.smsru.accepted_count();
        if now - before >= RATE * 9 / 10 {
            break;
        }
        assert!(
            returned.elapsed() < RECOVERY,
            "{name}: {} in the last second, {RECOVERY:?} after its return",
            now - before
        );
        before = now;
    }
    println!("{name}: full rate {:?} after its return", returned.elapsed());
}

async fn nothing_is_lost_and_nothing_is_sent_twice(queue: Queue) {
    let system = Arc::new(System::on_postgres(queue).await);
    let servers = Arc::new(vec![system.api(), system.api()]);
    let [stop, outages_are_over] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let workers = tokio::spawn(kill_workers(Arc::clone(&system), Arc::clone(&stop)));
    let callers =
        Callers { servers: Arc::clone(&servers), outages_are_over: Arc::clone(&outages_are_over) };
    let calls = tokio::spawn(async move { callers.send(messages()).await });

    sleep(Duration::from_secs(6)).await;
    let queue = system.queue.instance();
    if let Queue::RabbitMq(rabbitmq) = &system.queue {
        outage(
            &system,
            "connections closed",
            async || rabbitmq.close_all_connections().await,
            async || {},
        )
        .await;
    }
    // Redis keeps nothing on disk: what was in it is gone, as after a flush.
    outage(&system, "queue", async || queue.kill().await, async || queue.start_again().await).await;
    sleep(Duration::from_secs(4)).await;
    let postgres = system.postgres();
    outage(
        &system,
        "PostgreSQL",
        async || postgres.kill().await,
        async || postgres.start_again().await,
    )
    .await;

    outages_are_over.store(true, Ordering::Relaxed);
    let ids = calls.await.expect("no panic");
    stop.store(true, Ordering::Relaxed);
    let (_workers, kills) = workers.await.expect("no panic");
    let settled = async || servers[0].count("queued,sending").await == 0;
    eventually("all have their end", Duration::from_mins(2), settled).await;
    compare(&system, &servers[0], &ids, kills).await;
}

/// What the callers know, what the store says, what the provider has.
async fn compare(system: &System, server: &Server, ids: &HashMap<String, usize>, kills: usize) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for message in system.smsru.accepted() {
        *times.entry(message.text).or_default() += 1;
    }
    let stored = server.list("sent,delivered,undelivered,failed,unknown,expired,cancelled").await;
    let statuses: HashMap<&str, &str> = stored
        .iter()
        .map(|message| {
            (message["id"].as_str().expect("an id"), message["status"].as_str().expect("a status"))
        })
        .collect();
    let mut unknown = 0;
    for (id, n) in ids {
        let times = times.get(&format!("n{n}")).copied().unwrap_or(0);
        match (statuses.get(id.as_str()), times) {
            (Some(&("sent" | "delivered")), 1) => {}
            (Some(&"unknown"), 0 | 1) => unknown += 1,
            (status, times) => panic!("message {n} is {status:?} and was accepted {times} times"),
        }
    }
    assert!(ids.len() >= messages(), "{} messages are too few", ids.len());
    assert_eq!(statuses.len(), ids.len(), "one message, one id, one row");
    println!(
        "{} messages, {kills} workers killed: none lost, none twice, {unknown} listed as unknown",
        ids.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_and_redis() {
    nothing_is_lost_and_nothing_is_sent_twice(Queue::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_and_rabbitmq() {
    nothing_is_lost_and_nothing_is_sent_twice(Queue::rabbitmq().await).await;
}
