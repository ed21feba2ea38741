//! Servers that belong to one test, to be killed, paused and started again.
//!
//! ```no_run
//! use sms_testkit::instances::Postgres;
//!
//! # async fn test() {
//! let postgres = Postgres::start().await;
//! // … a store on postgres.url() …
//! postgres.kill().await;
//! // … what it does without its database …
//! postgres.start_again().await; // on the same port, with the same data
//! # }
//! ```
//!
//! Each server runs in a temporary folder on a free port of 127.0.0.1. When the value is dropped,
//! the process is killed and the folder removed. The same happens when the process of the test ends
//! without dropping the value: when it is killed, or when the instance is a static shared by
//! several tests. Only processes of the instance are signalled.
//!
//! The programs must be installed; nothing is downloaded. A missing program fails the test with one
//! line that says what to install. Linux only.
//!
//! Waiting happens on a thread for blocking work, so that the rest of the test continues and a
//! paused clock of tokio stands still. A start or stop that takes longer than two minutes fails the
//! test.

mod guard;
mod instance;
mod postgres;
mod process;
mod programs;
mod rabbitmq;
mod redis;
mod server;

pub use self::instance::Instance;
pub use self::postgres::Postgres;
pub use self::rabbitmq::RabbitMq;
pub use self::redis::Redis;
