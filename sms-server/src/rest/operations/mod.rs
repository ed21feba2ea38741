//! Every operation of the REST API with what the API document says about it.

mod bulk;
mod erasure;
mod events;
mod examples;
mod imports;
mod keys;
mod messages;
mod sandbox;
mod state;
mod stop_list;

use crate::http::operation::Operation;

/// Every operation. There is no other route.
pub(crate) fn operations() -> Vec<Operation> {
    [
        messages::operations(),
        bulk::operations(),
        imports::operations(),
        events::operations(),
        state::operations(),
        stop_list::operations(),
        erasure::operations(),
        keys::operations(),
        sandbox::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
