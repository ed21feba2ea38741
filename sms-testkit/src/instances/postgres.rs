//! PostgreSQL.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::instance::{Instance, run_blocking};
use super::programs;
use super::server::{Folder, Server, run};
use crate::ports::Port;

/// A PostgreSQL server that belongs to one test, with the superuser `postgres` and no password. It
/// dereferences to [`Instance`].
pub struct Postgres(Instance);

impl Postgres {
    /// Starts a server with 100 connections and durable commits.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with these settings of `postgresql.conf`, such as
    /// `("max_connections", "10")` or, if the test does not depend on durability,
    /// `("fsync", "off")` for speed.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let settings: Vec<String> =
            settings.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        let server = run_blocking(move || describe(&settings)).await;
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", server.port.number());
        Self(Instance::start(url, server).await)
    }
}

impl Deref for Postgres {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

/// Creates the data folder, and returns the command and the folder of a server on it.
fn describe(settings: &[String]) -> Server {
    let programs =
        find().expect("initdb and postgres are not found: install PostgreSQL (Debian: postgresql)");
    let (folder, port) = (Folder::new(), Port::free());
    let user = rustix::process::geteuid().is_root().then(unprivileged);
    if let Some((user, group)) = user {
        chown(folder.path(), Some(user), Some(group)).expect("root may give a folder away");
    }
    let command = |program: &str| {
        let mut command = programs::command(&programs.join(program), folder.path());
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        command.arg("-D").arg(folder.join("data"));
        command
    };
    // `-N` does not sync what initdb writes, which saves some seconds: a test does not outlive a
    // crash of the machine.
    let mut initdb = command("initdb");
    initdb.args([
        "-A",
        "trust",
        "-N",
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-instructions",
    ]);
    run(initdb);
    let mut postgres = command("postgres");
    configure(&mut postgres, folder.path(), &port);
    postgres.args(settings);
    let mut server = Server::new("PostgreSQL", (folder, port), postgres, serves);
    // The signals that `pg_ctl stop` sends in its modes fast and immediate.
    (server.stop, server.kill) = (Signal::INT, Signal::QUIT);
    server
}

fn configure(postgres: &mut Command, folder: &Path, port: &Port) {
    postgres.arg(format!("--port={}", port.number()));
    postgres.arg(format!("--unix_socket_directories={}", folder.display()));
    postgres.args(["--listen_addresses=127.0.0.1", "--shared_buffers=16MB", "--huge_pages=off"]);
}

/// The folder with the programs. PATH often has links to some of them only.
fn find() -> Option<PathBuf> {
    let linked = programs::find("initdb", &[]).and_then(|link| fs::canonicalize(link).ok());
    let linked = linked.and_then(|program| Some(program.parent()?.to_owned()));
    let mut folders = linked.into_iter().chain(programs::versions("/usr/lib/postgresql", "bin"));
    folders.find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
}

/// The user and group of the server if the test runs as root, which PostgreSQL refuses.
fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .expect(
            "PostgreSQL does not run as root: add a user named postgres, \
             or run the tests as another user",
        )
}

/// Checks that a client can sign in. While the server recovers, it answers with an error.
fn serves(connection: &mut TcpStream) -> io::Result<bool> {
    const SIGN_IN: &[u8] = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    const AUTHENTICATED: [u8; 9] = *b"R\0\0\0\x08\0\0\0\0";
    let length = u32::try_from(SIGN_IN.len() + 4).map_err(io::Error::other)?;
    connection.write_all(&[&length.to_be_bytes(), SIGN_IN].concat())?;
    let mut answer = [0; 9];
    connection.read_exact(&mut answer)?;
    // Ends the session: otherwise the server logs a client that disconnected unexpectedly.
    connection.write_all(b"X\0\0\0\x04")?;
    Ok(answer == AUTHENTICATED)
}
