//! Redis.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;

use super::instance::{Instance, run_blocking};
use super::programs;
use super::server::{Folder, Server};
use crate::ports::Port;

/// A Redis server that belongs to one test. It dereferences to [`Instance`].
pub struct Redis(Instance);

impl Redis {
    /// Starts a server without persistence: it is empty after a restart.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server that writes every change to disk before it answers.
    pub async fn start_persistent() -> Self {
        Self::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]).await
    }

    /// Starts a server with these lines in its `redis.conf`, such as `("maxmemory", "1mb")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let settings: String = settings.iter().fold(String::new(), |mut lines, (name, value)| {
            let _ = writeln!(lines, "{name} {value}");
            lines
        });
        let server = run_blocking(move || describe(&settings)).await;
        let url = format!("redis://127.0.0.1:{}", server.port.number());
        Self(Instance::start(url, server).await)
    }
}

impl Deref for Redis {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

/// The command and the folder of a server with these settings.
fn describe(settings: &str) -> Server {
    let program = programs::find("redis-server", &[]);
    let program =
        program.expect("redis-server is not in PATH: install Redis (Debian: redis-server)");
    let (folder, port) = (Folder::new(), Port::free());
    let config = format!(
        "bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\nappendonly no\n\
         enable-debug-command local\n{settings}",
        port.number(),
        folder.path().display()
    );
    let mut command = programs::command(&program, folder.path());
    command.arg(folder.write("redis.conf", &config));
    Server::new("Redis", (folder, port), command, serves)
}

/// Checks that the server answers. While it loads its data, it answers with an error.
fn serves(connection: &mut TcpStream) -> io::Result<bool> {
    connection.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    connection.read_exact(&mut answer)?;
    Ok(answer == *b"+PONG" || answer.starts_with(b"-NOAU"))
}
