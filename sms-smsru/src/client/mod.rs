//! The connection to sms.ru.

pub(crate) mod block;
pub(crate) mod http;
pub(crate) mod session;
