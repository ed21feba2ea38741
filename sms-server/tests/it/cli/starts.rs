//! The start: what it says about itself, and what it says when it cannot.

use std::path::Path;
use std::process::Output;

use crate::process::{Server, command};

/// Runs the program with these settings until it ends.
fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = command(folder, arguments);
    command.env("SMS_LISTEN", "127.0.0.1:0").env("SMS_LOG", "off");
    command.env("SMS_STORE_WAIT_SECONDS", "0").envs(settings.iter().copied());
    command.output().expect("it runs")
}

/// The one line in which a start with these settings ends, without `error: `.
fn refusal(settings: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &[], settings);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    said.trim_end().strip_prefix("error: ").expect("an error").to_owned()
}

/// A port at which nobody listens: bound and let go.
fn free_port() -> u16 {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    bound.expect("a port").port()
}

#[tokio::test]
async fn the_start_says_where_it_stands_without_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let provider = ("SMS_PROVIDER", "smsru+http://CANARY@127.0.0.1:9");
    let server = Server::start(folder.path(), &[provider]);
    let log = server.log.lock().expect("the log").clone();
    let line = log.lines().find(|line| line.contains("starting")).expect("a line about the start");
    for part in [
        concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""),
        "store=\"sqlite:data/sms.db\"",
        "queue=\"memory:\"",
        "provider=\"smsru+http://[redacted]@127.0.0.1:9\"",
        "roles=\"api,worker,ui\"",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!log.contains("CANARY") && !log.contains("sandbox"), "{log}");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let worker = format!("worker=\"{host}-{}-", server.id());
    assert!(line.contains(&worker), "{worker} is not in {line}");
}

#[tokio::test]
async fn with_the_sandbox_a_warning_says_that_nothing_leaves_the_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let log = server.log.lock().expect("the log").clone();
    assert!(log.contains("WARN") && log.contains("nothing leaves this machine"), "{log}");
}

#[test]
fn config_check_shows_every_setting_with_its_source_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sms.toml"), "\nqueue = 'memory:'\n").expect("written");
    std::fs::write(folder.path().join("key"), "CANARY-CANARY-CANARY").expect("written");
    let settings = [
        ("SMS_CONFIG", "sms.toml"),
        ("SMS_PROVIDER", "smsru://CANARY@sms.ru?from=Acme"),
        ("SMS_ADMIN_KEY_FILE", "key"),
    ];
    let output = run(folder.path(), &["config", "check", "--offline", "--roles", "api"], &settings);
    let shown = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!shown.contains("CANARY"), "{shown}");
    for (key, value, source) in [
        ("store", "sqlite:data/sms.db", "default"),
        ("queue", "memory:", "sms.toml, line 2"),
        ("provider", "smsru://[redacted]@sms.ru?from=Acme", "SMS_PROVIDER"),
        ("roles", "api", "--roles"),
        ("admin_key", "[redacted]", "SMS_ADMIN_KEY_FILE"),
        ("log", "off", "SMS_LOG"),
        ("retention_days", "90", "default"),
        ("text_retention_days", "none", "default"),
    ] {
        let line =
            shown.lines().find(|line| line.split_whitespace().next() == Some(key)).expect(key);
        assert_eq!(line.split_whitespace().nth(1), Some(value), "{line}");
        assert!(line.ends_with(&format!(" {source}")), "{line}");
    }
    assert!(!folder.path().join("data").exists(), "a check makes nothing");
}

#[test]
fn config_check_asks_what_the_settings_name_and_fails_when_something_does_not_work() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), &["config", "check"], &[]);
    let shown = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("nothing leaves this machine"), "{shown}");
    let nowhere = format!("smsru+http://CANARY@127.0.0.1:{}", free_port());
    std::fs::write(folder.path().join("text"), "no database at all ".repeat(100)).expect("written");
    let settings = [("SMS_PROVIDER", nowhere.as_str()), ("SMS_STORE", "sqlite:text")];
    let output = run(folder.path(), &["config", "check"], &settings);
    let (shown, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
    assert!(shown.contains("does not work: no connection to sms.ru"), "{shown}");
    assert!(
        shown.contains("does not work: the SQLite file text is not a SQLite database"),
        "{shown}"
    );
    assert!(said.contains("SMS_STORE, SMS_PROVIDER") && !shown.contains("CANARY"), "{said}");
}

#[test]
fn a_port_in_use_and_a_file_that_is_no_store_are_named_with_their_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let said = refusal(&[("SMS_LISTEN", &address)]);
    assert_eq!(
        said,
        format!("SMS_LISTEN: cannot listen on {address}: Address already in use (os error 98)")
    );
    let said = refusal(&[("SMS_STORE", "sqlite:/proc/none/sms.db")]);
    assert!(
        said.starts_with("SMS_STORE: the folder /proc/none of the SQLite file cannot be made: "),
        "{said}"
    );
    let said = refusal(&[("SMS_STORE", "sqlite:.")]);
    assert!(
        said.starts_with("SMS_STORE: the SQLite file . cannot be opened: it must be a file"),
        "{said}"
    );
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
mod services {
    use sms_testkit::services::{amqp_url, pg_url, redis_url};
    use url::Url;

    use super::*;

    /// Host and port of an address.
    fn place(address: &Url) -> String {
        format!("{}:{}", address.host_str().expect("a host"), address.port().expect("a port"))
    }

    fn pg(change: impl FnOnce(&mut Url)) -> (String, String) {
        let mut address = Url::parse(&pg_url()).expect("a URL");
        let place = place(&address);
        change(&mut address);
        (address.to_string(), place)
    }

    #[test]
    fn postgresql_that_is_down_is_named_by_its_place() {
        let port = free_port();
        let said = refusal(&[("SMS_STORE", &format!("postgres://u:CANARY@127.0.0.1:{port}/db"))]);
        let expected = "cannot be reached: Connection refused (os error 111)";
        assert_eq!(said, format!("SMS_STORE: PostgreSQL at 127.0.0.1:{port} {expected}"));
    }

    #[test]
    fn a_database_or_user_that_postgresql_does_not_know_is_named() {
        let (address, place) = pg(|address| address.set_path("/no_such_database"));
        let said = refusal(&[("SMS_STORE", &address)]);
        assert_eq!(
            said,
            format!(
                "SMS_STORE: PostgreSQL at {place} has no database no_such_database; create it first"
            )
        );
        let (address, place) = pg(|address| address.set_username("no_such_user").expect("a host"));
        let said = refusal(&[("SMS_STORE", &address)]);
        assert!(
            said.starts_with(&format!(
                "SMS_STORE: PostgreSQL at {place} does not let the user no_such_user in: "
            )),
            "{said}"
        );
    }

    #[test]
    fn rabbitmq_that_refuses_the_password_or_has_no_such_virtual_host_is_named_by_its_place() {
        let mut address = Url::parse(&amqp_url()).expect("a URL");
        let place = place(&address);
        address.set_path("/no_such_host");
        let said = refusal(&[("SMS_QUEUE", address.as_str())]);
        let user = address.username().to_owned();
        assert_eq!(
            said,
            format!(
                "SMS_QUEUE: RabbitMQ at {place} has no virtual host no_such_host, \
                 or does not let the user {user} use it"
            )
        );
        address.set_password(Some("CANARY")).expect("a host");
        let said = refusal(&[("SMS_QUEUE", address.as_str())]);
        assert_eq!(
            said,
            format!("SMS_QUEUE: RabbitMQ at {place} refuses the user {user} or its password")
        );
    }

    #[test]
    fn redis_that_refuses_the_password_keeps_the_program_from_starting_as_rabbitmq_does() {
        let mut address = Url::parse(&redis_url()).expect("a URL");
        let place = place(&address);
        address.set_password(Some("CANARY")).expect("a host");
        let said = refusal(&[("SMS_QUEUE", address.as_str())]);
        assert_eq!(
            said,
            format!("SMS_QUEUE: Redis refused the user name or password (Redis at {place})")
        );
    }

    #[tokio::test]
    async fn a_queue_that_is_down_keeps_nothing_from_starting() {
        for address in ["redis://127.0.0.1:PORT", "amqp://127.0.0.1:PORT"] {
            let folder = tempfile::tempdir().expect("a folder");
            let address = address.replace("PORT", &free_port().to_string());
            let server = Server::start(folder.path(), &[("SMS_QUEUE", &address)]);
            let body = serde_json::json!({"to": "+79251234567", "text": "hi"});
            assert_eq!(server.post("k1", &body).await.expect("a reply").0, 202, "{address}");
        }
    }
}

#[cfg(feature = "pg")]
mod waits {
    use std::time::Duration;

    use sms_testkit::instances::Postgres;
    use sms_testkit::services::pg_url;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::process::SECRET_KEY;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_start_waits_for_a_store_that_comes_back_and_says_so() {
        let postgres = Postgres::start().await;
        let settings = [("SMS_STORE", postgres.url()), ("SMS_SECRET_KEY", SECRET_KEY)];
        let folder = tempfile::tempdir().expect("a folder");
        postgres.kill().await;
        let back = async {
            sleep(Duration::from_secs(3)).await;
            postgres.start_again().await;
        };
        let folder_path = folder.path().to_owned();
        let settings: Vec<(&'static str, String)> =
            settings.map(|(name, value)| (name, value.to_owned())).to_vec();
        let start = tokio::task::spawn_blocking(move || {
            let settings: Vec<_> = settings.iter().map(|(name, it)| (*name, it.as_str())).collect();
            Server::start(&folder_path, &settings)
        });
        let (server, ()) = tokio::join!(start, back);
        let server = server.expect("it starts");
        let log = server.log.lock().expect("the log").clone();
        let waits = log.lines().filter(|line| line.contains("waiting for the store")).count();
        assert!((1..5).contains(&waits), "{log}");
        assert!(log.contains("cannot be reached") && log.contains("of_seconds=30"), "{log}");
    }

    #[test]
    fn a_start_waits_no_longer_than_it_may_and_not_at_all_for_what_does_not_pass() {
        let wait = |store: &str| {
            let started = Instant::now();
            let settings = [("SMS_STORE", store), ("SMS_STORE_WAIT_SECONDS", "2")];
            let said = refusal(&settings);
            (said, started.elapsed())
        };
        let (said, took) = wait("postgres://postgres@127.0.0.1:9/postgres");
        assert!(said.contains("127.0.0.1:9 cannot be reached"), "{said}");
        assert!(took > Duration::from_secs(1) && took < Duration::from_secs(6), "{took:?}");
        let (said, took) = wait(&format!("{}_that_is_not_there", pg_url()));
        assert!(said.contains("has no database"), "{said}");
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}
