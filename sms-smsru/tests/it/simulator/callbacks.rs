use std::collections::HashSet;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sms_smsru::simulator::{Delivery, SimulatorConfig};

use super::rig::{API_ID, Handler, NOON_MS, Rig, config, until};

/// A rig with a registered handler that has received its first `test` record.
async fn registered(config: SimulatorConfig) -> (Rig, Handler) {
    let (rig, handler) = (Rig::with(config).await, Handler::new().await);
    rig.codes("callback/add", &[("url", &handler.url())]).await;
    until("the test record", async || {
        !handler.records("test").await.is_empty() && rig.sim.pending_callbacks() == 0
    })
    .await;
    (rig, handler)
}

/// A configuration without heartbeats, so that all records are about messages.
fn quiet() -> SimulatorConfig {
    config().callback_heartbeat(None)
}

async fn delivered(rig: &Rig, count: u64) {
    let numbers: Vec<String> = (0..count).map(|n| (79_250_000_000_u64 + n).to_string()).collect();
    rig.send(&numbers.join(","), "hi").await;
    rig.sim.advance(Duration::from_millis(300));
}

/// The names of the fields with records, and `true` if the hash is correct.
fn checked(form: &[(String, String)]) -> Vec<String> {
    let (hash, records) = form.split_last().unwrap();
    let all: String = records.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(hash.0, "hash");
    assert_eq!(hash.1, format!("{:x}", Sha256::digest(format!("{API_ID}{all}"))));
    records.iter().map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn a_new_handler_gets_a_test_record_at_once() {
    let (_rig, handler) = registered(quiet()).await;
    let forms = handler.forms().await;
    assert_eq!(forms.len(), 1);
    assert_eq!(forms[0][0], ("data[1]".to_owned(), format!("test\n{}", NOON_MS / 1000)));
    assert_eq!(checked(&forms[0]), ["data[1]"]);
}

#[tokio::test]
async fn a_delivered_message_is_called_back_with_its_time() {
    let (rig, handler) = registered(quiet()).await;
    let id = rig.accepted(&[]).await;
    rig.sim.advance(Duration::from_secs(5));
    until("the record", async || !handler.records("sms_status").await.is_empty()).await;
    let expected = format!("sms_status\n{id}\n103\n{}", NOON_MS / 1000);
    assert_eq!(handler.records("sms_status").await, [expected]);
}

#[tokio::test]
async fn intermediate_states_are_called_back_when_asked_for() {
    let (rig, handler) = registered(quiet().callback_intermediate(true)).await;
    rig.accepted(&[]).await;
    rig.sim.advance(Duration::from_secs(1));
    rig.sim.send_callbacks_now().await;
    until("all", async || handler.records("sms_status").await.len() == 3).await;
    let codes: Vec<_> = handler
        .records("sms_status")
        .await
        .iter()
        .map(|record| record.split('\n').nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["101", "102", "103"]);
}

#[tokio::test]
async fn a_test_message_is_not_called_back() {
    let (rig, _handler) = registered(quiet()).await;
    rig.accepted(&[("test", "1")]).await;
    rig.sim.advance(Duration::from_secs(1));
    assert_eq!((rig.sim.accepted()[0].status, rig.sim.pending_callbacks()), (103, 0));
}

#[tokio::test]
async fn records_come_in_batches_of_a_hundred_with_a_hash_each() {
    let (rig, handler) = registered(quiet()).await;
    handler.answers(500, "");
    delivered(&rig, 250).await;
    until("a refusal", async || handler.forms().await.len() == 2).await;
    handler.answers(200, "100");
    assert_eq!(rig.sim.send_callbacks_now().await, 250);
    let forms = handler.forms().await;
    let sizes: Vec<usize> = forms[2..].iter().map(|form| checked(form).len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!((forms[2][0].0.as_str(), forms[2][99].0.as_str()), ("data[1]", "data[100]"));
    assert_eq!(rig.sim.pending_callbacks(), 0);
}

#[tokio::test]
async fn the_first_record_can_have_the_number_zero() {
    let (rig, handler) = registered(quiet().callback_index_base(0)).await;
    delivered(&rig, 2).await;
    until("records", async || handler.records("sms_status").await.len() == 2).await;
    let form = handler.forms().await.remove(1);
    assert_eq!(checked(&form), ["data[0]", "data[1]"]);
}

#[tokio::test]
async fn anything_but_100_is_repeated_every_minute_with_the_same_records() {
    let (rig, handler) = registered(quiet()).await;
    for (turn, (status, body)) in
        [(200, "OK"), (200, "100\n"), (200, ""), (500, "100"), (200, "100")].into_iter().enumerate()
    {
        handler.answers(status, body);
        if turn == 0 {
            delivered(&rig, 1).await;
        } else {
            rig.sim.advance(Duration::from_mins(1));
        }
        until("an attempt", async || handler.forms().await.len() == turn + 2).await;
        // The simulator has read the reply, too.
        until("its end", async || rig.sim.pending_callbacks() == usize::from(turn < 4)).await;
    }
    let records: HashSet<String> = handler.records("sms_status").await.into_iter().collect();
    assert_eq!(records.len(), 1);
    rig.sim.advance(Duration::from_mins(5));
    assert_eq!(rig.sim.send_callbacks_now().await, 0);
    assert_eq!(handler.forms().await.len(), 6);
}

#[tokio::test]
async fn a_repeat_waits_for_its_minute() {
    let (rig, handler) = registered(quiet()).await;
    handler.answers(200, "no");
    delivered(&rig, 1).await;
    until("an attempt", async || handler.forms().await.len() == 2).await;
    rig.sim.advance(Duration::from_secs(59));
    // Records for a later handler are posted after those for this one.
    let second = Handler::new().await;
    rig.codes("callback/add", &[("url", &second.url())]).await;
    until("the test record", async || !second.records("test").await.is_empty()).await;
    assert_eq!(handler.forms().await.len(), 2);
    rig.sim.advance(Duration::from_secs(1));
    until("the repeat", async || handler.forms().await.len() == 3).await;
}

#[tokio::test]
async fn after_five_days_a_record_is_given_up() {
    let (rig, handler) = registered(quiet()).await;
    handler.answers(200, "no");
    delivered(&rig, 1).await;
    rig.sim.advance(Duration::from_hours(5 * 24 - 1));
    rig.sim.send_callbacks_now().await;
    assert_eq!(rig.sim.pending_callbacks(), 1);
    rig.sim.advance(Duration::from_hours(1));
    rig.sim.send_callbacks_now().await;
    assert_eq!(rig.sim.pending_callbacks(), 0);
}

#[tokio::test]
async fn heartbeats_stand_among_the_records() {
    let day = Duration::from_hours(24);
    let (rig, handler) = registered(config().callback_retry(day)).await;
    handler.answers(200, "no");
    delivered(&rig, 1).await;
    until("an attempt", async || handler.forms().await.len() == 2).await;
    rig.sim.advance(Duration::from_mins(1));
    delivered(&rig, 1).await;
    handler.answers(200, "100");
    rig.sim.send_callbacks_now().await;
    until("both", async || rig.sim.pending_callbacks() == 0).await;
    let last = handler.forms().await.pop().unwrap();
    let kinds: Vec<_> =
        last.iter().map(|(_, value)| value.split('\n').next().unwrap().to_owned()).collect();
    assert_eq!(kinds[..3], ["sms_status", "test", "sms_status"]);
}

#[tokio::test]
async fn duplicates_and_disorder_come_on_demand() {
    let (rig, handler) = registered(quiet()).await;
    rig.sim.duplicate_callbacks(true);
    rig.sim.shuffle_callbacks(true);
    delivered(&rig, 40).await;
    until("all", async || handler.records("sms_status").await.len() == 80).await;
    let records = handler.records("sms_status").await;
    let mut sorted = records.clone();
    sorted.sort();
    assert_ne!(records, sorted);
    sorted.dedup();
    assert_eq!(sorted.len(), 40);
    handler.forms().await.iter().for_each(|form| drop(checked(form)));
}

#[tokio::test]
async fn every_handler_gets_every_record_until_it_is_taken_off() {
    let (rig, first) = registered(quiet()).await;
    let second = Handler::new().await;
    rig.codes("callback/add", &[("url", &second.url())]).await;
    delivered(&rig, 1).await;
    for handler in [&first, &second] {
        until("its record", async || handler.records("sms_status").await.len() == 1).await;
    }
    assert_eq!(rig.codes("callback/del", &[("url", &first.url())]).await, [100]);
    delivered(&rig, 1).await;
    until("its record", async || second.records("sms_status").await.len() == 2).await;
    assert_eq!(first.records("sms_status").await.len(), 1);
}

#[tokio::test]
async fn addresses_are_checked_and_only_loopback_is_ever_called() {
    let rig = Rig::new().await;
    assert_eq!(rig.codes("callback/add", &[("url", "ftp://127.0.0.1/")]).await, [901]);
    assert_eq!(rig.codes("callback/add", &[]).await, [901]);
    assert_eq!(rig.codes("callback/del", &[("url", "http://127.0.0.1/")]).await, [902]);
    for url in [
        "http://example.com/cb",
        "https://127.0.0.1/cb",
        "http://192.0.2.1/",
        "http://127.0.0.1.example.com/",
        "http://[",
    ] {
        assert_eq!(rig.codes("callback/add", &[("url", url)]).await, [100], "{url}");
    }
    delivered(&rig, 1).await;
    assert_eq!((rig.sim.pending_callbacks(), rig.sim.send_callbacks_now().await), (0, 0));
    // The same address twice is one handler.
    rig.codes("callback/add", &[("url", "http://example.com/cb")]).await;
    assert_eq!(rig.json("callback/get", &[]).await["callback"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_handler_that_is_not_there_loses_nothing() {
    let rig = Rig::with(quiet()).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    rig.codes("callback/add", &[("url", &format!("http://{free}/"))]).await;
    rig.sim.deliver(Delivery::Failed(105));
    delivered(&rig, 3).await;
    assert_eq!(rig.sim.send_callbacks_now().await, 0);
    assert_eq!(rig.sim.pending_callbacks(), 4);
}

#[tokio::test]
async fn a_handler_that_never_answers_is_given_up_in_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rig = Rig::with(quiet().callback_timeout(Duration::from_millis(50))).await;
    let url = format!("http://{}/", silent.local_addr().unwrap());
    rig.codes("callback/add", &[("url", &url)]).await;
    assert_eq!(rig.sim.send_callbacks_now().await, 0);
    assert_eq!(rig.sim.pending_callbacks(), 1);
}
