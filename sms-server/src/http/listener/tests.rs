//! Clients that take their time, on a clock that jumps.

use axum::body::Bytes;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::layers::{REQUEST_TIMEOUT, time_limit};
use super::stream::{HEAD_TIMEOUT, IDLE_TIMEOUT, WRITE_TIMEOUT};
use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const LARGE: usize = 1 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// A client, and when the server has closed its connection.
struct Client {
    stream: DuplexStream,
    closed: JoinHandle<Instant>,
    start: Instant,
}

impl Client {
    fn connect() -> Self {
        let app = Router::new()
            .route("/", get(|| async { "hi" }))
            .route("/large", get(|| async { vec![0; LARGE] }))
            .route("/slow", post(|_: Bytes| sleep(SECOND * 25)))
            .route("/limited", post(|_: Bytes| async {}).layer(time_limit(REQUEST_TIMEOUT)));
        let (stream, server) = duplex(1024);
        let closed = tokio::spawn(async move {
            converse(server, None, app, CancellationToken::new(), Arc::new(Activity::new())).await;
            Instant::now()
        });
        Self { stream, closed, start: Instant::now() }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the connection is open");
    }

    /// Reads an answer up to the end of these words.
    async fn read_to(&mut self, end: &str) {
        let mut answer = Vec::new();
        while !answer.ends_with(end.as_bytes()) {
            answer.push(self.stream.read_u8().await.expect("the connection is open"));
        }
    }

    /// The time from the start of the client to the closing by the server. The client neither reads
    /// nor writes.
    async fn closed(self) -> Duration {
        self.closed.await.expect("no panic").duration_since(self.start)
    }
}

fn assert_about(found: Duration, expected: Duration, what: &str) {
    assert!(
        found >= expected && found < expected + SECOND,
        "{what}: {found:?} and not {expected:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_is_cut_10_s_after_its_first_byte_and_not_after_the_connection_began()
{
    let mut client = Client::connect();
    sleep(SECOND * 30).await;
    for byte in &GET[..GET.len() - 1] {
        if client.stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(SECOND).await;
    }
    assert_about(client.closed().await, SECOND * 30 + HEAD_TIMEOUT, "a slow head");
}

#[tokio::test(start_paused = true)]
async fn a_head_in_two_requests_has_10_s_each_and_one_that_stops_is_cut() {
    let mut client = Client::connect();
    for _ in 0..3 {
        client.send(&GET[..5]).await;
        sleep(SECOND * 8).await;
        client.send(&GET[5..]).await;
        client.read_to("hi").await;
        sleep(SECOND * 8).await;
    }
    client.send(&GET[..5]).await;
    assert_about(client.closed().await, SECOND * 48 + HEAD_TIMEOUT, "half a head");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed_after_a_minute() {
    assert_about(Client::connect().closed().await, IDLE_TIMEOUT, "never used");
    let mut client = Client::connect();
    for _ in 0..3 {
        sleep(SECOND * 50).await;
        client.send(GET).await;
        client.read_to("hi").await;
    }
    assert_about(client.closed().await, SECOND * 150 + IDLE_TIMEOUT, "used three times");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_after_30_s_and_one_that_reads_slowly_is_not() {
    let large = b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut client = Client::connect();
    client.send(large).await;
    assert_about(client.closed().await, WRITE_TIMEOUT, "an answer that is not read");

    let mut client = Client::connect();
    client.send(large).await;
    let (mut read, mut buffer) = (0, vec![0; LARGE]);
    for _ in 0..20 {
        sleep(SECOND * 20).await;
        read += client.stream.read(&mut buffer).await.expect("the connection is open");
    }
    while read < LARGE {
        let more = client.stream.read(&mut buffer).await.expect("the connection is open");
        assert!(more > 0, "closed after {read} bytes");
        read += more;
    }
    assert_about(client.closed().await, SECOND * 400 + IDLE_TIMEOUT, "read slowly");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_again_and_again_and_does_not_read_is_cut() {
    let mut client = Client::connect();
    // Until neither takes any more.
    let asked = timeout(SECOND * 5, async { while client.stream.write_all(GET).await.is_ok() {} });
    assert!(asked.await.is_err(), "the server takes requests without end");
    assert_about(client.closed().await, WRITE_TIMEOUT, "many answers that are not read");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_long_is_not_cut() {
    let mut client = Client::connect();
    client.send(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n").await;
    sleep(SECOND * 25).await;
    client.send(b"a").await;
    sleep(SECOND * 25).await;
    client.send(b"b").await;
    client.read_to("\r\n\r\n").await;
    assert_about(client.closed().await, SECOND * 75 + IDLE_TIMEOUT, "slow body, slow handler");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_cut_30_s_after_its_head_and_the_connection_with_it() {
    let mut client = Client::connect();
    client.send(b"POST /limited HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await;
    while client.start.elapsed() < SECOND * 90 && client.stream.write_all(b"x").await.is_ok() {
        sleep(SECOND).await;
    }
    let mut answer = [0; 12];
    client.stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert_about(client.closed().await, REQUEST_TIMEOUT, "a slow body");
}

/// The answer to a request with a head of this many bytes, which is sent in pieces.
async fn answer_to_a_head_of(bytes: usize, piece: usize) -> String {
    let (before, after) = ("GET / HTTP/1.1\r\nhost: a\r\nx: ", "\r\n\r\n");
    let head = format!("{before}{}{after}", "x".repeat(bytes - before.len() - after.len()));
    let mut client = Client::connect();
    for piece in head.as_bytes().chunks(piece) {
        // The server may have closed the connection.
        if client.stream.write_all(piece).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    client.stream.read_exact(&mut answer).await.expect("an answer");
    String::from_utf8(answer.to_vec()).expect("text")
}

#[tokio::test(start_paused = true)]
async fn a_head_of_more_than_16_kib_is_refused_and_one_of_less_is_not() {
    for piece in [1, 1000, MAX_HEAD * 4] {
        let answer = answer_to_a_head_of(MAX_HEAD - 1, piece).await;
        assert_eq!(answer, "HTTP/1.1 200", "just less, in pieces of {piece}");
        for bytes in [MAX_HEAD + 1, MAX_HEAD * 2, MAX_HEAD * 20] {
            let answer = answer_to_a_head_of(bytes, piece).await;
            assert_eq!(answer, "HTTP/1.1 431", "{bytes} bytes in pieces of {piece}");
        }
    }
}

#[tokio::test]
async fn three_hundred_connections_at_once_find_a_place_in_the_backlog() {
    let listener = listen("127.0.0.1:0".parse().expect("an address")).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let mut connected = Vec::new();
    for n in 0..300 {
        // Beyond the backlog the system drops a handshake, which is repeated after a second.
        let connect = timeout(Duration::from_millis(900), TcpStream::connect(address)).await;
        connected
            .push(connect.unwrap_or_else(|_| panic!("connection {n} waits")).expect("connected"));
    }
}

#[tokio::test]
async fn connections_that_only_wait_make_room_for_others() {
    let listener = listen("127.0.0.1:0".parse().expect("an address")).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (app, shutdown) =
        (Router::new().route("/", get(|| async { "hi" })), CancellationToken::new());
    let server = tokio::spawn(serve_at_most(listener, app, shutdown.clone(), 8));
    let mut waiting = Vec::new();
    for _ in 0..40 {
        waiting.push(TcpStream::connect(address).await.expect("connected"));
    }
    let mut last = TcpStream::connect(address).await.expect("connected");
    last.write_all(GET).await.expect("sent");
    let mut answer = [0; 15];
    timeout(SECOND * 20, last.read_exact(&mut answer))
        .await
        .expect("an answer in time")
        .expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    // The first has made room.
    let end = timeout(SECOND * 20, waiting[0].read(&mut answer)).await.expect("closed in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    shutdown.cancel();
    timeout(SECOND * 20, server).await.expect("it ends").expect("no panic");
}
