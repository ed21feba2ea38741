//! Opening of connections to one server, to a master that sentinels name, or to a cluster.

#[cfg(any(feature = "sentinel", feature = "cluster"))]
use std::sync::Arc;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo,
    RedisResult,
};
use secrecy::ExposeSecret as _;
use sms_core::{Error, Result};
use tokio::time::timeout;

use crate::address::{Host, Topology};
use crate::config::RedisConfig;
use crate::connection::Connection;
use crate::error::no_connection;

/// Opens connections to the servers of a configuration.
#[derive(Clone)]
pub(crate) struct Connector {
    servers: Servers,
    /// Hosts and ports, for error messages.
    place: String,
    connect_timeout: Duration,
}

#[derive(Clone)]
enum Servers {
    Node(Box<Client>),
    #[cfg(feature = "sentinel")]
    Sentinel(Arc<tokio::sync::Mutex<redis::sentinel::SentinelClient>>),
    #[cfg(feature = "cluster")]
    Cluster(Arc<dyn Fn(Duration) -> RedisResult<redis::cluster::ClusterClient> + Send + Sync>),
}

impl Connector {
    /// Checks the configuration. Does not connect.
    ///
    /// # Errors
    ///
    /// `Config` for an option out of range, a certificate that cannot be read, or a feature that is
    /// off.
    pub(crate) fn new(config: &RedisConfig) -> Result<Self> {
        config.check()?;
        #[cfg(feature = "tls")]
        if config.tls {
            install_tls_provider();
        }
        Ok(Self {
            servers: Servers::new(config).map_err(|error| {
                crate::error::config("the address or a certificate of Redis cannot be used")
                    .with_source(error)
            })?,
            place: config.place(),
            connect_timeout: config.connect_timeout,
        })
    }

    /// Opens a connection on which an answer may take up to `response_timeout`.
    ///
    /// Without a timeout the client would use its default of 500 ms, for blocking reads too.
    pub(crate) async fn connect(&self, response_timeout: Duration) -> Result<Connection> {
        let connecting = self.servers.connect(self.connect_timeout, response_timeout);
        let too_slow = |elapsed| {
            Error::unavailable(
                format!("Redis at {} did not take a connection in time", self.place),
                elapsed,
            )
        };
        let connected = timeout(self.connect_timeout, connecting).await.map_err(too_slow)?;
        connected.map_err(|error| no_connection(&self.place, error))
    }
}

impl Servers {
    fn new(config: &RedisConfig) -> RedisResult<Self> {
        match config.topology {
            Topology::Node => node(config).map(|client| Self::Node(Box::new(client))),
            #[cfg(feature = "sentinel")]
            Topology::Sentinel => sentinel(config)
                .map(|client| Self::Sentinel(Arc::new(tokio::sync::Mutex::new(client)))),
            #[cfg(feature = "cluster")]
            Topology::Cluster => {
                let config = config.clone();
                cluster(&config, config.timeout)?;
                Ok(Self::Cluster(Arc::new(move |response_timeout| {
                    cluster(&config, response_timeout)
                })))
            }
            // Unreachable: the check of the configuration refuses these.
            #[cfg(not(all(feature = "sentinel", feature = "cluster")))]
            _ => Err((redis::ErrorKind::InvalidClientConfig, "the feature is off").into()),
        }
    }

    async fn connect(&self, connect: Duration, response: Duration) -> RedisResult<Connection> {
        let limits = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(response));
        match self {
            Self::Node(client) => {
                let node = client.get_multiplexed_async_connection_with_config(&limits).await?;
                Ok(Connection::Node(node))
            }
            #[cfg(feature = "sentinel")]
            Self::Sentinel(client) => {
                let node = client.lock().await.get_async_connection_with_config(&limits).await?;
                Ok(Connection::Node(node))
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(client) => {
                let cluster = client(response)?.get_async_connection().await?;
                Ok(Connection::Cluster(cluster))
            }
        }
    }
}

fn node(config: &RedisConfig) -> RedisResult<Client> {
    let mut sign_in = RedisConnectionInfo::default().set_db(config.database.into());
    if let Some(username) = &config.username {
        sign_in = sign_in.set_username(username);
    }
    if let Some(password) = &config.password {
        sign_in = sign_in.set_password(password.expose_secret());
    }
    let address = addresses(&config.hosts, config.tls).remove(0);
    let info = address.into_connection_info()?.set_redis_settings(sign_in).set_tcp_settings(tcp());
    #[cfg(feature = "tls")]
    if config.tls {
        return Client::build_with_tls(info, certificates(config));
    }
    Client::open(info)
}

#[cfg(feature = "sentinel")]
fn sentinel(config: &RedisConfig) -> RedisResult<redis::sentinel::SentinelClient> {
    use redis::sentinel::{SentinelClientBuilder, SentinelServerType};

    let sentinels = addresses(&config.hosts, config.tls);
    let mut builder =
        SentinelClientBuilder::new(sentinels, &config.master, SentinelServerType::Master)?
            .set_client_to_redis_db(config.database.into())
            .set_client_to_redis_tcp_settings(tcp())
            .set_client_to_sentinel_tcp_settings(tcp());
    if let Some(username) = &config.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = &config.password {
        builder = builder.set_client_to_redis_password(password.expose_secret());
    }
    if let Some(username) = &config.sentinel_username {
        builder = builder.set_client_to_sentinel_username(username);
    }
    if let Some(password) = &config.sentinel_password {
        builder = builder.set_client_to_sentinel_password(password.expose_secret());
    }
    #[cfg(feature = "tls")]
    if config.tls {
        builder = builder
            .set_client_to_redis_tls_mode(redis::TlsMode::Secure)
            .set_client_to_redis_certificates(certificates(config))
            .set_client_to_sentinel_tls_mode(redis::TlsMode::Secure)
            .set_client_to_sentinel_certificates(certificates(config));
    }
    builder.build()
}

#[cfg(feature = "cluster")]
fn cluster(
    config: &RedisConfig,
    response_timeout: Duration,
) -> RedisResult<redis::cluster::ClusterClient> {
    let nodes = addresses(&config.hosts, config.tls);
    let mut builder = redis::cluster::ClusterClient::builder(nodes)
        .tcp_settings(tcp())
        .connection_timeout(config.connect_timeout)
        .response_timeout(response_timeout)
        // Includes the retries of the client after a redirection or a reconnection.
        .overall_response_timeout(Some(response_timeout));
    if let Some(username) = &config.username {
        builder = builder.username(username);
    }
    if let Some(password) = &config.password {
        builder = builder.password(password.expose_secret());
    }
    #[cfg(feature = "tls")]
    if config.tls {
        builder = builder.tls(redis::TlsMode::Secure).certs(certificates(config));
    }
    builder.build()
}

fn addresses(hosts: &[Host], tls: bool) -> Vec<ConnectionAddr> {
    let address = |(host, port): &Host| {
        let (host, port) = (host.clone(), *port);
        if tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        }
    };
    hosts.iter().map(address).collect()
}

/// Settings of the sockets: without Nagle's algorithm, which delays small commands. The client
/// leaves it on.
fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

#[cfg(feature = "tls")]
fn certificates(config: &RedisConfig) -> redis::TlsCertificates {
    redis::TlsCertificates {
        client_tls: config.client_certificate.as_ref().map(|(certificate, key)| {
            redis::ClientTlsConfig {
                client_cert: certificate.clone(),
                client_key: key.expose_secret().as_bytes().to_vec(),
            }
        }),
        root_cert: config.root_certificate.clone(),
    }
}

/// Installs a rustls provider for the process, because the client panics without one. An
/// application that has installed one keeps it.
#[cfg(feature = "tls")]
fn install_tls_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread has just installed one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}
