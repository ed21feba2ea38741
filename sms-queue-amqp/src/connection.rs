//! One connection to RabbitMQ.
//!
//! The client's own recovery is left off: it gives up after a number of attempts, sleeps through
//! them where nobody can ask it how it is, and knows nothing of consumers that the broker cancels.
//! Here a connection that failed in any way is dropped whole, and its owner makes a new one and
//! declares and subscribes again; tokens carry the number of their connection, so that what belongs
//! to an old one is known to be the broker's again.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, TLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, ConnectionStatus};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use crate::config::AmqpConfig;
use crate::error::{Failure, within};

/// Between attempts to connect: from the first to the longest wait.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A connection that held this long was a good one: the next attempt comes soon again.
const STEADY: Duration = Duration::from_secs(5);
/// How long a connection may take to say good-bye.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// A connection that is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    connection: Option<Connection>,
    status: ConnectionStatus,
    cutter: Cutter,
    limit: Duration,
}

impl Link {
    /// Connects. `purpose` is part of the name RabbitMQ shows for the connection.
    pub(crate) async fn open(config: &AmqpConfig, purpose: &str) -> Result<Self, Failure> {
        let cutter = Cutter::default();
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("{} ({purpose})", config.prefix).into());
        let opened = within(
            config.timeout,
            "take the connection",
            connect(config, properties, cutter.clone()),
        );
        match opened.await {
            Ok(connection) => {
                let status = connection.status().clone();
                Ok(Self { connection: Some(connection), status, cutter, limit: config.timeout })
            }
            Err(failure) => {
                // The client has a thread that waits for the handshake for ever.
                cutter.cut();
                Err(failure)
            }
        }
    }

    pub(crate) async fn channel(&self) -> Result<Channel, Failure> {
        let connection = self.connection.as_ref().ok_or(Failure::Closed)?;
        within(self.limit, "open a channel", connection.create_channel()).await
    }

    pub(crate) fn status(&self) -> &ConnectionStatus {
        &self.status
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let (Some(connection), cutter) = (self.connection.take(), self.cutter.clone()) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else { return cutter.cut() };
        runtime.spawn(async move {
            // A broker that does not answer would keep the client's thread and the socket for ever.
            let _ = timeout(GOOD_BYE, connection.close(200, "OK".into())).await;
            cutter.cut();
        });
    }
}

async fn connect(
    config: &AmqpConfig,
    properties: ConnectionProperties,
    cutter: Cutter,
) -> lapin::Result<Connection> {
    let limit = config.timeout;
    let (address, runtime) = (config.address(), lapin::runtime::default_runtime()?);
    let connecting = Connection::connector(
        address,
        runtime,
        async move |address, runtime| {
            let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..address.clone() };
            // Not only the caller gives up in time: this runs on the client's own thread.
            let opening = timeout(limit, async {
                let stream = plain.connect_async(&runtime).await?;
                if let AsyncTcpStream::Plain(socket) = &stream {
                    cutter.keep(socket.get_ref());
                }
                match address.scheme {
                    AMQPScheme::AMQP => Ok(stream),
                    AMQPScheme::AMQPS => {
                        stream.into_tls(&address.authority.host, TLSConfig::default()).await
                    }
                }
            });
            Ok(opening.await.map_err(std::io::Error::from)??)
        },
        properties,
    );
    connecting.await
}

/// A second hand on a connection's socket, which ends it whatever the client is doing.
#[derive(Clone, Debug, Default)]
struct Cutter(Arc<Mutex<Option<TcpStream>>>);

impl Cutter {
    #[cfg(unix)]
    fn keep(&self, socket: &impl std::os::fd::AsFd) {
        let copy = socket.as_fd().try_clone_to_owned().ok().map(TcpStream::from);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = copy;
    }

    #[cfg(windows)]
    fn keep(&self, socket: &impl std::os::windows::io::AsSocket) {
        let copy = socket.as_socket().try_clone_to_owned().ok().map(TcpStream::from);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = copy;
    }

    fn cut(&self) {
        if let Some(socket) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // One that is closed already needs no cutting.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// The waits between attempts to connect: longer each time, until a connection held.
#[derive(Debug)]
pub(crate) struct Retry {
    purpose: &'static str,
    waits: ExponentialBackoff,
    since: Instant,
}

impl Retry {
    pub(crate) fn new(purpose: &'static str) -> Self {
        Self { purpose, waits: waits(), since: Instant::now() }
    }

    /// Waits before the next attempt, after one that ended like this.
    pub(crate) async fn pause(&mut self, failure: &Failure) {
        if self.since.elapsed() > STEADY + LONGEST_WAIT {
            self.waits = waits();
        }
        // Each call fails with it meanwhile, and whoever makes them reports it.
        tracing::debug!(purpose = self.purpose, %failure, "RabbitMQ: connecting again");
        sleep(self.waits.next().unwrap_or(LONGEST_WAIT)).await;
        self.since = Instant::now();
    }
}

fn waits() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_jitter()
        .without_max_times()
        .build()
}
