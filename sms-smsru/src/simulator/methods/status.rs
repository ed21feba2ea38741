//! `sms/status`: the delivery status of messages.

use crate::simulator::config::SimulatorConfig;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::{Reply, Row};
use crate::simulator::methods::status_text;
use crate::simulator::model::messages::Messages;
use crate::simulator::model::state::State;
use crate::simulator::params::Params;

/// The documented maximum of ids. It is not documented what happens with more. Here they get the
/// code for too many numbers.
const MAX_IDS: usize = 100;

pub(crate) fn status(state: &State, config: &SimulatorConfig, params: &Params) -> Reply {
    let ids: Vec<&str> = params
        .first_of(&["sms_id", "id"])
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .collect();
    if ids.is_empty() {
        return Reply::refused(-1);
    }
    if ids.len() > MAX_IDS {
        return Reply::refused(213);
    }
    let rows = ids.into_iter().map(|id| row(&state.messages, id)).collect();
    let reply = Reply::ok().without_first_line().rows(rows);
    // The documentation has a balance here, recorded replies do not.
    if config.quirks { reply } else { reply.field("balance", Json::Money(state.account.balance)) }
}

fn row(messages: &Messages, id: &str) -> Row {
    let Some(message) = messages.find(id) else {
        return Row::refused(id.to_owned(), -1, None);
    };
    let code = message.accepted.status;
    let fields = [
        ("cost", Json::Money(message.accepted.cost)),
        ("status_text", Json::text(status_text::delivery(code))),
    ];
    Row::ok(id.to_owned(), code, fields).line(code.to_string())
}
