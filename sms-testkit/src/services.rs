//! Addresses of the services that tests use.
//!
//! An address comes from an environment variable, or is the usual one on this machine. The
//! functions check that something answers there. If a service is missing, the test fails with one
//! line that says what to do.
//!
//! | function | variable | default |
//! | --- | --- | --- |
//! | [`pg_url`] | `SMS_TEST_PG_URL` | `postgres://postgres@127.0.0.1:5432/postgres` |
//! | [`redis_url`] | `SMS_TEST_REDIS_URL` | `redis://127.0.0.1:6379` |
//! | [`amqp_url`] | `SMS_TEST_AMQP_URL` | `amqp://guest:guest@127.0.0.1:5672/%2f` |
//!
//! All tests share these servers: a test creates a schema, a key prefix or a virtual host for
//! itself, and touches nothing else. A test that kills its server starts one with
//! [`instances`](crate::instances).

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::address::host_and_port;

/// Time limit of a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

struct Service {
    name: &'static str,
    variable: &'static str,
    default: &'static str,
}

/// The address of a PostgreSQL server, with a user that may create schemas and databases.
///
/// # Panics
///
/// Panics if nothing answers there.
#[track_caller]
pub fn pg_url() -> String {
    Service {
        name: "PostgreSQL",
        variable: "SMS_TEST_PG_URL",
        default: "postgres://postgres@127.0.0.1:5432/postgres",
    }
    .url()
}

/// The address of a Redis server.
///
/// # Panics
///
/// Panics if nothing answers there.
#[track_caller]
pub fn redis_url() -> String {
    Service { name: "Redis", variable: "SMS_TEST_REDIS_URL", default: "redis://127.0.0.1:6379" }
        .url()
}

/// The address of a `RabbitMQ` server.
///
/// # Panics
///
/// Panics if nothing answers there.
#[track_caller]
pub fn amqp_url() -> String {
    Service {
        name: "RabbitMQ",
        variable: "SMS_TEST_AMQP_URL",
        default: "amqp://guest:guest@127.0.0.1:5672/%2f",
    }
    .url()
}

impl Service {
    #[track_caller]
    fn url(&self) -> String {
        let Self { name, variable, default } = self;
        let named = std::env::var(variable).ok().filter(|url| !url.is_empty());
        let url = named.unwrap_or_else(|| (*default).to_owned());
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
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}
