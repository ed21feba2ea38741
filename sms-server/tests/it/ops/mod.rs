//! What watches over the process asks here.

#[cfg(feature = "sqlite")]
mod readiness;
