//! `stoplist/…`: the stop-list of the account.

use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::Reply;
use crate::simulator::model::stop_list::StopList;
use crate::simulator::params::Params;
use crate::simulator::phone::Phone;

pub(crate) fn add(list: &mut StopList, params: &Params) -> Reply {
    let Some(number) = number(params) else {
        return Reply::refused(202);
    };
    list.add(number, params.get("stoplist_text").unwrap_or_default());
    Reply::ok()
}

pub(crate) fn del(list: &mut StopList, params: &Params) -> Reply {
    let Some(number) = number(params) else {
        return Reply::refused(202);
    };
    list.remove(number);
    Reply::ok()
}

pub(crate) fn get(list: &StopList) -> Reply {
    let entries = list.entries();
    let lines = entries.iter().map(|(number, note)| format!("{number};{note}"));
    let reply = lines.fold(Reply::ok(), Reply::line);
    let entry =
        |(number, note): &(u64, String)| (number.to_string().into(), Json::text(note.clone()));
    // PHP writes an empty array as a list, also where it is meant as a map.
    let json = if entries.is_empty() {
        Json::List(Vec::new())
    } else {
        Json::Map(entries.iter().map(entry).collect())
    };
    reply.field("stoplist", json)
}

fn number(params: &Params) -> Option<u64> {
    Phone::read(params.get("stoplist_phone")?).number
}
