//! The account, its messages and everything else that changes while the simulator runs.

pub(crate) mod account;
pub(crate) mod call_checks;
pub(crate) mod clock;
pub(crate) mod limits;
pub(crate) mod messages;
pub(crate) mod schedule;
pub(crate) mod state;
pub(crate) mod stop_list;
pub(crate) mod tokens;
