//! The path of the messages of a worker.

pub(crate) mod late;
pub(crate) mod probe;
pub(crate) mod submit;
