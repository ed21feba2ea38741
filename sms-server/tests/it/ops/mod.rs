//! What watches over the process asks here.

mod metrics;
mod probes;
#[cfg(feature = "sqlite")]
mod readiness;
