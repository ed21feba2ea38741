//! The proxy in front of an echo server.

use std::io::{self, ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use sms_testkit::proxy::{Mode, Proxy};
use tokio::time::Instant;

use crate::wire::{connect, is_refused, is_silent, read, rest, until, write};

const DELAY: Duration = Duration::from_millis(100);

/// A proxy in front of an echo server, which ends with the process of the test.
fn echo() -> Proxy {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(server.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for client in server.incoming().flatten() {
            std::thread::spawn(move || io::copy(&mut &client, &mut &client));
        }
    });
    proxy
}

/// A proxy in front of a server that accepts one connection and returns all bytes of it.
fn sink() -> (Proxy, JoinHandle<Vec<u8>>) {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::start(server.local_addr().expect("an address"));
    let got = std::thread::spawn(move || rest(&server.accept().expect("a client").0));
    (proxy, got)
}

/// A client with a connection that works in both directions.
fn client(proxy: &Proxy) -> TcpStream {
    let client = connect(proxy.address());
    exchange(&client);
    client
}

fn exchange(client: &TcpStream) {
    write(client, b"hello");
    assert_eq!(read(client, 5), b"hello");
}

fn is_reset(mut client: &TcpStream) -> bool {
    client.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[test]
fn everything_passes_and_is_counted() {
    let proxy = echo();
    let (one, _two) = (client(&proxy), client(&proxy));
    assert_eq!((proxy.accepted(), proxy.open()), (2, 2));
    assert_eq!((proxy.bytes_to_server(), proxy.bytes_to_client()), (10, 10));
    drop(one);
    until("the end of a connection", || proxy.open() == 1);
    assert_eq!(proxy.accepted(), 2);
}

#[test]
fn much_passes_whole_and_so_does_the_end_of_each_direction() {
    let proxy = echo();
    let client = connect(proxy.address());
    let sent: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(8 << 20).collect();
    let got = std::thread::scope(|scope| {
        let got = scope.spawn(|| rest(&client));
        write(&client, &sent);
        client.shutdown(std::net::Shutdown::Write).expect("a socket");
        got.join().expect("read")
    });
    assert!(got == sent, "{} of {} bytes came back, or different ones", got.len(), sent.len());
}

#[test]
fn a_delay_is_that_of_each_way_and_is_not_added_up() {
    let proxy = echo();
    let client = client(&proxy);
    proxy.set(Mode::Delay(DELAY));
    let start = Instant::now();
    for _ in 0..20 {
        write(&client, b"x");
        std::thread::yield_now();
    }
    read(&client, 20);
    let took = start.elapsed();
    assert!(took >= DELAY * 2, "{took:?}");
    assert!(took < DELAY * 20, "each byte waited for the one before: {took:?}");
}

#[test]
fn the_server_gets_just_so_many_bytes_of_a_request_that_is_cut() {
    let (proxy, got) = sink();
    let client = connect(proxy.address());
    proxy.set(Mode::CutToServer { after_bytes: 3 });
    write(&client, b"hello");
    assert_eq!(rest(&client), b"");
    assert_eq!(got.join().expect("got"), b"hel");
    assert_eq!(proxy.bytes_to_server(), 3);
}

#[test]
fn the_client_gets_just_so_many_bytes_of_a_reply_that_is_cut_counted_from_now() {
    let proxy = echo();
    let client = client(&proxy);
    proxy.set(Mode::CutToClient { after_bytes: 7 });
    exchange(&client);
    write(&client, b"hello");
    assert_eq!(rest(&client), b"he");
}

#[test]
fn a_reply_cut_after_nothing_is_lost_while_the_request_has_arrived() {
    let proxy = echo();
    proxy.set(Mode::CutToClient { after_bytes: 0 });
    let client = connect(proxy.address());
    assert!(is_silent(&client), "no byte was about to pass");
    write(&client, b"hello");
    assert_eq!(rest(&client), b"");
    assert_eq!((proxy.bytes_to_server(), proxy.bytes_to_client()), (5, 0));
}

#[test]
fn a_reset_is_a_reset_of_what_is_there_and_not_of_what_comes() {
    let proxy = echo();
    let old = client(&proxy);
    proxy.reset();
    assert!(is_reset(&old));
    assert_eq!(proxy.open(), 0);
    client(&proxy);
}

#[test]
fn a_connection_just_opened_is_severed_too() {
    let proxy = echo();
    for _ in 0..50 {
        let client = connect(proxy.address());
        proxy.sever();
        assert_eq!(rest(&client), b"");
    }
    client(&proxy);
}

#[test]
fn half_open_connections_stay_and_nothing_moves_until_it_is_over() {
    let proxy = echo();
    let old = client(&proxy);
    let finished = client(&proxy);
    proxy.set(Mode::HalfOpen);
    let new = connect(proxy.address());
    write(&old, b"old");
    write(&new, b"new");
    finished.shutdown(std::net::Shutdown::Write).expect("a socket");
    assert!(is_silent(&old) && is_silent(&new) && is_silent(&finished));
    assert_eq!(proxy.bytes_to_server(), 10);
    proxy.set(Mode::Pass);
    assert_eq!(
        (read(&old, 3), read(&new, 3), rest(&finished)),
        (b"old".to_vec(), b"new".to_vec(), vec![])
    );
}

#[test]
fn half_open_connections_can_be_ended() {
    let proxy = echo();
    let old = client(&proxy);
    proxy.set(Mode::HalfOpen);
    let new = connect(proxy.address());
    proxy.reset();
    assert!(is_reset(&old) && is_reset(&new));
}

#[test]
fn new_connections_are_refused_and_old_ones_go_on_until_the_mode_is_over() {
    let proxy = echo();
    let old = client(&proxy);
    for _ in 0..3 {
        proxy.set(Mode::Refuse);
        assert!(is_refused(proxy.address()));
        exchange(&old);
        proxy.set(Mode::Pass);
        exchange(&client(&proxy));
    }
}

#[test]
fn a_trickle_takes_its_time_and_arrives_whole() {
    let (proxy, got) = sink();
    let client = connect(proxy.address());
    let start = Instant::now();
    proxy.set(Mode::Trickle { bytes_per_second: 1000 });
    write(&client, &[7; 300]);
    drop(client);
    assert_eq!(got.join().expect("got"), [7; 300]);
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
}

#[test]
fn a_mode_set_meanwhile_holds_for_bytes_that_wait() {
    let proxy = echo();
    let client = client(&proxy);
    proxy.set(Mode::Delay(Duration::from_hours(1)));
    write(&client, b"hello");
    assert!(is_silent(&client));
    proxy.set(Mode::Pass);
    assert_eq!(read(&client, 5), b"hello");
}

#[test]
fn a_server_that_refuses_is_a_reset() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = server.local_addr().expect("an address");
    drop(server);
    let proxy = Proxy::start(target);
    assert!(is_reset(&connect(proxy.address())));
    proxy.set(Mode::HalfOpen);
    let client = connect(proxy.address());
    assert!(is_silent(&client), "a refusal does not pass in this mode either");
    proxy.set(Mode::Pass);
    assert!(is_reset(&client));
}

#[test]
fn a_dropped_proxy_is_gone_with_all_its_connections() {
    let proxy = echo();
    let address = proxy.address();
    let client = client(&proxy);
    drop(proxy);
    assert_eq!(rest(&client), b"");
    assert!(is_refused(address));
}

#[test]
fn the_url_of_a_server_becomes_that_of_the_proxy() {
    let cases = [
        (
            "postgres://u:p@localhost:1/db?sslmode=disable",
            "postgres://u:p@127.0.0.1:PORT/db?sslmode=disable",
        ),
        ("redis://localhost", "redis://127.0.0.1:PORT"),
        ("amqp://guest:guest@localhost:1/%2f", "amqp://guest:guest@127.0.0.1:PORT/%2f"),
    ];
    for (url, expected) in cases {
        let (proxy, through) = Proxy::in_front_of(url);
        let address: SocketAddr = proxy.address();
        assert_eq!(through, expected.replace("PORT", &address.port().to_string()));
    }
}
