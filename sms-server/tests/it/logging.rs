//! The program when nobody can read what it says.

use std::fs::File;
use std::io::pipe;
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::process::{ADMIN_KEY, Server, command};

const MESSAGES: usize = 100;
const PATIENCE: Duration = Duration::from_mins(1);

const EVERYTHING: [(&str, &str); 2] =
    [("SMS_LOG", "trace,axum=trace,hyper=trace,tower_http=trace"), ("SMS_LOG_FORMAT", "json")];

/// Sends messages through a server that logs everything to this, and ends it. `loses` tells if
/// lines of the log must be lost.
async fn expect_that_it_serves(stderr: Stdio, stdout: Stdio, loses: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_unheard(folder.path(), &EVERYTHING, stderr, stdout).await;
    let before = dropped(&server).await;
    send(&server).await;
    if loses {
        expect_more_dropped_lines(&server, before).await;
    } else {
        assert_eq!(dropped(&server).await, 0);
    }
    expect_that_it_ends(server).await;
}

async fn send(server: &Server) {
    let before = server.count("delivered").await;
    server.post_many(MESSAGES, |n| json!({"to": "+79251234567", "text": format!("Код {n}")})).await;
    let deadline = Instant::now() + PATIENCE;
    while server.count("delivered").await < before + MESSAGES {
        let unknown = server.list("unknown").await;
        assert!(unknown.is_empty(), "the outcomes of attempts are lost: {}", unknown.len());
        assert!(Instant::now() < deadline, "delivered only {}", server.count("delivered").await);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn expect_that_it_ends(server: Server) {
    let before = Instant::now();
    let status = server.terminate_within(Duration::from_secs(10)).await;
    assert_eq!(status.expect("SIGTERM ends it").code(), Some(0), "{:?}", before.elapsed());
}

/// The lines of the log that the server says it has dropped.
async fn dropped(server: &Server) -> u64 {
    let request = reqwest::Client::new().get(server.url("/metrics")).bearer_auth(ADMIN_KEY);
    let metrics = request.send().await.expect("a reply").text().await.expect("text");
    let found = metrics.lines().find_map(|line| line.strip_prefix("sms_log_lines_dropped_total "));
    found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("none: {metrics}"))
}

/// Sends more, which writes lines, until the server says that it has dropped some. The buffer has
/// room for those of a few thousand messages.
async fn expect_more_dropped_lines(server: &Server, before: u64) {
    let deadline = Instant::now() + PATIENCE;
    while dropped(server).await <= before {
        assert!(Instant::now() < deadline, "no lost line is counted");
        server.post_many(MESSAGES, |_| json!({"to": "+79251234567", "text": "hi"})).await;
    }
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
    expect_that_it_serves(closed(), Stdio::null(), true).await;
}

#[tokio::test]
async fn a_log_on_a_full_disk_stops_no_message_and_no_signal() {
    expect_that_it_serves(full(), Stdio::null(), true).await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_no_message_and_no_signal() {
    let (reader, writer) = pipe().expect("a pipe");
    expect_that_it_serves(writer.into(), Stdio::null(), true).await;
    drop(reader);
}

#[tokio::test]
async fn a_log_file_on_a_full_disk_stops_no_message_and_no_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    symlink("/dev/full", folder.path().join("sms.log")).expect("a link");
    let settings = [&EVERYTHING[..], &[("SMS_LOG_FILE", "sms.log")]].concat();
    let (stderr, stdout) = (Stdio::null(), Stdio::null());
    let server = Server::start_unheard(folder.path(), &settings, stderr, stdout).await;
    let before = dropped(&server).await;
    send(&server).await;
    expect_more_dropped_lines(&server, before).await;
    expect_that_it_ends(server).await;
}

#[tokio::test]
async fn a_log_file_without_room_stops_nothing_and_goes_on_when_it_has_room_again() {
    // The store stays smaller, so that the limit is one for the log alone.
    const LENGTH: u64 = 16 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sms.log");
    File::create(&path).and_then(|file| file.set_len(LENGTH)).expect("a file");
    let settings = [&EVERYTHING[..], &[("SMS_LOG_FILE", "sms.log")]].concat();
    // Without the signal, a write beyond the limit of a file is an error.
    let script = "trap '' XFSZ; exec \"$0\"";
    let server = Server::start_unheard_under(folder.path(), script, &settings).await;
    let process = Pid::from_raw(server.id().cast_signed()).expect("a process");
    let limit = |current| {
        let limit = Rlimit { current, maximum: None };
        prlimit(Some(process), Resource::Fsize, limit).expect("a limit");
    };
    let length = || path.metadata().expect("a file").len();
    let full = length() + 100;
    limit(Some(full));
    let before = dropped(&server).await;
    send(&server).await;
    expect_more_dropped_lines(&server, before).await;
    assert_eq!(length(), full, "it ends in the middle of a line");

    limit(None);
    send(&server).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = std::fs::read(&path).expect("a file");
        let written = String::from_utf8_lossy(&log[usize::try_from(full).expect("it fits")..]);
        if written.contains(" log lines were dropped") {
            let mut lines = written.strip_prefix('\n').expect("the end of the cut line").lines();
            lines.next_back();
            assert!(lines.all(|line| serde_json::from_str::<Value>(line).is_ok()), "{written}");
            break;
        }
        assert!(Instant::now() < deadline, "{written}");
        sleep(Duration::from_millis(50)).await;
    }
    let after = dropped(&server).await;
    send(&server).await;
    assert_eq!(dropped(&server).await, after, "no more are dropped");
    expect_that_it_ends(server).await;
}

#[tokio::test]
async fn a_greeting_that_cannot_be_printed_keeps_no_server_from_starting() {
    expect_that_it_serves(Stdio::null(), closed(), false).await;
    expect_that_it_serves(Stdio::null(), full(), false).await;
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
