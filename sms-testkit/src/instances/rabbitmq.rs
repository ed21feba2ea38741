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

use super::instance::{Instance, run_blocking};
use super::programs;
use super::server::{Folder, Helper, Server, poll, run};
use crate::ports::Port;

/// Folder of the scripts on Debian. The scripts with the same names in PATH switch to another user,
/// who may not read the folder of the test.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// A `RabbitMQ` server that belongs to one test, without plugins, with the user `guest`. It
/// dereferences to [`Instance`].
///
/// A start takes some seconds: tests that do not stop or break the server should share one.
pub struct RabbitMq {
    instance: Instance,
    node: Node,
}

impl RabbitMq {
    /// Starts a server with the default settings.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with these lines in its `rabbitmq.conf`, such as
    /// `("consumer_timeout", "10000")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().fold(String::new(), |mut lines, (name, value)| {
            let _ = writeln!(lines, "{name} = {value}");
            lines
        });
        let (server, node) = run_blocking(move || describe(&settings)).await;
        let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", server.port.number());
        Self { instance: Instance::start(url, server).await, node }
    }

    /// Runs `rabbitmqctl` on this node and returns its output without headings. A call takes a
    /// second or two.
    ///
    /// # Panics
    ///
    /// Panics if the command fails.
    pub async fn ctl(&self, arguments: &[&str]) -> String {
        let mut command = self.node.command("rabbitmqctl");
        command.args(["--quiet", "--timeout", "60", "--node", &self.node.name]).args(arguments);
        run_blocking(move || run(command)).await
    }

    /// Makes the server close the connections of all clients, as an operator can. A call takes a
    /// second or two.
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

/// The settings that the scripts need to address this node and no other.
struct Node {
    name: String,
    folder: PathBuf,
    port: u16,
    /// Port for other nodes and for `rabbitmqctl`.
    internal: Port,
    /// Port of epmd, the daemon that knows the ports of nodes. The instance has its own one: one
    /// that is started for the whole system would outlive the test.
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

    /// Starts epmd.
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

/// The command and the folder of a server with these settings, and the node in it.
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
    // With these the script replaces itself by the server, so that the process to be signalled is
    // the server and not a shell around it.
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
    // Erlang refuses a cookie that others could read.
    fs::set_permissions(cookie, Permissions::from_mode(0o400)).expect("the file is ours");
}

/// Checks that the server answers the start of a sign-in. It listens only after everything else has
/// started.
fn serves(connection: &mut TcpStream) -> io::Result<bool> {
    connection.write_all(b"AMQP\0\0\x09\x01")?;
    // A method frame (1) on channel 0, its length, then the method: connection (10), start (10).
    let mut frame = [0; 11];
    connection.read_exact(&mut frame)?;
    Ok(frame[..3] == [1, 0, 0] && frame[7..] == [0, 10, 0, 10])
}
