//! A RabbitMQ node for one test, which can be stopped, killed and put under an alarm.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

/// Time that a node has to start.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// A node with its data in a temporary folder; killed when this is dropped.
pub(crate) struct Broker {
    folder: TempDir,
    node: String,
    port: u16,
    distribution: u16,
    server: Option<Child>,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let node = format!("sms-test-{:08x}@localhost", fastrand::u32(..));
        let (port, distribution) = (free_port(), free_port());
        let mut broker = Self { folder, node, port, distribution, server: None };
        broker.run().await;
        broker
    }

    pub(crate) fn address(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts the node, the first time or again, and waits until it takes connections.
    pub(crate) async fn run(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("out")).expect("a log");
        let server = self.command("rabbitmq-server").stdout(log).stderr(Stdio::null()).spawn();
        self.server = Some(
            server.unwrap_or_else(|error| panic!("{}: {error}", missing(&bin("rabbitmq-server")))),
        );
        let end = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "RabbitMQ did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops the node as an operator does.
    pub(crate) async fn stop(&mut self) {
        self.control(&["stop"]).await;
        self.kill();
    }

    /// Ends the node the way a crash does.
    ///
    /// Not to be used within seconds of the first start: RabbitMQ 3.10 may then never find a leader
    /// again for a queue that was declared just before.
    pub(crate) fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        if let Ok(pid) = std::fs::read_to_string(self.pid_file()) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
        // The process is a shell script, which ends when the node does.
        let _ = server.kill();
        let _ = server.wait();
    }

    /// Runs rabbitmqctl on the node.
    pub(crate) async fn control(&self, arguments: &[&str]) {
        let mut command = self.command("rabbitmqctl");
        command
            .args(["-n", &self.node])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = tokio::process::Command::from(command).status().await;
        let status =
            status.unwrap_or_else(|error| panic!("{}: {error}", missing(&bin("rabbitmqctl"))));
        assert!(status.success(), "rabbitmqctl {arguments:?}: {status}");
    }

    fn command(&self, program: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(bin(program));
        command
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", self.pid_file())
            .env("RABBITMQ_CONFIG_FILE", folder.join("none"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .stdin(Stdio::null());
        command
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Path of a program of RabbitMQ, by default where Debian installs it. The wrappers on the search
/// path run it as another user.
fn bin(program: &str) -> PathBuf {
    let folder = std::env::var("SMS_TEST_RABBITMQ_BIN")
        .unwrap_or_else(|_| "/usr/lib/rabbitmq/bin".to_owned());
    Path::new(&folder).join(program)
}

fn missing(program: &Path) -> String {
    format!(
        "this test needs the programs of RabbitMQ (SMS_TEST_RABBITMQ_BIN): {}",
        program.display()
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("a port").port()
}
