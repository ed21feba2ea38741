//! Addresses of services, and the errors if they are missing.

use std::net::TcpListener;

use sms_testkit::services::{amqp_url, pg_url, redis_url};

use crate::rerun;

/// Variable that selects the service in a child process.
const ASKED: &str = "SMS_TESTKIT_ASKED";

/// Body of the child process that the other tests run with variables set; not a test itself.
#[test]
fn asks() {
    let url = match std::env::var(ASKED).as_deref() {
        Ok("SMS_TEST_PG_URL") => pg_url(),
        Ok("SMS_TEST_REDIS_URL") => redis_url(),
        Ok("SMS_TEST_AMQP_URL") => amqp_url(),
        _ => return,
    };
    println!("found {url}");
}

/// Output of a child process that asks for the service of a variable.
fn ask(variable: &str, url: &str) -> String {
    let output = rerun::command("services::asks").env(ASKED, variable).env(variable, url).output();
    let output = output.expect("this program runs");
    [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat()
}

const ADDRESSES: [(&str, &str); 3] = [
    ("SMS_TEST_PG_URL", "postgres://u:secret@127.0.0.1:PORT/db"),
    ("SMS_TEST_REDIS_URL", "redis://:secret@127.0.0.1:PORT/0"),
    ("SMS_TEST_AMQP_URL", "amqp://u:secret@127.0.0.1:PORT/%2f"),
];

#[test]
fn the_variable_names_the_address() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port().to_string();
    for (variable, url) in ADDRESSES {
        let url = url.replace("PORT", &port);
        let output = ask(variable, &url);
        assert!(output.contains(&format!("found {url}\n")), "{output}");
    }
}

#[test]
fn a_missing_service_fails_with_one_line_that_names_the_variable_and_the_fix() {
    for (variable, url) in ADDRESSES {
        // Nothing listens on port 1.
        let output = ask(variable, &url.replace("PORT", "1"));
        let lines: Vec<&str> = output.lines().filter(|line| line.contains(variable)).collect();
        assert_eq!(lines.len(), 1, "{output}");
        for part in ["is missing", "127.0.0.1:1 ", "`make services`"] {
            assert!(lines[0].contains(part), "{part}: {output}");
        }
        assert!(!output.contains("secret"), "{output}");
    }
}

#[test]
fn an_invalid_address_fails_with_one_line_that_names_the_variable() {
    let output = ask("SMS_TEST_PG_URL", "secret");
    assert!(output.contains("the address in SMS_TEST_PG_URL is not a URL"), "{output}");
    assert!(!output.contains("secret"), "{output}");
}
