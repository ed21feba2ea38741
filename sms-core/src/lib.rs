// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`Archive`]: Archive
//! [`Class`]: Class
//! [`Error`]: Error
//! [`ErrorKind`]: ErrorKind
//! [`EventStream`]: EventStream
//! [`Failover`]: Failover
//! [`MemoryQueue`]: MemoryQueue
//! [`MemoryRegistry`]: MemoryRegistry
//! [`MemoryStore`]: MemoryStore
//! [`Message`]: Message
//! [`OnUnknown::ResendOnce`]: OnUnknown::ResendOnce
//! [`OutcomeClass`]: OutcomeClass
//! [`Provider`]: Provider
//! [`Queue`]: Queue
//! [`RecordingProvider`]: RecordingProvider
//! [`Registry`]: Registry
//! [`Rollups`]: Rollups
//! [`Sandbox`]: Sandbox
//! [`Sender`]: Sender
//! [`Sms`]: Sms
//! [`Sms::events`]: Sms::events
//! [`Store`]: Store
//! [`TRANSITIONS`]: store::status::TRANSITIONS
//! [`Worker`]: Worker
//! [`Worklists`]: Worklists
//!
#![doc = include_str!("../README.md")]

mod attempt_log;
pub mod clock;
pub mod end_log;
pub mod erasure;
pub mod error;
pub mod instruments;
pub mod lane;
pub mod memory;
pub mod message;
mod numbered;
pub mod outage;
pub mod provider;
pub mod queue;
pub mod registry;
pub mod rollups;
pub mod sender;
pub mod sms;
pub mod stop_list;
pub mod store;
pub mod supervise;
pub mod transfer;
pub mod watched;
pub mod worker;
pub mod worklists;

pub use async_trait::async_trait;
pub use clock::{Clock, ManualClock, StoreClock, StoreTime, SystemClock};
pub use erasure::Erasure;
pub use error::{Error, ErrorKind, FieldError, Result, StoreFault};
pub use futures_util::Stream;
pub use lane::{Lane, PerLane};
pub use memory::{MemoryQueue, MemoryRegistry, MemoryStore};
pub use message::phone::{NumberReader, PhoneNumber, Region};
pub use message::{
    Class, ClassPolicy, Message, MessageId, Metadata, NewMessage, OnUnknown, Route, SandboxAction,
    SendOptions, StoredMessage,
};
pub use outage::Outage;
pub use provider::failover::Failover;
pub use provider::money::Money;
pub use provider::outcome::{Outcome, OutcomeClass};
pub use provider::receipt::{Receipt, ReceiptState};
pub use provider::recording::RecordingProvider;
pub use provider::sandbox::Sandbox;
pub use provider::{
    Account, AccountInfo, Callback, CallbackRefusal, CallbackReply, CallbackRequest, Callbacks,
    Explanation, IncomingReceipts, LateAnswer, LateAnswers, Limits, Price, PriceQuery, Prices,
    Provider, Receipts, Submission,
};
pub use queue::{Job, Lease, Queue};
pub use registry::Registry;
pub use rollups::Rollups;
pub use sender::Sender;
pub use sms::{EventStream, LogReader, Sms};
pub use stop_list::StopList;
pub use store::count::MessageCount;
pub use store::event::{Event, EventDetails, EventKind, Evidence};
pub use store::inference::UnmatchedId;
pub use store::page::{MessagePage, SearchedTo};
pub use store::retry::RetryPolicy;
pub use store::schema::SchemaLevel;
pub use store::status::Status;
pub use store::{Archive, Scope, Store};
pub use tokio_util::sync::CancellationToken;
pub use transfer::Transfer;
pub use watched::Watched;
pub use worker::Worker;
pub use worker::control::ProviderControl;
pub use worklists::Worklists;
pub use {serde_json, time};
