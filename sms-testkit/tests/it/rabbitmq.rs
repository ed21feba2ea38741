//! A `RabbitMQ` server that belongs to one test. A single test, because a start takes seconds.

use std::net::TcpStream;

use sms_testkit::instances::RabbitMq;

use crate::wire::{connect, is_refused, is_silent, read, write};

/// Reads a frame. Returns its class and method.
fn method(connection: &TcpStream) -> (u8, u8) {
    let head = read(connection, 7);
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let frame = read(connection, length as usize + 1);
    (frame[1], frame[3])
}

/// Sends a method of the class `connection`.
fn send(connection: &TcpStream, method: u8, arguments: &[u8]) {
    let length = u32::try_from(arguments.len() + 4).expect("small").to_be_bytes();
    write(connection, &[&[1, 0, 0], &length[..], &[0, 10, 0, method], arguments, &[0xCE]].concat());
}

/// A connection to the virtual host `/`.
fn open(rabbit: &RabbitMq) -> TcpStream {
    let connection = connect(rabbit.address());
    write(&connection, b"AMQP\0\0\x09\x01");
    assert_eq!(method(&connection), (10, 10), "start");
    send(&connection, 11, b"\0\0\0\0\x05PLAIN\0\0\0\x0c\0guest\0guest\x05en_US");
    assert_eq!(method(&connection), (10, 30), "tune");
    send(&connection, 31, &[0, 7, 0, 2, 0, 0, 0, 0]);
    send(&connection, 40, b"\x01/\0\0");
    assert_eq!(method(&connection), (10, 41), "open-ok");
    connection
}

#[tokio::test]
async fn rabbitmq_is_controlled_paused_killed_and_restarts_with_its_data() {
    let rabbit = RabbitMq::start_with(&[("channel_max", "77")]).await;
    let connection = open(&rabbit);
    rabbit.close_all_connections().await;
    assert_eq!(method(&connection), (10, 50), "the server closes");

    rabbit.ctl(&["add_vhost", "kept"]).await;
    let setting = rabbit.ctl(&["eval", "application:get_env(rabbit, channel_max)."]).await;
    assert_eq!(setting.trim(), "{ok,77}");

    rabbit.pause().await;
    let connection = connect(rabbit.address());
    write(&connection, b"AMQP\0\0\x09\x01");
    assert!(is_silent(&connection));
    rabbit.resume().await;
    assert_eq!(method(&connection), (10, 10), "start");

    rabbit.kill().await;
    assert!(is_refused(rabbit.address()));
    rabbit.start_again().await;
    open(&rabbit);
    let vhosts = rabbit.ctl(&["list_vhosts"]).await;
    assert!(vhosts.lines().any(|line| line == "kept"), "{vhosts}");

    rabbit.stop().await;
    let address = rabbit.address();
    drop(rabbit);
    assert!(is_refused(address));
}
