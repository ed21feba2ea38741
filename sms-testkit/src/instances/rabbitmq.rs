//! `RabbitMQ`.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::server::{Folder, Helper, Server, poll, run};
use super::{Instance, aside, programs};
use crate::ports::Port;

/// Debian has scripts of the same names in PATH that change the user, and with it what the server
/// may read.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// A `RabbitMQ` server of a test's own, without plugins, with the user `guest`. It dereferences to
/// [`Instance`].
///
/// It takes some seconds to start: let tests that do it no harm share one.
pub struct RabbitMq {
    instance: Instance,
    node: Node,
}

impl RabbitMq {
    /// One with the defaults.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One with these lines in its `rabbitmq.conf`, such as `("consumer_timeout", "10000")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().fold(String::new(), |mut lines, (name, value)| {
            let _ = writeln!(lines, "{name} = {value}");
            lines
        });
        let (server, node) = aside(move || describe(&settings)).await;
        let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", server.port.number());
        Self { instance: Instance::start(url, server).await, node }
    }

    /// Runs `rabbitmqctl` on this node and gives what it prints, without its headings. It takes a
    /// second or two.
    ///
    /// Panics if it fails.
    pub async fn ctl(&self, arguments: &[&str]) -> String {
        let mut command = self.node.command("rabbitmqctl");
        command.args(["--quiet", "--timeout", "60", "--node", &self.node.name]).args(arguments);
        aside(move || run(command)).await
    }

    /// Has the server close the connections of all clients, as an operator may. It takes a second
    /// or two.
    pub async fn close_all_connections(&self) {
        self.ctl(&["close_all_connections", "closed by the test"]).await;
    }
}

impl Deref for RabbitMq {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

/// What the scripts have to know to mean this node and no other.
struct Node {
    name: String,
    folder: PathBuf,
    port: u16,
    /// For what nodes say to each other, and `rabbitmqctl` to them.
    internal: Port,
    /// Of the daemon that knows the ports of nodes: one of our own, for the system's would stay
    /// when we are gone.
    epmd: Port,
}

impl Node {
    fn command(&self, script: &str) -> Command {
        let program = programs::find(script, &[PathBuf::from(SCRIPTS)]);
        let program = program.unwrap_or_else(|| {
            panic!("{script} is not found: install RabbitMQ (Debian: rabbitmq-server)")
        });
        let mut command = programs::command(&program, &self.folder);
        let file = |name: &str| self.folder.join(name);
        command
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.internal.number().to_string())
            .env("RABBITMQ_CONF_ENV_FILE", file("rabbitmq-env.conf"))
            .env("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", file("mnesia"))
            .env("RABBITMQ_LOG_BASE", file("logs"))
            .env("RABBITMQ_PID_FILE", file("pid"))
            .env("ERL_FLAGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.epmd.number().to_string());
        command
    }

    /// Starts the daemon that knows the ports of nodes.
    fn epmd(&self) -> Helper {
        let program = programs::find("epmd", &programs::versions("/usr/lib/erlang", "bin"));
        let program = program.expect("epmd is not found: install Erlang (Debian: erlang-base)");
        let port = self.epmd.number();
        let mut command = programs::command(&program, &self.folder);
        command.args(["-address", "127.0.0.1", "-port", &port.to_string()]).process_group(0);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let epmd = Helper(child.expect("epmd starts"));
        let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!(poll(Duration::from_secs(10), listens), "epmd does not start");
        epmd
    }
}

fn describe(settings: &str) -> (Server, Node) {
    let (folder, port) = (Folder::new(), Port::free());
    prepare(&folder, settings);
    let node = Node {
        name: format!("sms-testkit-{}@localhost", port.number()),
        folder: folder.path().to_owned(),
        port: port.number(),
        internal: Port::free(),
        epmd: Port::free(),
    };
    let mut command = node.command("rabbitmq-server");
    // The script becomes the server then, and the process we know is the server itself, not a shell
    // around it.
    command.env("RABBITMQ_ALLOW_INPUT", "1").env("RABBITMQ_SERVER_START_ARGS", "-noinput");
    let epmd = node.epmd();
    let mut server = Server::new("RabbitMQ", (folder, port), command, serves);
    server.helper = Some(epmd);
    (server, node)
}

fn prepare(folder: &Folder, settings: &str) {
    let config = format!("log.console = false\ndisk_free_limit.absolute = 1MB\n{settings}");
    folder.write("rabbitmq.conf", &config);
    folder.write("rabbitmq-env.conf", "");
    folder.write("advanced.config", "[].\n");
    folder.write("enabled_plugins", "[].\n");
    let secret: String = std::iter::repeat_with(fastrand::alphanumeric).take(20).collect();
    let cookie = folder.write(".erlang.cookie", &secret);
    // Erlang takes no cookie that others could read.
    fs::set_permissions(cookie, Permissions::from_mode(0o400)).expect("the file is ours");
}

/// Begins to sign in. It listens only once everything else has started.
fn serves(connection: &mut TcpStream) -> io::Result<bool> {
    connection.write_all(b"AMQP\0\0\x09\x01")?;
    // A frame of a method (1) on channel 0, its length, then the method: connection (10), start
    // (10).
    let mut frame = [0; 11];
    connection.read_exact(&mut frame)?;
    Ok(frame[..3] == [1, 0, 0] && frame[7..] == [0, 10, 0, 10])
}
