//! `callback/add`, `callback/del` and `callback/get`.

use super::account::list;
use super::params::Params;
use super::reply::Reply;
use super::state::{Now, State};

impl State {
    pub(super) fn add_callback(&mut self, now: Now, params: &Params, quirks: bool) -> Reply {
        let url = params.get("url").unwrap_or_default();
        // The words of 901 ask for http://, and the live server took https:// all the same.
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Reply::refused(901);
        }
        self.callbacks.add(url, now.ms);
        self.list_callbacks(quirks)
    }

    pub(super) fn del_callback(&mut self, params: &Params, quirks: bool) -> Reply {
        if self.callbacks.remove(params.get("url").unwrap_or_default()) {
            self.list_callbacks(quirks)
        } else {
            Reply::refused(902)
        }
    }

    pub(super) fn list_callbacks(&self, quirks: bool) -> Reply {
        list(Reply::ok(), "callback", self.callbacks.urls(), quirks)
    }
}
