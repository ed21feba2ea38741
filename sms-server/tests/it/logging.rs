//! The program when nobody can read what it says.

use std::fs::File;
use std::io::pipe;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::process::{ADMIN_KEY, Server, command};

const MESSAGES: usize = 100;

/// Sends messages through a server that logs everything to this, and ends it.
async fn expect_that_it_serves(stderr: Stdio, stdout: Stdio) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("SMS_LOG", "trace"), ("SMS_LOG_FORMAT", "json")];
    let server = Server::start_unheard(folder.path(), &settings, stderr, stdout).await;
    server.post_many(MESSAGES, |n| json!({"to": "+79251234567", "text": format!("Код {n}")})).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.count("delivered").await < MESSAGES {
        let unknown = server.list("unknown").await;
        assert!(unknown.is_empty(), "the outcomes of attempts are lost: {}", unknown.len());
        assert!(Instant::now() < deadline, "delivered only {}", server.count("delivered").await);
        sleep(Duration::from_millis(50)).await;
    }
    let before = Instant::now();
    let status = server.terminate_within(Duration::from_secs(10)).await;
    assert_eq!(status.expect("SIGTERM ends it").code(), Some(0), "{:?}", before.elapsed());
}

fn closed() -> Stdio {
    // Nobody has the other end.
    pipe().expect("a pipe").1.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("a device that is always full").into()
}

#[tokio::test]
async fn a_log_whose_reader_has_gone_stops_no_message_and_no_signal() {
    expect_that_it_serves(closed(), Stdio::null()).await;
}

#[tokio::test]
async fn a_log_on_a_full_disk_stops_no_message_and_no_signal() {
    expect_that_it_serves(full(), Stdio::null()).await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_no_message_and_no_signal() {
    let (reader, writer) = pipe().expect("a pipe");
    expect_that_it_serves(writer.into(), Stdio::null()).await;
    drop(reader);
}

#[tokio::test]
async fn a_greeting_that_cannot_be_printed_keeps_no_server_from_starting() {
    expect_that_it_serves(Stdio::null(), closed()).await;
    expect_that_it_serves(Stdio::null(), full()).await;
}

#[test]
fn an_error_that_cannot_be_printed_still_ends_the_program_with_its_code() {
    let folder = tempfile::tempdir().expect("a folder");
    for stderr in [closed(), full()] {
        let mut check = command(folder.path(), &["config", "check"]);
        let ended = check.env("SMS_STORE", "oracle:x").stderr(stderr).status();
        assert_eq!(ended.expect("it runs").code(), Some(1));
    }
}

#[test]
fn a_command_whose_result_cannot_be_printed_fails_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut create = command(folder.path(), &["keys", "create", "--name", "shop"]);
    let output =
        create.stdout(full()).stderr(Stdio::piped()).spawn().expect("it starts").wait_with_output();
    let output = output.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("standard output") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_log_in_a_file_has_a_line_for_each_attempt_and_each_receipt_and_one_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let bound = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let address = bound.expect("a port").to_string();
    let run = |arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command
            .env("SMS_LISTEN", &address)
            .env("SMS_ADMIN_KEY", ADMIN_KEY)
            .env("SMS_LOG_FILE", "logs/sms.log")
            .env("SMS_URL", format!("http://{address}"))
            .env("SMS_KEY", ADMIN_KEY)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("it runs")
    };
    let mut server = run(&[]);
    let ended = |child: Child| {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8(output.stderr).expect("text");
        (output.status.code(), said)
    };
    assert_eq!(ended(run(&["healthcheck", "--wait", "20s"])), (Some(0), String::new()));
    let sent = run(&["send", "+79251234567", "Код 1234"]).wait_with_output().expect("it ends");
    let id = String::from_utf8(sent.stdout).expect("text");
    let read = || std::fs::read_to_string(folder.path().join("logs/sms.log")).expect("a log");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !read().contains("sms_core::receipt: receipt") {
        assert!(Instant::now() < deadline, "{}", read());
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = read();
    let line = |target: &str| log.lines().find(|line| line.contains(target)).expect("a line");
    for part in [id.trim(), "attempt=1", "provider=\"sandbox\"", "outcome=\"accepted\"", "took_ms="]
    {
        assert!(line("sms_core::attempt").contains(part), "{part}: {log}");
    }
    for part in [id.trim(), "state=\"delivered\"", "effect=\"applied\""] {
        assert!(line("sms_core::receipt").contains(part), "{part}: {log}");
    }
    assert!(!log.contains("9251234567") && !log.contains("1234\""), "{log}");
    let (code, said) = ended(run(&[]));
    assert_eq!(code, Some(1));
    assert!(said.contains("log_file: another process writes logs/sms.log"), "{said}");
    server.kill().expect("killed");
    server.wait().expect("gone");
    let (code, said) = ended(run(&["healthcheck"]));
    assert!(code == Some(1) && said.contains("/readyz: no reply"), "{said}");
}
