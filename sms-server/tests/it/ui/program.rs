//! Links of the real program.

use std::path::Path;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::process::{ADMIN_KEY, Server, command};

const NO_ADMIN_KEY: (&str, &str) = ("SMS_ADMIN_KEY", "");

/// Signs in with a link as the page does.
async fn sign_in(server: &Server, token: &str) -> Response {
    let request = Client::new().post(server.url("/ui/session"));
    request.json(&json!({ "token": token })).send().await.expect("a reply")
}

/// The token in a link that was printed for this server.
fn token_in(printed: &str) -> String {
    let link = printed.lines().find(|line| line.contains("/signin#")).expect("a link");
    link.split_once('#').expect("a token").1.to_owned()
}

/// Runs `signin` on the store of a folder; what it prints.
fn link(folder: &Path, arguments: &[&str]) -> String {
    let arguments = [&["signin"], arguments].concat();
    let output = command(folder, &arguments).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn the_first_start_prints_a_link_that_signs_in_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Server::start(folder.path(), &[NO_ADMIN_KEY]);
    let (address, log) = (first.address.to_string(), first.log.clone());
    let (printed, _) = first.terminate();
    let token = token_in(&printed);
    assert!(printed.contains(&format!("http://{address}/signin#{token}")), "{printed}");
    assert!(!log.lock().expect("the log").contains(&token), "a token is in the log");

    let second = Server::start(folder.path(), &[NO_ADMIN_KEY, ("SMS_LISTEN", &address)]);
    let replies = tokio::join!(sign_in(&second, &token), sign_in(&second, &token));
    let mut statuses = [replies.0.status().as_u16(), replies.1.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "exactly one wins");
    let won = if replies.0.status() == 200 { replies.0 } else { replies.1 };
    let cookie = won.headers()["set-cookie"].to_str().expect("text").to_owned();
    let session: Value = won.json().await.expect("JSON");
    assert_eq!(session["scopes"], json!(["send", "read", "admin"]), "{session}");
    let cookie = cookie.split(';').next().expect("a cookie");
    let request = Client::new().post(second.url("/v1/messages")).header("cookie", cookie);
    let request = request.header("x-requested-with", "sms-ui");
    let sent = request.json(&json!({"to": "+79251234567", "text": "hi"})).send().await;
    assert_eq!(sent.expect("a reply").status(), 202);
    let late: Value = sign_in(&second, &token).await.json().await.expect("JSON");
    assert_eq!(late["code"], "signin_link_invalid", "{late}");
}

#[tokio::test]
async fn signin_prints_just_a_link_that_works_at_a_running_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let printed = link(folder.path(), &["--name", "Olga", "--scopes", "read"]);
    assert!(printed.starts_with("http://127.0.0.1:8080/signin#sms_link_"), "{printed}");
    assert_eq!(printed.lines().count(), 1, "{printed}");
    let session: Value = sign_in(&server, &token_in(&printed)).await.json().await.expect("JSON");
    assert_eq!((&session["name"], &session["scopes"]), (&json!("Olga"), &json!(["read"])));
    assert_eq!(session["client"]["name"], "Olga", "{session}");
    let log = server.log_so_far().await;
    assert!(log.contains("signed in") && log.contains("Olga"), "{log}");
    assert!(!log.contains("sms_link_") && !log.contains("sms_session_"), "{log}");
}

#[test]
fn signin_takes_the_address_and_the_client_of_the_installation() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut signin = command(folder.path(), &["signin", "--name", "Olga"]);
    signin.env("SMS_PUBLIC_URL", "https://example.org/sms");
    let printed = String::from_utf8(signin.output().expect("runs").stdout).expect("text");
    assert!(printed.starts_with("https://example.org/sms/signin#"), "{printed}");
    let wrong: [(&[&str], &str); 3] = [
        (&["--client", "nobody"], "--client: no client has this id or name"),
        (&["--scopes", "all"], "known are send, read, admin"),
        (&["--scopes", ""], "unknown scope"),
    ];
    for (arguments, said) in wrong {
        let arguments = [&["signin", "--name", "Olga"], arguments].concat();
        let output = command(folder.path(), &arguments).output().expect("runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_process_without_the_role_has_no_pages_and_prints_no_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[NO_ADMIN_KEY, ("SMS_ROLES", "api,worker")]);
    for path in ["/", "/signin", "/ui/session"] {
        let request = Client::new().get(server.url(path)).header("accept", "text/html");
        assert_eq!(request.send().await.expect("a reply").status(), 404, "{path}");
    }
    let (printed, _) = server.terminate();
    assert!(printed.contains("curl") && !printed.contains("signin"), "{printed}");
}

#[tokio::test]
async fn many_wrong_sign_ins_from_one_address_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let client = Client::new();
    let wrong = [json!({"token": "sms_link_x"}), json!({"key": "sms_live_x"})];
    for body in wrong.iter().cycle().take(20) {
        let request = client.post(server.url("/ui/session")).json(body);
        assert_eq!(request.send().await.expect("a reply").status(), 401);
    }
    let good = json!({ "key": ADMIN_KEY });
    for body in wrong.iter().chain([&good]) {
        let request = client.post(server.url("/ui/session")).json(body);
        let reply = request.send().await.expect("a reply");
        assert_eq!(reply.status(), 429, "{body}");
        assert!(reply.headers().contains_key("retry-after"));
    }
}
