//! One connection to RabbitMQ.
//!
//! The recovery of the client library (lapin) is left off: it gives up after a number of attempts,
//! cannot be asked for its state while it waits, and does not notice a consumer that RabbitMQ
//! cancels. Instead, a connection that failed in any way is dropped whole, and its owner opens a
//! new one, declares the queues and subscribes again. Lease tokens hold the number of their
//! connection, so that a lease of an old connection is known to be RabbitMQ's again.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, TLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, ConnectionProperties, ConnectionStatus};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::config::AmqpConfig;
use crate::error::{Failure, within};

/// Time that RabbitMQ has to answer the close of a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection that is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Option<lapin::Connection>,
    status: ConnectionStatus,
    socket: SocketHandle,
    timeout: Duration,
}

impl Connection {
    /// Connects. `purpose` is part of the name that RabbitMQ shows for the connection.
    pub(crate) async fn open(config: &AmqpConfig, purpose: &str) -> Result<Self, Failure> {
        let socket = SocketHandle::default();
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("{} ({purpose})", config.prefix).into());
        let connecting = connect(config, properties, socket.clone());
        match within(config.timeout, "take the connection", connecting).await {
            Ok(client) => {
                let status = client.status().clone();
                Ok(Self { client: Some(client), status, socket, timeout: config.timeout })
            }
            Err(failure) => {
                // A thread of the client waits for the handshake without a limit.
                socket.shut_down();
                Err(failure)
            }
        }
    }

    /// Opens a channel.
    pub(crate) async fn channel(&self) -> Result<Channel, Failure> {
        let client = self.client.as_ref().ok_or(Failure::Closed)?;
        within(self.timeout, "open a channel", client.create_channel()).await
    }

    pub(crate) fn status(&self) -> &ConnectionStatus {
        &self.status
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (Some(client), socket) = (self.client.take(), self.socket.clone()) else { return };
        let Ok(runtime) = Handle::try_current() else { return socket.shut_down() };
        runtime.spawn(async move {
            let _ = timeout(CLOSE_TIMEOUT, client.close(200, "OK".into())).await;
            // If RabbitMQ does not answer, the client would keep its thread and the socket.
            socket.shut_down();
        });
    }
}

async fn connect(
    config: &AmqpConfig,
    properties: ConnectionProperties,
    socket: SocketHandle,
) -> lapin::Result<lapin::Connection> {
    let limit = config.timeout;
    let (address, runtime) = (config.address(), lapin::runtime::default_runtime()?);
    let connecting = lapin::Connection::connector(
        address,
        runtime,
        async move |address, runtime| {
            let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..address.clone() };
            // A time limit of its own, for this runs on the client's thread and goes on when the
            // caller has given up.
            let opening = timeout(limit, async {
                let stream = plain.connect_async(&runtime).await?;
                if let AsyncTcpStream::Plain(tcp) = &stream {
                    socket.store(tcp.get_ref());
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

/// A second handle of a connection's socket, to shut it down whatever the client is doing.
#[derive(Clone, Debug, Default)]
struct SocketHandle(Arc<Mutex<Option<TcpStream>>>);

impl SocketHandle {
    #[cfg(unix)]
    fn store(&self, socket: &impl std::os::fd::AsFd) {
        let copy = socket.as_fd().try_clone_to_owned().ok().map(TcpStream::from);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = copy;
    }

    #[cfg(windows)]
    fn store(&self, socket: &impl std::os::windows::io::AsSocket) {
        let copy = socket.as_socket().try_clone_to_owned().ok().map(TcpStream::from);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = copy;
    }

    fn shut_down(&self) {
        if let Some(socket) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An error means that it is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
