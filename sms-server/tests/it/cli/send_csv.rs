//! `send-csv`, against the real server.

use std::path::Path;
use std::process::Output;

use crate::process::{ADMIN_KEY, Server, command};

const FILE: &str = "phone;name\n79251234567;Anna\n79251234568;Ivan\n7,92512E+10;Olga\n";

/// Runs `send-csv` with a file.
async fn run(folder: &Path, server: &Server, file: &str, arguments: &[&str]) -> Output {
    std::fs::write(folder.join("clients.csv"), file).expect("written");
    let arguments = [&["send-csv", "clients.csv"], arguments].concat();
    let mut command = command(folder, &arguments);
    command.env("SMS_URL", server.url("")).env("SMS_KEY", ADMIN_KEY);
    command.stdin(std::process::Stdio::null());
    tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("ends")
}

fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn a_file_is_shown_sent_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let arguments = ["--text", "hi {name}", "--yes", "--report", "report.csv"];
    let sent = run(folder.path(), &server, FILE, &arguments).await;
    let (said, complaint) = printed(&sent);
    assert_eq!(sent.status.code(), Some(1), "a row was not sent: {said} {complaint}");
    for line in [
        "row 2 to +79251234567, 1 part: hi Anna",
        "row 4 is wrong: phone: 7,92512E+10: was rounded",
        "3 rows: 2 to send with 2 parts, 1 wrong",
        "2 of 3 rows were accepted",
    ] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
    assert!(complaint.contains("1 of 3 rows were not sent"), "{complaint}");
    assert_eq!(server.list("queued,sending,sent,delivered").await.len(), 2);
    let report = std::fs::read_to_string(folder.path().join("report.csv")).expect("a report");
    assert_eq!(report.lines().count(), 4, "{report}");
    assert!(report.contains("4;7,92512E+10;invalid;;phone_rounded;"), "{report}");

    let good = FILE.lines().take(2).collect::<Vec<_>>().join("\n");
    let arguments = ["--text", "bye {name}", "--yes"];
    let sent = run(folder.path(), &server, &good, &arguments).await;
    assert!(sent.status.success(), "{:?}", printed(&sent));
}

#[tokio::test]
async fn nothing_is_sent_without_a_confirmation() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    for (arguments, words) in [
        (vec!["--text", "hi"], "--yes"),
        (vec!["--text", "hi", "--dry-run"], "1 of 3 rows are wrong"),
        (vec!["--text", "hi {sum}", "--yes"], "text: the file has no column named sum"),
        (vec!["--yes"], "text: is required"),
    ] {
        let refused = run(folder.path(), &server, FILE, &arguments).await;
        let (_, complaint) = printed(&refused);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {complaint}");
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let good = "79251234567\n";
    let checked = run(folder.path(), &server, good, &["--text", "hi", "--dry-run"]).await;
    assert!(checked.status.success(), "{:?}", printed(&checked));
    for (file, words) in [
        ("phone\nnobody\n", "no row can be sent"),
        ("phone\n", "the body: has no row below the names of its columns"),
    ] {
        let refused = run(folder.path(), &server, file, &["--text", "hi", "--yes"]).await;
        let (_, complaint) = printed(&refused);
        assert!(complaint.contains(words), "{complaint}");
    }
    assert!(server.list("queued,sending,sent,delivered").await.is_empty());
    let imports = server.get("/v1/imports").await;
    assert_eq!(imports["data"].as_array().map(Vec::len), Some(0), "{imports}");
}
