//! Adapters as someone outside of this workspace writes them: a [`Provider`](sms_core::Provider)
//! with every ability, a [`Queue`](sms_core::Queue), a [`Store`](sms_core::Store) and a
//! [`Registry`](sms_core::Registry).
//!
//! They pass the conformance suites, but their purpose is another one: they prove that the
//! contracts can grow. The adapters read the fields they know and build every request and result
//! with its public constructor and setters, as code outside of `sms-core` has to do with a
//! `#[non_exhaustive]` type. All of that code is in this crate:
//!
//! * [`copy`](mod@copy) builds requests and results of the store from their parts.
//! * `provider`, `queue` and `registry` build theirs where they answer.
//!
//! To see the proof, add a field to any request or result of a trait in `sms-core`, and run
//! `cargo check -p outside --all-targets`. Nothing here has to change. It is the same with a new
//! ability of `Provider`, which has a default.
//!
//! If the suite checks the new field, its test fails here like in any adapter that does not know
//! the field yet. Add the field in [`copy`](mod@copy) then.

#![allow(
    clippy::field_reassign_with_default,
    reason = "outside of sms-core the fields of a `#[non_exhaustive]` type can only be assigned"
)]

pub mod copy;
pub mod provider;
pub mod queue;
pub mod registry;
pub mod store;

pub use provider::OutsideProvider;
pub use queue::OutsideQueue;
pub use registry::OutsideRegistry;
pub use store::OutsideStore;
