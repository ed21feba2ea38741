//! PostgreSQL servers that belong to one test.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sms_testkit::instances::Postgres;

use crate::wire::{connect, is_refused, is_silent, read, write};

/// Output of a statement.
fn ask(postgres: &Postgres, statement: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-c", statement, postgres.url()])
        .output();
    let output = output
        .expect("psql is not in PATH: install a PostgreSQL client (Debian: postgresql-client)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A session that is ready for a query.
fn session(postgres: &Postgres) -> TcpStream {
    let session = connect(postgres.address());
    write(&session, b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0");
    while message(&session) != b'Z' {}
    session
}

/// Reads a message. Returns its type.
fn message(session: &TcpStream) -> u8 {
    let head = read(session, 5);
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    read(session, length as usize - 4);
    head[0]
}

#[tokio::test]
async fn postgres_restarts_with_its_committed_data_and_is_removed_with_its_folder() {
    let postgres = Postgres::start().await;
    let folder = PathBuf::from(ask(&postgres, "SHOW data_directory"));
    assert_eq!(ask(&postgres, "SHOW fsync"), "on");
    ask(&postgres, "CREATE TABLE kept AS SELECT 42 AS n");
    for graceful in [false, true] {
        let session = session(&postgres);
        if graceful {
            postgres.stop().await;
        } else {
            postgres.kill().await;
        }
        // An error message, if the server had time to send it; then the end.
        assert!(matches!(crate::wire::rest(&session).first(), None | Some(b'E' | b'N')));
        assert!(is_refused(postgres.address()));
        postgres.start_again().await;
        assert_eq!(ask(&postgres, "SELECT n FROM kept"), "42");
    }
    let address = postgres.address();
    assert!(folder.parent().is_some_and(std::path::Path::is_dir));
    drop(postgres);
    assert!(is_refused(address));
    assert!(!folder.parent().is_some_and(std::path::Path::exists));
}

#[tokio::test]
async fn a_paused_postgres_is_silent_in_open_sessions_too_and_can_be_killed() {
    let postgres = Postgres::start_with(&[("fsync", "off"), ("max_connections", "7")]).await;
    assert_eq!(ask(&postgres, "SHOW max_connections"), "7");
    let session = session(&postgres);
    postgres.pause().await;
    write(&session, b"Q\0\0\0\x0dSELECT 1\0");
    assert!(is_silent(&session));
    postgres.resume().await;
    assert_eq!(message(&session), b'T');
    postgres.pause().await;
    let start = tokio::time::Instant::now();
    postgres.kill().await;
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "the server did not handle the signal and had to be killed"
    );
    postgres.start_again().await;
    assert_eq!(ask(&postgres, "SELECT 1"), "1");
}
