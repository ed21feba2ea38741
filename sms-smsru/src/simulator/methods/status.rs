//! `sms/status`.

use crate::simulator::config::SimulatorConfig;
use crate::simulator::http::params::Params;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::{Reply, Row};
use crate::simulator::methods::status_text;
use crate::simulator::model::state::State;

/// The documented maximum. What happens above it is not; here it is refused like too many numbers.
const MAX_IDS: usize = 100;

impl State {
    pub(crate) fn status(&self, config: &SimulatorConfig, params: &Params) -> Reply {
        let ids: Vec<&str> = params
            .any(&["sms_id", "id"])
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
        let reply =
            Reply::ok().headless().rows(ids.into_iter().map(|id| self.status_of(id)).collect());
        // In the documentation, and not in what was recorded.
        if config.quirks {
            reply
        } else {
            reply.field("balance", Json::Money(self.account.balance))
        }
    }

    fn status_of(&self, id: &str) -> Row {
        let Some(message) = self.messages.find(id) else {
            return Row::refused(id.to_owned(), -1, None);
        };
        let code = message.accepted.status;
        let fields = [
            ("cost", Json::Money(message.accepted.cost)),
            ("status_text", Json::text(status_text::delivery(code))),
        ];
        Row::ok(id.to_owned(), code, fields).line(code.to_string())
    }
}
