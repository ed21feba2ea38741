//! What watches over the process asks here.

mod probes;
#[cfg(feature = "sqlite")]
mod readiness;
