//! A call of an API method.

use std::net::IpAddr;

use crate::simulator::params::Params;

/// The parts of an HTTP request that a method needs.
pub(crate) struct ApiCall {
    /// The path of the method: `sms/send`.
    pub(crate) method: String,
    pub(crate) params: Params,
    pub(crate) peer: IpAddr,
    /// The HTTP method is GET.
    pub(crate) is_get: bool,
}
