//! Redis.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;

use super::server::{Folder, Server};
use super::{Instance, aside, programs};
use crate::ports::Port;

/// A Redis server of a test's own. It dereferences to [`Instance`].
pub struct Redis(Instance);

impl Redis {
    /// One that keeps nothing: killed or stopped, it starts again empty.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One that has every write on disk before it answers.
    pub async fn start_persistent() -> Self {
        Self::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]).await
    }

    /// One with these lines in its `redis.conf`, such as `("maxmemory", "1mb")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let settings: String = settings.iter().fold(String::new(), |mut lines, (name, value)| {
            let _ = writeln!(lines, "{name} {value}");
            lines
        });
        let server = aside(move || describe(&settings)).await;
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

fn describe(settings: &str) -> Server {
    let program = programs::find("redis-server", &[]);
    let program =
        program.expect("redis-server is not in PATH: install Redis (Debian: redis-server)");
    let (folder, port) = (Folder::new(), Port::free());
    let config = format!(
        "bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\nappendonly no\nenable-debug-command local\n{settings}",
        port.number(),
        folder.path().display()
    );
    let mut command = programs::command(&program, folder.path());
    command.arg(folder.write("redis.conf", &config));
    Server::new("Redis", (folder, port), command, serves)
}

/// While it loads its data, it answers with an error.
fn serves(connection: &mut TcpStream) -> io::Result<bool> {
    connection.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    connection.read_exact(&mut answer)?;
    Ok(answer == *b"+PONG" || answer.starts_with(b"-NOAU"))
}
