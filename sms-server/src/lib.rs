// The README is shown by forges, too: there its links lead to files, and here to items. The first
// definition of a link counts.
//! [`App`]: App
//! [`AppBuilder`]: AppBuilder
//! [`App::router`]: App::router
//! [`App::rest`]: App::rest
//! [`App::callbacks`]: App::callbacks
//! [`App::health`]: App::health
//! [`App::monitoring`]: App::monitoring
//! [`Metrics`]: Metrics
//! [`App::docs`]: App::docs
//! [`App::ui`]: App::ui
//! [`AppBuilder::public_url`]: AppBuilder::public_url
//! [`KeyRing`]: KeyRing
//! [`ApiKey`]: ApiKey
//! [`KeyScope`]: KeyScope
//! [`CallbackEndpoint`]: CallbackEndpoint
//! [`Secrets`]: Secrets
//! [`http`]: http
//!
#![doc = include_str!("../README.md")]

#[cfg(feature = "program")]
pub mod adapters;
mod api_docs;
mod app;
mod bulk;
mod callbacks;
#[cfg(feature = "program")]
pub mod cli;
#[cfg(feature = "program")]
mod config;
mod hex;
pub mod http;
mod imports;
mod keys;
#[cfg(feature = "program")]
pub mod logging;
mod ops;
#[cfg(feature = "program")]
mod output;
mod resend;
mod rest;
#[cfg(feature = "program")]
mod rollups;
mod routes;
mod secret_hash;
mod secrets;
#[cfg(feature = "program")]
mod serve;
mod sessions;
#[cfg(feature = "program")]
mod store_marks;
mod ui;

pub use app::callbacks::{CallbackEndpoint, callback_path};
pub use app::metrics::Metrics;
pub use app::public_url::PublicUrl;
pub use app::time_zone::TimeZone;
pub use app::{App, AppBuilder};
pub use axum;
#[cfg(feature = "program")]
pub use cli::run;
#[cfg(feature = "program")]
pub use config::{Config, LogFilter, LogFormat, LogRotation, Role};
pub use http::network::IpNetwork;
pub use keys::{
    ApiKey, Client, IssuedKey, KeyDetails, KeyKind, KeyRing, KeyScope, NewKey, Principal,
};
#[cfg(feature = "program")]
pub use output::print_error;
pub use routes::openapi;
pub use secrecy;
pub use secrets::Secrets;
#[cfg(feature = "program")]
pub use serve::serve;
