//! What tests are told about services.

use std::net::TcpListener;

use sms_testkit::services::{amqp_url, pg_url, redis_url};

use crate::rerun;

/// Tells the test below which service to ask for.
const ASKED: &str = "SMS_TESTKIT_ASKED";

/// Not a test by itself: what the others run with variables set.
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

/// All that is printed by a test that asks for the service of a variable.
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
        let said = ask(variable, &url);
        assert!(said.contains(&format!("found {url}\n")), "{said}");
    }
}

#[test]
fn a_missing_service_fails_with_one_line_that_names_the_variable_and_the_way_out() {
    for (variable, url) in ADDRESSES {
        // Nobody listens on port 1.
        let said = ask(variable, &url.replace("PORT", "1"));
        let lines: Vec<&str> = said.lines().filter(|line| line.contains(variable)).collect();
        assert_eq!(lines.len(), 1, "{said}");
        for part in ["is missing", "127.0.0.1:1 ", "`make services`"] {
            assert!(lines[0].contains(part), "{part}: {said}");
        }
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn an_address_that_is_none_fails_with_one_line_that_names_the_variable() {
    let said = ask("SMS_TEST_PG_URL", "secret");
    assert!(said.contains("the address in SMS_TEST_PG_URL is not a URL"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
