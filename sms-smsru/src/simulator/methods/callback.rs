//! `callback/…`: the addresses that receive callbacks.

use crate::simulator::callbacks::queue::CallbackQueue;
use crate::simulator::methods::reply::Reply;
use crate::simulator::params::Params;

pub(crate) fn add(queue: &mut CallbackQueue, now_ms: i64, params: &Params, quirks: bool) -> Reply {
    let url = params.get("url").unwrap_or_default();
    // The text of 901 requires http://, but the live server accepts https:// as well.
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return Reply::refused(901);
    }
    queue.add(url, now_ms);
    get(queue, quirks)
}

pub(crate) fn del(queue: &mut CallbackQueue, params: &Params, quirks: bool) -> Reply {
    if queue.remove(params.get("url").unwrap_or_default()) {
        get(queue, quirks)
    } else {
        Reply::refused(902)
    }
}

pub(crate) fn get(queue: &CallbackQueue, quirks: bool) -> Reply {
    Reply::ok().list("callback", queue.urls(), quirks)
}
