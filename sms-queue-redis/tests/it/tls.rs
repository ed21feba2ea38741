//! Tests of `rediss://`, with a self-signed certificate.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sms_core::{ErrorKind, Lane, Queue as _};
use sms_queue_redis::RedisConfig;

use crate::support::{Server, free_port, jobs, jobs_of, patient, pull_all, push, queue};

/// Makes a self-signed certificate for 127.0.0.1: the files `cert.pem` and `key.pem`.
fn make_certificate(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=sms-test",
        ])
        .args([
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .output()
        .expect("this test needs the program openssl");
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
}

fn server(clients: &str) -> Server {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make_certificate(folder.path());
    let arguments =
        ["--save", "", "--port", "0", "--tls-port", "PORT", "--tls-cert-file", "cert.pem"];
    let more = [
        "--tls-key-file",
        "key.pem",
        "--tls-ca-cert-file",
        "cert.pem",
        "--tls-auth-clients",
        clients,
    ];
    let path = |argument: &&str| -> String {
        if std::path::Path::new(argument).extension().is_some_and(|extension| extension == "pem") {
            folder.path().join(argument).display().to_string()
        } else {
            (*argument).to_owned()
        }
    };
    let arguments: Vec<String> = arguments.iter().chain(&more).map(path).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Server::start_in(folder, free_port(), &arguments)
}

#[tokio::test]
async fn jobs_pass_through_tls() {
    let server = server("no");
    let ca = server.folder().join("cert.pem");
    let url = format!("rediss://127.0.0.1:{}?ca_file={}", server.port, ca.display());
    let queue = queue(patient(RedisConfig::from_url(&url).expect("an address")));
    let pushed = jobs(Lane::Normal, 10);
    push(&queue, &pushed).await;
    assert_eq!(jobs_of(&pull_all(&queue, 10).await), pushed);
    assert_eq!(queue.pull(1, Duration::from_millis(700)).await.expect("a wait"), []);
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_it() {
    let server = server("yes");
    let (cert, key) = (server.folder().join("cert.pem"), server.folder().join("key.pem"));
    let url = format!("rediss://127.0.0.1:{}?ca_file={}", server.port, cert.display());
    let with = format!("{url}&cert_file={}&key_file={}", cert.display(), key.display());
    push(
        &queue(patient(RedisConfig::from_url(&with).expect("an address"))),
        &jobs(Lane::Normal, 1),
    )
    .await;
    let without = queue(patient(RedisConfig::from_url(&url).expect("an address")));
    without.stats().await.expect_err("it is not let in");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_a_matter_of_configuration() {
    let server = server("no");
    let queue = queue(patient(RedisConfig::new("127.0.0.1", server.port).tls(true)));
    let error = queue.stats().await.expect_err("it is not trusted");
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_keeps_no_call_waiting() {
    let server = Server::start();
    let queue = queue(server.config().tls(true).connect_timeout(Duration::from_secs(1)));
    let error = queue.stats().await.expect_err("there is no TLS");
    assert!(matches!(error.kind(), ErrorKind::Config | ErrorKind::Unavailable), "{error:?}");
}
