//! `callback/add`, `callback/del` and `callback/get`.

use crate::simulator::http::params::Params;
use crate::simulator::methods::reply::Reply;
use crate::simulator::model::account::list;
use crate::simulator::model::state::{Now, State};

impl State {
    pub(crate) fn add_callback(&mut self, now: Now, params: &Params, quirks: bool) -> Reply {
        let url = params.get("url").unwrap_or_default();
        // The words of 901 ask for http://, and the live server took https:// all the same.
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Reply::refused(901);
        }
        self.callbacks.add(url, now.ms);
        self.list_callbacks(quirks)
    }

    pub(crate) fn del_callback(&mut self, params: &Params, quirks: bool) -> Reply {
        if self.callbacks.remove(params.get("url").unwrap_or_default()) {
            self.list_callbacks(quirks)
        } else {
            Reply::refused(902)
        }
    }

    pub(crate) fn list_callbacks(&self, quirks: bool) -> Reply {
        list(Reply::ok(), "callback", self.callbacks.urls(), quirks)
    }
}
