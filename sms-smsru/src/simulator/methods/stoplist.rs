//! The account's stop-list: `stoplist/add`, `stoplist/del` and `stoplist/get`.

use std::collections::HashSet;

use crate::simulator::http::params::Params;
use crate::simulator::methods::json::Json;
use crate::simulator::methods::reply::Reply;
use crate::simulator::phone::Phone;

/// Numbers that get 209, with a note on each, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct StopList {
    notes: Vec<(u64, String)>,
    numbers: HashSet<u64>,
}

impl StopList {
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.numbers.contains(&number)
    }

    pub(crate) fn add(&mut self, number: u64, note: &str) {
        self.remove(number);
        self.numbers.insert(number);
        self.notes.push((number, note.to_owned()));
    }

    fn remove(&mut self, number: u64) {
        if self.numbers.remove(&number) {
            self.notes.retain(|(stopped, _)| *stopped != number);
        }
    }

    pub(crate) fn add_reply(&mut self, params: &Params) -> Reply {
        let Some(number) = number(params) else {
            return Reply::refused(202);
        };
        self.add(number, params.get("stoplist_text").unwrap_or_default());
        Reply::ok()
    }

    pub(crate) fn del_reply(&mut self, params: &Params) -> Reply {
        let Some(number) = number(params) else {
            return Reply::refused(202);
        };
        self.remove(number);
        Reply::ok()
    }

    pub(crate) fn get_reply(&self) -> Reply {
        let lines = self.notes.iter().map(|(number, note)| format!("{number};{note}"));
        let reply = lines.fold(Reply::ok(), Reply::line);
        let entry =
            |(number, note): &(u64, String)| (number.to_string().into(), Json::text(note.clone()));
        // An empty array is a list to PHP, whatever it was meant for.
        let list = if self.notes.is_empty() {
            Json::List(Vec::new())
        } else {
            Json::Map(self.notes.iter().map(entry).collect())
        };
        reply.field("stoplist", list)
    }
}

fn number(params: &Params) -> Option<u64> {
    Phone::read(params.get("stoplist_phone")?).number
}
