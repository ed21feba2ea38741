use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

use sms_smsru::simulator::{Fault, Injection, Simulator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::rig::{API_ID, PHONE, Rig, config};

const LIMIT: Duration = Duration::from_secs(10);

/// A TCP connection after a request with one message.
async fn sent(sim: &Simulator) -> TcpStream {
    let mut stream = TcpStream::connect(sim.address()).await.unwrap();
    let body = format!("api_id={API_ID}&json=1&to={PHONE}&msg=hi");
    let length = body.len();
    let request = format!(
        "POST /sms/send HTTP/1.1\r\nHost: sms.ru\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Injects a fault and sends a message. Returns the received bytes, the end of the connection, and
/// the number of accepted messages.
async fn effect(fault: impl Into<Injection>) -> (String, Result<usize, ErrorKind>, usize) {
    let rig = Rig::with(config().silence(Duration::from_millis(100))).await;
    rig.sim.inject(fault);
    let mut stream = sent(&rig.sim).await;
    let mut bytes = Vec::new();
    let end = timeout(LIMIT, stream.read_to_end(&mut bytes)).await.unwrap();
    (
        String::from_utf8_lossy(&bytes).into_owned(),
        end.map_err(|error| error.kind()),
        rig.sim.accepted_count(),
    )
}

#[tokio::test]
async fn a_reset_is_a_real_one_and_leaves_the_message_accepted_or_not() {
    for (fault, accepted) in [
        (Fault::ResetBefore, 0),
        (Fault::ResetAfter, 1),
        (Fault::SilentBeforeAccept, 0),
        (Fault::SilentAfterAccept, 1),
    ] {
        let (bytes, end, count) = effect(fault.clone()).await;
        assert_eq!(
            (bytes.as_str(), end, count),
            ("", Err(ErrorKind::ConnectionReset), accepted),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_silent_fault_keeps_the_connection_open_and_says_nothing() {
    let rig = Rig::new().await;
    rig.sim.inject(Fault::SilentAfterAccept);
    let mut stream = sent(&rig.sim).await;
    let silence = timeout(Duration::from_millis(200), stream.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!(rig.sim.accepted_count(), 1);
}

#[tokio::test]
async fn a_body_can_break_off_before_its_last_chunk() {
    let (bytes, _, accepted) = effect(Fault::Broken).await;
    assert!(
        bytes.starts_with("HTTP/1.1 200 OK\r\n") && bytes.contains("\"status\": \"OK\""),
        "{bytes}"
    );
    assert!(!bytes.ends_with("0\r\n\r\n"), "{bytes}");
    assert_eq!(accepted, 1);
}

/// Injects a fault and sends a message. Returns the status and the body of the reply, and the
/// number of accepted messages.
async fn answer(fault: impl Into<Injection>) -> (u16, String, usize) {
    let rig = Rig::new().await;
    rig.sim.inject(fault);
    let form =
        [("api_id", API_ID), ("json", "1"), ("to", "79255070602,74993221627"), ("msg", "hi")];
    let answer = rig.client.post(rig.address("sms/send")).form(&form).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap(), rig.sim.accepted_count())
}

#[tokio::test]
async fn html_nothing_and_a_bad_status_hide_a_request_that_was_carried_out_or_not() {
    for (fault, status, begin) in
        [(Fault::Html, 200, "<html>"), (Fault::Empty, 200, ""), (Fault::Status(502), 502, "<html>")]
    {
        for (injection, count) in [(Injection::from(fault.clone()), 0), (fault.after_accept(), 2)] {
            let (got, body, accepted) = answer(injection).await;
            assert_eq!((got, accepted), (status, count));
            assert!(body.starts_with(begin) && body.is_empty() == begin.is_empty(), "{body}");
        }
    }
}

#[tokio::test]
async fn truncated_json_is_a_whole_response_with_half_a_document() {
    let (status, body, accepted) = answer(Fault::Truncated).await;
    assert_eq!((status, accepted), (200, 2));
    assert!(body.starts_with("{\n    \"status\": \"OK\"") && !body.ends_with('}'), "{body}");
}

#[tokio::test]
async fn a_partial_batch_accepts_all_and_leaves_the_last_ones_out() {
    let (_, body, accepted) = answer(Fault::Missing(1)).await;
    assert_eq!(accepted, 2);
    assert!(
        body.contains(PHONE) && !body.contains("74993221627") && body.contains("balance"),
        "{body}"
    );
}

#[tokio::test]
async fn a_huge_reply_is_the_document_and_spaces() {
    for bytes in [0, 1, 65_536, 10_000_000] {
        let (status, body, accepted) = answer(Fault::Huge(bytes)).await;
        assert_eq!((status, accepted), (200, 2));
        assert_eq!(body.len() - body.trim_end().len(), bytes);
        assert!(body.trim_end().ends_with('}'));
    }
}

#[tokio::test]
async fn late_and_slow_replies_take_their_time_and_are_whole() {
    for fault in
        [Fault::DelayReply(Duration::from_millis(200)), Fault::Slow(Duration::from_millis(200))]
    {
        let begun = Instant::now();
        let (status, body, accepted) = answer(fault.clone()).await;
        assert_eq!((status, accepted), (200, 2));
        assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{body}");
        assert!(begun.elapsed() >= Duration::from_millis(150), "{fault:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_client_that_gives_up_on_a_late_reply_has_sent_its_message_all_the_same() {
    let rig = Rig::new().await;
    rig.sim.inject(Fault::DelayReply(Duration::from_mins(1)));
    let form = [("api_id", API_ID), ("to", PHONE), ("msg", "hi")];
    let request =
        rig.client.post(rig.address("sms/send")).form(&form).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(rig.sim.accepted_count(), 1);
}

#[tokio::test]
async fn faults_end_after_their_times_and_are_for_their_method_only() {
    let rig = Rig::new().await;
    rig.sim.inject(Fault::Refuse(500).times(2).on("my/balance"));
    rig.sim.inject(Fault::Refuse(220).on("*").forever());
    assert_eq!(rig.codes("my/balance", &[]).await, [500]);
    assert_eq!(rig.codes("my/balance", &[]).await, [500]);
    assert_eq!(rig.codes("my/balance", &[]).await, [220]);
    assert_eq!(rig.send(PHONE, "hi").await, [220]);
    assert_eq!(rig.sim.faults_left(), 1);
    rig.sim.clear_faults();
    assert_eq!(rig.codes("my/balance", &[]).await, [100]);
    assert_eq!(
        (rig.sim.calls_of("my/balance"), rig.sim.calls_of("sms/send"), rig.sim.calls().len()),
        (4, 1, 5)
    );
}

#[tokio::test]
async fn a_simulator_that_was_shut_down_refuses_connections_and_closes_those_it_had() {
    let rig = Rig::new().await;
    rig.sim.inject(Fault::SilentBeforeAccept);
    let mut open = sent(&rig.sim).await;
    while rig.sim.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    let address = rig.sim.address();
    timeout(LIMIT, rig.sim.shutdown()).await.unwrap();
    let _ = timeout(LIMIT, open.read_to_end(&mut Vec::new())).await.unwrap();
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_dropped_simulator_stops_too() {
    let rig = Rig::new().await;
    let address = rig.address("my/balance");
    drop(rig.sim);
    super::rig::until("refused", async || {
        let error = rig.client.get(&address).send().await.err();
        error.is_some_and(|error| error.is_connect() && error.source().is_some())
    })
    .await;
}

#[tokio::test]
async fn an_address_beyond_loopback_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let error = Simulator::start(config().listen(address.parse().unwrap())).await.unwrap_err();
        assert_eq!(error.kind(), sms_core::ErrorKind::Config, "{address}");
    }
    let taken = Rig::new().await;
    let error = Simulator::start(config().listen(taken.sim.address())).await.unwrap_err();
    assert_eq!(error.kind(), sms_core::ErrorKind::Unavailable);
}
