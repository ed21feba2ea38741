//! `send` and `status`, against the real server.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::process::{ADMIN_KEY, Server, command};

fn client(folder: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = command(folder, arguments);
    command.env("SMS_URL", url).env("SMS_KEY", ADMIN_KEY);
    command
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "{}", printed(output));
    String::from_utf8(output.stderr.clone()).expect("text")
}

/// Runs a command while the server goes on.
async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("ends")
}

#[tokio::test]
async fn a_message_is_sent_and_followed_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let url = format!("http://{}/", server.address);
    let arguments = ["send", "8 (925) 123-45-67", "Код 1234", "--class", "otp", "--wait"];
    let sent = run(client(folder.path(), &url, &arguments)).await;
    let said = printed(&sent);
    assert!(sent.status.success(), "{said} {}", String::from_utf8_lossy(&sent.stderr));
    let lines: Vec<_> = said.lines().collect();
    assert!(lines.last().expect("lines").starts_with("delivered"), "{said}");
    let status = run(client(folder.path(), &url, &["status", lines[0]])).await;
    assert!(printed(&status).starts_with("delivered"), "{}", printed(&status));
    let shown = server.get(&format!("/v1/messages/{}", lines[0])).await;
    assert_eq!((&shown["text"], &shown["class"]), (&"Код 1234".into(), &"otp".into()));
}

#[tokio::test]
async fn a_text_may_come_from_another_program_and_a_repeat_sends_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let url = format!("http://{}", server.address);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let arguments = ["send", "+79251234567", "--idempotency-key", "backup-7"];
        let mut command = client(folder.path(), &url, &arguments);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("starts");
        let mut input = child.stdin.take().expect("standard input");
        input.write_all("the backup is done\n".as_bytes()).expect("written");
        drop(input);
        let output = tokio::task::spawn_blocking(move || child.wait_with_output());
        ids.push(printed(&output.await.expect("ends").expect("output")));
    }
    assert_eq!(ids[0], ids[1]);
    let path = format!("/v1/messages/{}", ids[0].trim());
    let shown = server.get(&path).await;
    assert_eq!(shown["text"], "the backup is done");
}

#[tokio::test]
async fn what_is_wrong_is_told_in_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let url = format!("http://{}", server.address);
    let nobody = run(client(folder.path(), &url, &["send", "nobody", "hi"])).await;
    assert!(complaint(&nobody).contains("to: "), "{}", complaint(&nobody));
    let id = "01989c1e-7a52-7cc3-9d1f-2b8a5e6f7a10";
    let missing = run(client(folder.path(), &url, &["status", id])).await;
    assert!(complaint(&missing).contains("not found"), "{}", complaint(&missing));
    let mut wrong_key = client(folder.path(), &url, &["status", id]);
    wrong_key.env("SMS_KEY", "sms_live_nothing");
    let wrong_key = complaint(&run(wrong_key).await);
    assert!(wrong_key.contains("SMS_KEY") && !wrong_key.contains("nothing"), "{wrong_key}");
    let mut no_key = client(folder.path(), &url, &["status", id]);
    no_key.env_remove("SMS_KEY");
    assert!(complaint(&run(no_key).await).contains("SMS_KEY"));
    for said in [nobody, missing] {
        assert_eq!(complaint(&said).lines().count(), 1);
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let away = run(client(folder.path(), &url, &["send", "+79251234567", "hi"])).await;
    let said = complaint(&away);
    assert!(said.contains(&url) && said.to_lowercase().contains("connect"), "{said}");
    assert_eq!(printed(&away), "", "no id is printed for a message that was not accepted");
}
