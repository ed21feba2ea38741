//! What watches over the process asks here.

pub(crate) mod health;
