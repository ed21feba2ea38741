//! Every operation of the REST API with what the API document says about it.

mod bulk;
mod events;
mod examples;
mod keys;
mod messages;
mod state;

use crate::http::operation::Operation;

/// Every operation. There is no other route.
pub(crate) fn operations() -> Vec<Operation> {
    [
        messages::operations(),
        bulk::operations(),
        events::operations(),
        state::operations(),
        keys::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
