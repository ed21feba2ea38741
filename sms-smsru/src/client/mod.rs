//! The HTTP client of the sms.ru API, and what it remembers between requests.

pub(crate) mod api_client;
pub(crate) mod block;
pub(crate) mod http;
pub(crate) mod session;
