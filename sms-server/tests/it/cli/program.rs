//! The program with no services beside it: first minute, keys, sandbox, shutdown.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::process::{ADMIN_KEY, Server, command};

#[tokio::test]
async fn a_message_is_delivered_in_the_sandbox_within_3_s_and_its_timeline_shows_every_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let body = json!({"to": "+79251234567", "text": "Код 1234"});
    let (status, accepted) = server.post("k1", &body).await.expect("a reply");
    assert_eq!(status, 202, "{accepted}");
    let id = accepted["id"].as_str().expect("an id");
    let message = server.wait_for(id, "delivered", Duration::from_secs(3)).await;
    let steps: Vec<_> = message["timeline"]
        .as_array()
        .expect("a timeline")
        .iter()
        .map(|s| (s["kind"].clone(), s["status"].clone()))
        .collect();
    let expected = [("accepted", "queued"), ("attempt", "sent"), ("receipt", "delivered")]
        .map(|(k, s)| (json!(k), json!(s)));
    assert_eq!(steps, expected, "{message:#}");
    assert_eq!(message["timeline"][1]["outcome"], "accepted");
}

#[tokio::test]
async fn the_first_start_prints_a_command_that_sends_and_the_second_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let no_admin_key = ("SMS_ADMIN_KEY", "");
    let first = Server::start(folder.path(), &[no_admin_key]);
    let address = first.address.to_string();
    let (printed, status) = first.terminate();
    assert!(status.success());
    let second = Server::start(folder.path(), &[no_admin_key, ("SMS_LISTEN", &address)]);
    let curl = printed.split_once("curl").expect("a command").1;
    let sent = std::process::Command::new("sh")
        .args(["-c", &format!("curl{curl}")])
        .output()
        .expect("curl is installed");
    let complaint = String::from_utf8_lossy(&sent.stderr);
    assert!(sent.status.success(), "this test runs curl (apt install curl): {complaint}");
    let reply: serde_json::Value = serde_json::from_slice(&sent.stdout).expect("JSON");
    assert_eq!(reply["status"], "queued", "{reply}");
    let (printed, _) = second.terminate();
    assert_eq!(printed, "");
}

#[tokio::test]
async fn the_first_start_makes_no_key_where_one_is_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    let (printed, status) = Server::start(folder.path(), &[]).terminate();
    assert!(status.success());
    assert_eq!(printed, "", "who has configured a key needs none that may stand in a log for good");
    let keys = command(folder.path(), &["keys", "list"]).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&keys.stdout), "");
}

#[test]
fn a_process_that_would_do_nothing_does_not_start_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    for roles in ["ui", "", " ", ",", "ui,ui"] {
        let output = command(folder.path(), &[]).env("SMS_ROLES", roles).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "`{roles}` ends with {}", output.status);
        assert!(
            said.contains("SMS_ROLES") && said.contains("api") && said.contains("worker"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn sighup_ends_the_program_as_sigterm_does() {
    let folder = tempfile::tempdir().expect("a folder");
    // Also where the tests themselves ignore it, as under nohup.
    let server = Server::start_under(folder.path(), "exec env --default-signal=HUP \"$0\"", &[]);
    server.post("k1", &json!({"to": "+79251234567", "text": "hi"})).await.expect("a reply");
    let status = server.end_by("HUP");
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_program_started_by_nohup_outlives_its_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_under(folder.path(), "trap '' HUP; exec \"$0\"", &[]);
    server.signal("HUP");
    let (status, _) =
        server.post("k1", &json!({"to": "+79251234567", "text": "hi"})).await.expect("a reply");
    assert_eq!(status, 202);
    let (_, status) = server.terminate();
    assert!(status.success(), "{status}");
}

#[test]
fn a_mistake_in_the_file_is_named_by_its_place_and_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = "listen = '127.0.0.1:0'\nprovider = 'smsru://CANARY@sms.ru\n";
    std::fs::write(folder.path().join("sms.toml"), file).expect("written");
    let output = command(folder.path(), &["--config", "sms.toml", "config", "check"])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("CANARY"), "{said}");
    assert!(
        said.contains("sms.toml") && said.contains("line 2") && said.contains("provider"),
        "{said}"
    );
}

#[tokio::test]
async fn a_message_survives_a_restart_and_is_delivered_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("SMS_ROLES", "api")]);
    let (_, accepted) =
        server.post("k1", &json!({"to": "+79251234567", "text": "hi"})).await.expect("a reply");
    server.kill();
    let server = Server::start(folder.path(), &[]);
    server
        .wait_for(accepted["id"].as_str().expect("an id"), "delivered", Duration::from_secs(45))
        .await;
}

#[tokio::test]
async fn keys_create_prints_just_a_key_that_works_until_it_is_revoked() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let run = |arguments: &[&str]| {
        let output = command(folder.path(), arguments).output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let key = run(&["keys", "create", "--name", "shop", "--scopes", "send,read"]);
    assert!(key.starts_with("sms_live_") && key.lines().count() == 1, "{key}");
    let get = || async {
        let client = reqwest::Client::new();
        client
            .get(server.url("/v1/messages"))
            .bearer_auth(key.trim())
            .send()
            .await
            .expect("a reply")
            .status()
    };
    assert_eq!(get().await, 200);
    let listed = run(&["keys", "list"]);
    let id =
        listed.lines().find(|line| line.contains("shop")).and_then(|line| line.split('\t').next());
    run(&["keys", "revoke", id.expect("an id")]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while get().await != 401 {
        assert!(Instant::now() < deadline, "still open 5 s after it was revoked");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn sigterm_ends_the_program_in_time_with_nothing_left_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    for n in 0..50 {
        server
            .post(&format!("k{n}"), &json!({"to": "+79251234567", "text": "hi"}))
            .await
            .expect("a reply");
    }
    let before = Instant::now();
    let (_, status) = server.terminate();
    assert!(status.success());
    assert!(before.elapsed() < Duration::from_secs(8), "{:?}", before.elapsed());
    let server = Server::start(folder.path(), &[("SMS_ROLES", "api")]);
    let left = server.get("/v1/messages?status=sending,unknown").await;
    assert_eq!(left["data"], json!([]), "a drained server leaves no message in doubt");
}

#[test]
fn an_unknown_setting_keeps_the_server_from_starting_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command(folder.path(), &["config", "check"])
        .env("SMS_LISTTEN", "x")
        .output()
        .expect("runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("SMS_LISTTEN"));
    let output = command(folder.path(), &["config", "check"])
        .env("SMS_STORE", "oracle:x")
        .output()
        .expect("runs");
    assert!(!output.status.success(), "an address nobody knows");
    let output = command(folder.path(), &["config", "check"]).output().expect("runs");
    assert!(output.status.success());
}

#[tokio::test]
async fn the_log_holds_no_number_no_text_and_no_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("SMS_LOG", "trace")]);
    let body = json!({"to": "+79250001234", "text": "CANARY-TEXT"});
    let (_, accepted) = server.post("k1", &body).await.expect("a reply");
    server
        .wait_for(accepted["id"].as_str().expect("an id"), "delivered", Duration::from_secs(10))
        .await;
    server.get("/v1/messages?to=%2B79250001234&q=CANARY-TEXT").await;
    let log = server.log_so_far().await;
    assert!(log.contains("serving"));
    for canary in ["79250001234", "9250001234", "CANARY-TEXT", ADMIN_KEY] {
        let line = log.lines().find(|line| line.contains(canary));
        assert_eq!(line, None, "{canary}");
    }
}

#[test]
fn migrate_says_how_far_the_schema_is_and_not_just_that_it_is_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command(folder.path(), &["migrate"]).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    let known = printed.strip_prefix("The schema of the store is at level ");
    assert!(
        known.is_some_and(|rest| rest.ends_with(", the newest that this program knows.\n")),
        "{printed}"
    );
}

#[tokio::test]
async fn a_server_whose_database_was_removed_accepts_nothing_that_a_restart_would_not_find() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[("SMS_ROLES", "api")]);
    let body = json!({"to": "+79251234567", "text": "hi"});
    let (status, _) = server.post("before", &body).await.expect("a reply");
    assert_eq!(status, 202);
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    std::fs::rename(&data, &away).expect("moved");
    for n in 0..20 {
        let (status, refused) = server.post(&format!("away{n}"), &body).await.expect("a reply");
        assert_eq!(status, 503, "{refused}");
    }
    assert!(!data.exists(), "an empty database was made in its place");
    std::fs::rename(&away, &data).expect("moved back");
    let (status, accepted) = server.post("back", &body).await.expect("a reply");
    assert_eq!(status, 202, "{accepted}");
    server.kill();
    let server = Server::start(folder.path(), &[("SMS_ROLES", "api")]);
    let id = accepted["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.get(&format!("/v1/messages/{id}")).await["status"], "queued");
}
