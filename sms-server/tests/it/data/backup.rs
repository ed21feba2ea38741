//! A backup that is taken while messages are accepted and sent, and restored after the server was
//! killed.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sms_core::clock::datetime_from_ms;
use sms_core::{Clock as _, SystemClock};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::load::{Load, accepted, code, key, slow_simulator};
use super::run;
use crate::process::{SECRET_KEY, Server};

/// Messages for later. They are in the backup, and are due after it was restored.
const LATER: usize = 20;
/// From their acceptance until they are due.
const DUE_AFTER: Duration = Duration::from_secs(30);

fn now() -> OffsetDateTime {
    datetime_from_ms(SystemClock.now_ms())
}

/// The same with each kind of store: `backup` writes one and says so, `restore` makes a store of
/// it and returns its settings, and its folder if that is another one.
async fn nothing_is_sent_twice(
    store: &[(&str, &str)],
    backup: impl Fn(&Path) -> String,
    restore: impl AsyncFn(&Path, &Path) -> Vec<(&'static str, String)>,
) {
    let smsru = slow_simulator().await;
    let provider = format!("{}?timeout_seconds=5", smsru.url());
    let own = [("SMS_PROVIDER", provider.as_str()), ("SMS_CONCURRENCY", "2")];
    let (old, new) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
    let server = Server::start(old.path(), &[store, &own[..]].concat());
    let send_at = now() + DUE_AFTER;
    for n in 0..LATER {
        let at = send_at.format(&Rfc3339).expect("a time");
        let body =
            json!({"to": format!("+7926{n:07}"), "text": format!("later{n}"), "send_at": at});
        assert_eq!(server.post(&format!("later{n}"), &body).await.expect("a reply").0, 202);
    }
    let load = Load::start(&server);
    sleep(Duration::from_secs(2)).await;
    let before = smsru.accepted_count();
    let said = backup(old.path());
    assert!(smsru.accepted_count() > before, "it is sent during the backup");
    let after = accepted(&smsru);
    sleep(Duration::from_secs(2)).await;
    server.kill();
    let ids = load.stop().await;
    // All calls have ended.
    sleep(Duration::from_secs(1)).await;
    let sent = accepted(&smsru);
    assert!(sent.len() > after.len() + 20, "sent after the backup: {}", sent.len() - after.len());

    let restored = restore(old.path(), new.path()).await;
    let restored: Vec<_> = restored.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settings = [&restored, &own[..]].concat();
    let refused = run(new.path(), &["serve", "--listen", "127.0.0.1:0"], &settings);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("sms-server restored")),
        "{refused:?}"
    );
    let source = restored.iter().find(|(name, _)| *name == "SMS_STORE");
    let source = source.map_or("sqlite:data/sms.db", |(_, address)| *address);
    let copy = ["copy", "--from", source, "--to", "sqlite:other.db"];
    let secret = std::fs::read_to_string(new.path().join("data/sms.db.secret"));
    let secret = secret.unwrap_or_else(|_| SECRET_KEY.to_owned());
    let refused = run(new.path(), &copy, &[("SMS_SECRET_KEY", secret.trim())]);
    assert!(
        refused.as_ref().is_err_and(|said| said.contains("sms-server restored")),
        "{refused:?}"
    );
    let arguments: Vec<&str> = said.split(' ').collect();
    let held = run(new.path(), &arguments, &restored).expect("held");
    println!("{} sent, {held}", sent.len());
    let at = held.split("backup of ").nth(1).and_then(|rest| rest.split(',').next());
    let again = ["restored", "--from", at.expect("the time")];
    let again = run(new.path(), &again, &restored).expect("held again");
    assert!(again.contains(": 0. ") && again.contains(&format!("later: {LATER}.")), "{again}");

    let server = Server::start(new.path(), &settings);
    let unknown = server.list("unknown").await;
    assert!(held.starts_with(&format!("Held as unknown: {}. ", unknown.len())), "{held}");
    let doubtful = |text: &str| unknown.iter().any(|message| message["text"] == text);
    let would_be_doubled = sent.keys().filter(|text| doubtful(text)).count();
    assert!(would_be_doubled > 20, "{would_be_doubled} were sent after the backup");
    let one = unknown[0]["id"].as_str().expect("an id");
    let one = server.get(&format!("/v1/messages/{one}")).await;
    let last = one["timeline"].as_array().and_then(|steps| steps.last()).expect("a step");
    assert_eq!((&last["kind"], &last["by"]), (&json!("restored"), &json!("sms-server restored")));
    assert!(last["text"].as_str().is_some_and(|text| text.contains("from a backup of 20")));

    // It accepts again, and a repeat of what is in the backup is still the same message.
    let (_, fresh) = server
        .post("fresh", &json!({"to": "+79270000000", "text": "fresh"}))
        .await
        .expect("a reply");
    server.wait_for(fresh["id"].as_str().expect("an id"), "sent", Duration::from_secs(20)).await;
    let (id, n) = ids.iter().min_by_key(|(_, n)| **n).expect("a message");
    let (status, repeated) = server.post(&key(*n), &code(*n)).await.expect("a reply");
    assert!(status < 300 && repeated["id"] == id.as_str(), "{status}: {repeated}");
    let deadline = Instant::now() + DUE_AFTER + Duration::from_secs(20);
    while accepted(&smsru).keys().filter(|text| text.starts_with("later")).count() < LATER {
        assert!(Instant::now() < deadline, "what was not yet due goes out");
        sleep(Duration::from_millis(200)).await;
    }
    sleep(Duration::from_secs(2)).await;
    let twice: Vec<_> = accepted(&smsru).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");
    assert_eq!(server.count("queued,sending").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_sqlite_under_load_sends_nothing_twice() {
    use std::os::unix::fs::PermissionsExt as _;

    let backup = |folder: &Path| {
        let printed = run(folder, &["backup", "sms.backup"], &[]).expect("a backup");
        let kept = "Keep data/sms.db.secret too.";
        assert!(printed.contains(" messages, as of 20") && printed.contains(kept), "{printed}");
        let mode = std::fs::metadata(folder.join("sms.backup")).expect("a file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let again = run(folder, &["backup", "sms.backup"], &[]).expect_err("there is one");
        assert!(again.contains("is there already"), "{again}");
        let left = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
        assert_eq!(left.count(), 2, "the data and the backup");
        "restored".to_owned()
    };
    let restore = async |old: &Path, new: &Path| {
        std::fs::create_dir(new.join("data")).expect("a folder");
        for (from, to) in
            [("sms.backup", "data/sms.db"), ("data/sms.db.secret", "data/sms.db.secret")]
        {
            std::fs::copy(old.join(from), new.join(to)).expect("copied");
        }
        Vec::new()
    };
    nothing_is_sent_twice(&[], backup, restore).await;
}

#[cfg(feature = "pg")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_postgres_under_load_sends_nothing_twice() {
    use sms_testkit::instances::Postgres;
    use sqlx::Connection as _;

    let postgres = Postgres::start().await;
    let url = postgres.url().to_owned();
    let store = [("SMS_STORE", url.as_str()), ("SMS_SECRET_KEY", SECRET_KEY)];
    let backup = |folder: &Path| {
        let shown = run(folder, &["backup", "sms.dump"], &store).expect("a command");
        assert!(
            shown.starts_with("pg_dump --format=custom --no-password --host=127.0.0.1 "),
            "{shown}"
        );
        assert!(!folder.join("sms.dump").exists(), "it is printed only");
        let at = now().format(&Rfc3339).expect("a time");
        let printed = run(folder, &["backup", "sms.dump", "--run"], &store).expect("a dump");
        assert!(printed.contains("Keep the value of SMS_SECRET_KEY too."), "{printed}");
        format!("restored --from {at}")
    };
    let restore = async |old: &Path, _: &Path| {
        let mut conn = sqlx::PgConnection::connect(&url).await.expect("a connection");
        sqlx::query("CREATE DATABASE restored").execute(&mut conn).await.expect("created");
        let other = format!("{}/restored", url.rsplit_once('/').expect("a path").0);
        let mut restore = std::process::Command::new("pg_restore");
        restore.args(["--exit-on-error", "--dbname", &other]).arg(old.join("sms.dump"));
        let output = restore.output().expect("pg_restore");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        vec![("SMS_STORE", other), ("SMS_SECRET_KEY", SECRET_KEY.to_owned())]
    };
    nothing_is_sent_twice(&store, backup, restore).await;
}

#[test]
fn what_a_backup_needs_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = run(folder.path(), &["backup", "b"], &[]).expect_err("no store");
    assert!(said.contains("SMS_STORE: there is no SQLite file data/sms.db"), "{said}");
    std::fs::create_dir(folder.path().join("data")).expect("a folder");
    std::fs::write(folder.path().join("data/sms.db"), "no database ".repeat(500)).expect("written");
    let said = run(folder.path(), &["backup", "b"], &[]).expect_err("no database");
    assert!(said.contains("data/sms.db cannot be copied to b: file is not a database"), "{said}");
    let said = run(folder.path(), &["restored", "--from", "yesterday"], &[]).expect_err("no time");
    assert!(said.contains("2026-12-31T09:30:00+03:00"), "{said}");
    std::fs::remove_file(folder.path().join("data/sms.db")).expect("removed");
    let said = run(folder.path(), &["restored"], &[]).expect_err("no backup");
    assert!(said.contains("give the time at which the backup was taken"), "{said}");
    let said = run(folder.path(), &["restored", "--from", "2999-01-01T00:00:00Z"], &[]);
    assert!(said.as_ref().is_err_and(|said| said.contains("in the future")), "{said:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left");
}

#[cfg(feature = "pg")]
#[test]
fn a_dump_without_pg_dump_or_its_server_says_what_is_missing() {
    use sms_testkit::services::pg_url;

    let folder = tempfile::tempdir().expect("a folder");
    let url = pg_url();
    let store = [("SMS_STORE", url.as_str()), ("PATH", "/nowhere")];
    let said = run(folder.path(), &["backup", "b"], &store).expect_err("no program");
    assert!(said.contains("pg_dump is not installed, or not in PATH"), "{said}");
    let store = [("SMS_STORE", "postgres://postgres@127.0.0.1:9/postgres")];
    let said = run(folder.path(), &["backup", "b"], &store).expect_err("no server");
    assert!(said.contains("SMS_STORE: PostgreSQL at 127.0.0.1:9 cannot be reached"), "{said}");
    // A program that is older than the server.
    std::fs::write(folder.path().join("pg_dump"), "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
        .expect("written");
    let program = folder.path().join("pg_dump");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(program, mode).expect("a program");
    let path = folder.path().display().to_string();
    let store = [("SMS_STORE", url.as_str()), ("PATH", path.as_str())];
    let said = run(folder.path(), &["backup", "b"], &store).expect_err("too old");
    assert!(said.contains("pg_dump has version 9 and the server version"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_held_while_a_worker_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    sleep(Duration::from_secs(1)).await;
    let arguments = ["restored", "--from", "2026-01-01T00:00:00Z"];
    let said = run(folder.path(), &arguments, &[]).expect_err("it runs");
    assert!(said.contains("is running on this store: stop every process first"), "{said}");
    drop(server);
    let held = run(folder.path(), &arguments, &[]).expect("it was killed");
    assert!(held.starts_with("Held as unknown: 0. "), "{held}");
    let same = run(folder.path(), &["restored", "--unchanged"], &[]).expect("nothing is held");
    assert!(same.contains("nothing is held"), "{same}");
}
