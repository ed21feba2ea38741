//! The addresses of the services that tests run against.
//!
//! An address comes from a variable of the environment, or is the usual one on this machine. That
//! something answers there is tried first: a test whose service is missing fails, with one line
//! that says what to do.
//!
//! | | variable | unless set |
//! | --- | --- | --- |
//! | [`pg_url`] | `SMS_TEST_PG_URL` | `postgres://postgres@127.0.0.1:5432/postgres` |
//! | [`redis_url`] | `SMS_TEST_REDIS_URL` | `redis://127.0.0.1:6379` |
//! | [`amqp_url`] | `SMS_TEST_AMQP_URL` | `amqp://guest:guest@127.0.0.1:5672/%2f` |
//!
//! These servers are shared by all tests: a test makes a schema, a key prefix or a virtual host of
//! its own there, and harms nothing else. One that wants to kill its server takes it from
//! [`instances`](crate::instances).

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::address::host_and_port;

/// How long a service may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(2);

struct Service {
    name: &'static str,
    variable: &'static str,
    standard: &'static str,
}

/// The address of a PostgreSQL server, as one who may create schemas and databases.
///
/// Panics where nothing answers.
#[track_caller]
pub fn pg_url() -> String {
    Service {
        name: "PostgreSQL",
        variable: "SMS_TEST_PG_URL",
        standard: "postgres://postgres@127.0.0.1:5432/postgres",
    }
    .url()
}

/// The address of a Redis server.
///
/// Panics where nothing answers.
#[track_caller]
pub fn redis_url() -> String {
    Service { name: "Redis", variable: "SMS_TEST_REDIS_URL", standard: "redis://127.0.0.1:6379" }
        .url()
}

/// The address of a `RabbitMQ` server.
///
/// Panics where nothing answers.
#[track_caller]
pub fn amqp_url() -> String {
    Service {
        name: "RabbitMQ",
        variable: "SMS_TEST_AMQP_URL",
        standard: "amqp://guest:guest@127.0.0.1:5672/%2f",
    }
    .url()
}

impl Service {
    #[track_caller]
    fn url(&self) -> String {
        let Self { name, variable, standard } = self;
        let named = std::env::var(variable).ok().filter(|url| !url.is_empty());
        let url = named.unwrap_or_else(|| (*standard).to_owned());
        let (host, port) = match host_and_port(&url) {
            Ok(found) => found,
            Err(what) => panic!("{name} is not found: the address in {variable} {what}"),
        };
        if let Err(error) = connect(&host, port) {
            panic!(
                "{name} is missing: nothing answers at {host}:{port} ({error}); \
                 start it with `make services`, or name another address in {variable}"
            );
        }
        url
    }
}

fn connect(host: &str, port: u16) -> io::Result<()> {
    let mut last = io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}
