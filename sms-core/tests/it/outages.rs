//! Log lines about an outage.

use std::sync::Arc;
use std::time::Duration;

use sms_core::{Outage, Sender, Status, Watched, Worker};
use tokio::time::sleep;

use crate::log::Log;
use crate::support::{Call, Fault, QUEUE_CALLS, Reply, STORE_CALLS, World, accept, message, start};

const OUTAGE: Duration = Duration::from_secs(150);

/// The lines of level warning or error, and the lines about the end of an outage.
fn lines(log: &Log) -> (Vec<String>, Vec<String>) {
    let bad = [log.lines(" WARN "), log.lines("ERROR ")].concat();
    (bad, log.lines("works again"))
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_store_is_one_line_when_it_begins_one_a_minute_and_one_when_it_ends() {
    let (world, log) = (World::new(), Log::keep());
    let outage = Arc::new(Outage::new("the store db:5432", "nothing is sent"));
    let store = Arc::new(Watched::new(Arc::clone(&world.store), outage));
    let sender = Sender::builder(Arc::clone(&store)).queue(Arc::clone(&world.queue)).build();
    let provider = world.witness(|_, batch| Reply::After(Duration::from_secs(1), accept(batch)));
    let worker = start(Worker::builder(store, Arc::clone(&world.queue), provider));
    let id = sender.send(message("hi")).await.unwrap();
    world.becomes(id, Status::Sending).await;
    world.faults.break_all(STORE_CALLS, Fault::Fail);
    for _ in 0..OUTAGE.as_secs() {
        sleep(Duration::from_secs(1)).await;
        sender.send(message("hi")).await.unwrap_err();
    }
    let (bad, ends) = lines(&log);
    assert_eq!((bad.len(), ends.len()), (3, 0), "{bad:#?}");
    for line in &bad {
        assert!(line.contains("the store db:5432") && line.contains("nothing is sent"), "{line}");
        assert!(line.contains("injected: the cause"), "{line}");
    }
    world.faults.mend();
    world.becomes(id, Status::Sent).await;
    sleep(Duration::from_secs(5)).await;
    let (bad, ends) = lines(&log);
    // The lease was over in the meantime.
    let bad: Vec<_> = bad.iter().filter(|line| line.contains("the store")).collect();
    assert_eq!((bad.len(), ends.len()), (3, 1), "{ends:#?}");
    assert!(ends[0].contains("seconds=15"), "{ends:#?}");
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_queue_is_one_line_when_it_begins_one_a_minute_and_one_when_it_ends() {
    let (world, log) = (World::new(), Log::keep());
    let outage = Arc::new(
        Outage::new("the queue mq:5672", "messages go on through the store").without_reminders(),
    );
    let queue = Arc::new(Watched::new(Arc::clone(&world.queue), outage));
    let sender = Sender::builder(Arc::clone(&world.store)).queue(Arc::clone(&queue)).build();
    let provider = world.witness(|_, batch| Reply::Now(accept(batch)));
    let worker = start(Worker::builder(Arc::clone(&world.store), queue, provider));
    world.faults.break_all(QUEUE_CALLS, Fault::Fail);
    for _ in 0..OUTAGE.as_secs() {
        sleep(Duration::from_secs(1)).await;
        sender.send(message("hi")).await.unwrap();
    }
    let (bad, ends) = lines(&log);
    assert_eq!((bad.len(), ends.len()), (3, 0), "{bad:#?}");
    assert!(
        bad[0].contains("the queue mq:5672") && bad[0].contains("injected: the cause"),
        "{}",
        bad[0]
    );
    assert!(bad[1..].iter().all(|line| line.contains("waiting=")), "{bad:#?}");
    world.faults.mend();
    sleep(Duration::from_secs(10)).await;
    let (bad, ends) = lines(&log);
    assert_eq!((bad.len(), ends.len()), (3, 1), "{bad:#?} {ends:#?}");
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_an_outage_too() {
    let (world, log) = (World::new(), Log::keep());
    let outage = Arc::new(Outage::new("the store db:5432", "nothing is sent"));
    let store = Watched::new(Arc::clone(&world.store), outage);
    let worker =
        start(Worker::builder(store, Arc::clone(&world.queue), world.witness(|_, _| Reply::Panic)));
    world.faults.break_all(STORE_CALLS, Fault::Hang);
    world.faults.break_all(&[Call::Infer], Fault::Hang);
    sleep(OUTAGE).await;
    let begun = log.lines("the store db:5432 fails");
    assert_eq!(begun.len(), 1, "{begun:#?}");
    assert!(begun[0].contains("no answer in 60 s"), "{begun:#?}");
    worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_an_outage_of_the_store_is_some_lines_a_minute_and_not_some_a_second() {
    let (world, log) = (World::new(), Log::keep());
    let worker =
        world.start(world.witness(|_, batch| Reply::After(Duration::from_secs(1), accept(batch))));
    let ids = world.send_many(10).await;
    world.all_become(&ids, Status::Sending).await;
    world.faults.break_all(STORE_CALLS, Fault::Fail);
    sleep(OUTAGE).await;
    let (bad, _) = lines(&log);
    assert!((1..=30).contains(&bad.len()), "{bad:#?}");
    world.faults.mend();
    world.all_become(&ids, Status::Sent).await;
    worker.stop().await;
}
