//! Adapters that keep everything in memory: for tests, for examples, and the queue of a single
//! process.

mod queue;
mod registry;
mod row;
mod store;

pub use queue::MemoryQueue;
pub use registry::MemoryRegistry;
pub use store::MemoryStore;
