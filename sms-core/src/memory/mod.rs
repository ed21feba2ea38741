//! Adapters in memory: for tests and examples, and the queue of a single process.

mod erasure;
mod queue;
mod registry;
mod rollups;
mod row;
mod search;
mod stops;
mod store;
mod tables;
mod worklists;

pub use queue::MemoryQueue;
pub use registry::MemoryRegistry;
pub use store::MemoryStore;
