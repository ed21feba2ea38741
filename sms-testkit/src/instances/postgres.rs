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

use super::server::{Folder, Server, run};
use super::{Instance, aside, programs};
use crate::ports::Port;

/// A PostgreSQL server of a test's own, with the superuser `postgres` and no password. It
/// dereferences to [`Instance`].
pub struct Postgres(Instance);

impl Postgres {
    /// One with 100 connections, that has on disk what it has committed.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One with these settings of `postgresql.conf`, such as `("max_connections", "10")` or, for
    /// speed where no test depends on it, `("fsync", "off")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let settings: Vec<String> =
            settings.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        let server = aside(move || describe(&settings)).await;
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

/// Makes the data folder, and says how to run a server on it.
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
    // What initdb wrote need not survive the machine: `-N` spares some seconds.
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
    // As `pg_ctl stop` does it in its modes fast and immediate.
    (server.stop, server.kill) = (Signal::INT, Signal::QUIT);
    server
}

fn configure(postgres: &mut Command, folder: &Path, port: &Port) {
    postgres.arg(format!("--port={}", port.number()));
    postgres.arg(format!("--unix_socket_directories={}", folder.display()));
    postgres.args(["--listen_addresses=127.0.0.1", "--shared_buffers=16MB", "--huge_pages=off"]);
}

/// The folder with the programs. PATH has often links to some of them only.
fn find() -> Option<PathBuf> {
    let linked = programs::find("initdb", &[]).and_then(|link| fs::canonicalize(link).ok());
    let linked = linked.and_then(|program| Some(program.parent()?.to_owned()));
    let mut folders = linked.into_iter().chain(programs::versions("/usr/lib/postgresql", "bin"));
    folders.find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
}

/// The user and group to run as in place of root, which PostgreSQL refuses.
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
            "PostgreSQL does not run as root: add a user named postgres, or run the tests as another user",
        )
}

/// Signs in. While it recovers, it answers with an error.
fn serves(connection: &mut TcpStream) -> io::Result<bool> {
    const SIGN_IN: &[u8] = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    const AUTHENTICATED: [u8; 9] = *b"R\0\0\0\x08\0\0\0\0";
    let length = u32::try_from(SIGN_IN.len() + 4).map_err(io::Error::other)?;
    connection.write_all(&[&length.to_be_bytes(), SIGN_IN].concat())?;
    let mut answer = [0; 9];
    connection.read_exact(&mut answer)?;
    // Otherwise it complains in its log about a client who hung up.
    connection.write_all(b"X\0\0\0\x04")?;
    Ok(answer == AUTHENTICATED)
}
