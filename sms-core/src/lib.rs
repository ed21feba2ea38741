// The README is read on a forge, too: there its links lead to files, here to items. The first
// definition counts.
//! [`Sender`]: Sender
//! [`Store`]: Store
//! [`Worker`]: Worker
//! [`Provider`]: Provider
//! [`Queue`]: Queue
//! [`state::TRANSITIONS`]: state::TRANSITIONS
//! [`OutcomeClass`]: OutcomeClass
//! [`MemoryStore`]: MemoryStore
//! [`MemoryQueue`]: MemoryQueue
//! [`MemoryRegistry`]: MemoryRegistry
//! [`Sandbox`]: Sandbox
//! [`RecordingProvider`]: RecordingProvider
//! [`Failover`]: Failover
//!
#![doc = include_str!("../README.md")]

pub mod breaker;
pub mod caretaker;
pub mod class;
pub mod clock;
pub mod ends;
pub mod error;
pub mod event;
pub mod failover;
mod fallback;
mod gsm7;
pub mod inference;
mod invisible;
pub mod ledger;
pub mod memory;
pub mod message;
pub mod money;
pub mod new_event;
pub mod outage;
pub mod outcome;
pub mod page;
pub mod phone;
pub mod provider;
mod pusher;
pub mod queue;
pub mod receipt;
pub mod recording;
pub mod registry;
pub mod retry;
pub mod sandbox;
pub mod schema;
pub mod sender;
pub mod state;
pub mod steering;
pub mod store;
pub mod supervise;
pub mod text;
pub mod timeline;
pub mod transition;
pub mod translit;
pub mod watched;
pub mod worker;

pub use async_trait::async_trait;
pub use class::{Class, ClassPolicy, OnUnknown};
pub use clock::{Clock, ManualClock, StoreClock, StoreTime, SystemClock};
pub use error::{Error, ErrorKind, FieldError, Result, StoreFault};
pub use event::{Event, EventDetails, EventKind, Evidence};
pub use failover::Failover;
pub use inference::UnmatchedId;
pub use memory::{MemoryQueue, MemoryRegistry, MemoryStore};
pub use message::{Message, MessageId, Metadata, NewMessage, SendOptions, StoredMessage};
pub use money::Money;
pub use outage::Outage;
pub use outcome::{Outcome, OutcomeClass};
pub use page::{MessagePage, SearchedTo};
pub use phone::{NumberReader, PhoneNumber, Region};
pub use provider::{
    Account, AccountInfo, Explanation, LateAnswer, LateAnswers, Limits, Provider, Receipts,
    Submission,
};
pub use queue::{Job, Lane, Lease, Queue};
pub use receipt::{Receipt, ReceiptState};
pub use recording::RecordingProvider;
pub use registry::Registry;
pub use retry::RetryPolicy;
pub use sandbox::Sandbox;
pub use schema::SchemaLevel;
pub use sender::Sender;
pub use state::Status;
pub use steering::Steering;
pub use store::{Scope, Store};
pub use tokio_util::sync::CancellationToken;
pub use watched::Watched;
pub use worker::Worker;
