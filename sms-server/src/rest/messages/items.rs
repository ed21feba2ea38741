//! Streaming splitter of a JSON object into the items of one of its lists.
//!
//! The body is never in memory as a whole: an item is handed over when it is complete, and dropped.
//! The rest of the body, with an empty object in place of each item, is read at the end like any
//! other body: the same rules apply to everything outside of the items. Positions in errors are
//! those in the body as it was sent.

use serde_json::value::RawValue;

/// The text in the rest in place of an item.
const PLACEHOLDER: &[u8] = b"{}";
/// The byte order mark, which some programs write first. JSON has none.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Splits the first `most` items off the first list with this name; more items stay in the rest.
#[derive(Debug)]
pub(crate) struct ItemSplitter {
    name: &'static str,
    most: usize,
    rest: Vec<u8>,
    item: Vec<u8>,
    state: State,
    /// The place of the next byte.
    place: Position,
    item_place: Position,
    items: Vec<Removed>,
    is_split: bool,
}

/// State of the splitter.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Outside of the items: the number of open brackets, and the last string of the object itself
    /// in the rest.
    Rest { depth: usize, last: Span, key: Span },
    /// In a string outside of the items, with its start in the rest.
    RestString { depth: usize, start: usize, key: Span, is_escaped: bool },
    /// In the list, between two items.
    List,
    /// In an item, with the number of its open brackets.
    Item { depth: usize },
    /// In a string of an item.
    ItemString { depth: usize, is_escaped: bool },
    /// In a number, or a word such as `true`.
    Scalar,
}

/// A part of the rest; empty where there is none.
type Span = (usize, usize);

/// A place in the body: complete lines before it, and bytes before it in its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    lines: usize,
    bytes: usize,
}

/// An item that is not in the rest.
#[derive(Clone, Copy, Debug)]
struct Removed {
    /// The end of its placeholder.
    end: usize,
    /// The end of the item in the body.
    place: Position,
}

impl Position {
    fn pass(&mut self, bytes: &[u8]) {
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                *self = Self { lines: self.lines + 1, bytes: 0 };
            }
            self.bytes += line.len();
        }
    }
}

impl ItemSplitter {
    pub(crate) fn new(name: &'static str, most: usize) -> Self {
        Self {
            name,
            most,
            rest: Vec::new(),
            item: Vec::new(),
            state: State::Rest { depth: 0, last: (0, 0), key: (0, 0) },
            place: Position::default(),
            item_place: Position::default(),
            items: Vec::new(),
            is_split: false,
        }
    }

    /// Reads the next bytes of the body, and hands each item that they complete to `each`.
    ///
    /// The error tells why an item, or the body before it, is no JSON.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(&RawValue),
    ) -> Result<(), String> {
        loop {
            let (run, next) = bytes.split_at(self.run_length(bytes));
            self.copy(run);
            let Some((byte, rest)) = next.split_first() else { return Ok(()) };
            self.take(*byte, each)?;
            self.place.pass(&[*byte]);
            if self.rest == BOM {
                (self.rest, self.place) = (Vec::new(), Position::default());
            }
            bytes = rest;
        }
    }

    /// The number of bytes before the next one that can change the state. Nearly all bytes of a
    /// large body are in such runs, and a run is copied several times faster than byte by byte.
    fn run_length(&self, bytes: &[u8]) -> usize {
        let end = match self.state {
            State::Item { .. } => {
                bytes.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'))
            }
            State::ItemString { is_escaped: false, .. }
            | State::RestString { is_escaped: false, .. } => {
                bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'))
            }
            _ => Some(0),
        };
        end.unwrap_or(bytes.len())
    }

    /// Takes bytes that do not change the state.
    fn copy(&mut self, run: &[u8]) {
        match self.state {
            State::RestString { .. } => self.rest.extend_from_slice(run),
            _ => self.item.extend_from_slice(run),
        }
        self.place.pass(run);
    }

    /// The body without its items, at its end. It includes an item that is not complete.
    pub(crate) fn rest(&mut self) -> &[u8] {
        self.rest.append(&mut self.item);
        &self.rest
    }

    /// The text of an error in the rest, with its place in the body.
    pub(crate) fn explain(&self, error: &serde_json::Error) -> String {
        let lines =
            self.rest.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
        let at = (lines.map(<[u8]>::len).sum::<usize>() + error.column()).min(self.rest.len());
        let before = self.items.iter().rev().find(|item| item.end <= at);
        let (from, mut place) =
            before.map_or((0, Position::default()), |item| (item.end, item.place));
        place.pass(&self.rest[from..at]);
        with_place(error, place)
    }

    fn take(&mut self, byte: u8, each: &mut impl FnMut(&RawValue)) -> Result<(), String> {
        match self.state {
            State::Rest { depth, last, key } => self.take_rest(byte, depth, last, key),
            State::RestString { depth, start, key, is_escaped } => {
                self.rest.push(byte);
                self.state = match byte {
                    b'"' if !is_escaped => {
                        State::Rest { depth, last: (start, self.rest.len()), key }
                    }
                    _ => {
                        let is_escaped = byte == b'\\' && !is_escaped;
                        State::RestString { depth, start, key, is_escaped }
                    }
                };
            }
            State::List => self.take_list(byte),
            State::Item { depth } => {
                self.item.push(byte);
                match byte {
                    b'"' => self.state = State::ItemString { depth, is_escaped: false },
                    b'{' | b'[' => self.state = State::Item { depth: depth + 1 },
                    b'}' | b']' if depth > 1 => self.state = State::Item { depth: depth - 1 },
                    b'}' | b']' => return self.finish_item(None, byte, each),
                    _ => {}
                }
            }
            State::ItemString { depth, is_escaped } => {
                self.item.push(byte);
                match byte {
                    b'"' if !is_escaped && depth == 0 => return self.finish_item(None, byte, each),
                    b'"' if !is_escaped => self.state = State::Item { depth },
                    _ => {
                        let is_escaped = byte == b'\\' && !is_escaped;
                        self.state = State::ItemString { depth, is_escaped };
                    }
                }
            }
            State::Scalar => match byte {
                b',' | b']' | b'}' | b'[' | b'{' | b'"' | b' ' | b'\t' | b'\r' | b'\n' => {
                    self.finish_item(Some(byte), byte, each)?;
                    self.take_list(byte);
                }
                _ => self.item.push(byte),
            },
        }
        Ok(())
    }

    fn take_rest(&mut self, byte: u8, depth: usize, last: Span, key: Span) {
        let start = self.rest.len();
        self.rest.push(byte);
        self.state = match byte {
            b'"' => State::RestString { depth, start, key, is_escaped: false },
            b':' if depth == 1 => State::Rest { depth, last: (0, 0), key: last },
            b',' if depth == 1 => State::Rest { depth, last: (0, 0), key: (0, 0) },
            b'[' if depth == 1 && last == (0, 0) && self.begins_list(key) => {
                self.is_split = true;
                State::List
            }
            b'{' | b'[' => State::Rest { depth: depth + 1, last: (0, 0), key },
            b'}' | b']' => State::Rest { depth: depth.saturating_sub(1), last: (0, 0), key },
            _ => State::Rest { depth, last, key },
        };
    }

    /// Tells whether the list after this key is the one to split.
    fn begins_list(&self, key: Span) -> bool {
        let is_named =
            |key: &[u8]| serde_json::from_slice::<String>(key).is_ok_and(|key| key == self.name);
        !self.is_split
            && self.most > 0
            && self.rest.first() != Some(&b'[')
            && is_named(&self.rest[key.0..key.1])
    }

    /// A byte between two items, or the first of one.
    fn take_list(&mut self, byte: u8) {
        match byte {
            b']' => {
                self.rest.push(byte);
                self.state = State::Rest { depth: 1, last: (0, 0), key: (0, 0) };
            }
            b',' | b' ' | b'\t' | b'\r' | b'\n' | b'}' | b':' => self.rest.push(byte),
            _ if self.items.len() == self.most => {
                // One too many: it stays in the rest, with everything after it.
                self.state = State::Rest { depth: 2, last: (0, 0), key: (0, 0) };
                self.take_rest(byte, 2, (0, 0), (0, 0));
            }
            _ => {
                self.item.push(byte);
                self.item_place = self.place;
                self.state = match byte {
                    b'"' => State::ItemString { depth: 0, is_escaped: false },
                    b'{' | b'[' => State::Item { depth: 1 },
                    _ => State::Scalar,
                };
            }
        }
    }

    /// Hands over a complete item. `after` is the byte after it that ended it, if one did.
    fn finish_item(
        &mut self,
        after: Option<u8>,
        last: u8,
        each: &mut impl FnMut(&RawValue),
    ) -> Result<(), String> {
        let item = match serde_json::from_slice::<&RawValue>(&self.item) {
            Ok(item) => item,
            Err(error) => return Err(self.explain_item(error, after)),
        };
        each(item);
        self.rest.extend_from_slice(PLACEHOLDER);
        let mut place = self.place;
        if after.is_none() {
            place.pass(&[last]);
        }
        self.item.clear();
        self.items.push(Removed { end: self.rest.len(), place });
        self.state = State::List;
        Ok(())
    }

    /// The text of the first error in the body up to the end of this item.
    fn explain_item(&mut self, error: serde_json::Error, after: Option<u8>) -> String {
        // An error before the item comes first.
        self.rest.extend_from_slice(PLACEHOLDER);
        if let Err(earlier) = serde_json::from_slice::<&RawValue>(&self.rest)
            && !earlier.is_eof()
        {
            return self.explain(&earlier);
        }
        self.item.extend(after);
        let error = match serde_json::from_slice::<&RawValue>(&self.item) {
            Err(with_what_follows) if error.is_eof() => with_what_follows,
            _ => error,
        };
        let lines = error.line().saturating_sub(1);
        let bytes = if lines == 0 { self.item_place.bytes } else { 0 } + error.column();
        // serde_json sees the item alone; in the list the same error is a missing comma.
        with_place(&error, Position { lines: self.item_place.lines + lines, bytes })
            .replace("trailing characters", "expected `,` or `]`")
    }
}

/// The text of an error with another place.
fn with_place(error: &serde_json::Error, place: Position) -> String {
    let text = error.to_string();
    let own = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&own).unwrap_or(&text);
    format!("{what} at line {} column {}", place.lines + 1, place.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items and the error of a body that comes in pieces of this size.
    fn split(body: &[u8], size: usize) -> Result<(Vec<String>, String), String> {
        let (mut splitter, mut items) = (ItemSplitter::new("messages", 3), Vec::new());
        for piece in body.chunks(size) {
            splitter.push(piece, &mut |item: &RawValue| items.push(item.get().to_owned()))?;
        }
        let rest = splitter.rest().to_vec();
        match serde_json::from_slice::<&RawValue>(&rest) {
            Ok(_) => Ok((items, String::from_utf8(rest).unwrap())),
            Err(error) => Err(splitter.explain(&error)),
        }
    }

    #[test]
    fn items_are_split_off_wherever_the_pieces_end() {
        let body = br#" {"a":["x",{"messages":[1]}],
            "m\u0065ssages" : [ {"to":"]}\"","n":[1,{}]} ,"s\\", -1.5e3
            ,{"too":"many"},[]],"messages":[2]} "#;
        for size in 1..body.len() {
            let (items, rest) = split(body, size).unwrap();
            assert_eq!(items, [r#"{"to":"]}\"","n":[1,{}]}"#, r#""s\\""#, "-1.5e3"]);
            assert!(rest.contains("[ {} ,{}, {}"), "{rest}");
            assert!(rest.contains(r#",{"too":"many"},[]],"messages":[2]} "#), "{rest}");
        }
        for whole in
            [&br#"[{"messages":[1]}]"#[..], br#"{"messages":{"messages":[1]}}"#, b"null", b"{}"]
        {
            let text = String::from_utf8(whole.to_vec()).unwrap();
            assert_eq!(split(whole, 4), Ok((Vec::new(), text)));
        }
        let marked = b"\xef\xbb\xbf{\"messages\":[1]}";
        assert_eq!(split(marked, 2), Ok((vec!["1".to_owned()], r#"{"messages":[{}]}"#.to_owned())));
    }

    #[test]
    fn what_is_wrong_is_found_where_it_is_in_the_body_as_it_is_read_whole() {
        let good = br#"{"messages": [{"to":"+79251234567", "n":[1,null]}
            , {"text":"a\u044fb"},
            true ,
            {"a":{"b":"c"}}, {"d":[]}], "x": {"y": "z"}}"#;
        let mut random = fastrand::Rng::with_seed(7);
        let (mut refused, mut taken) = (0, 0);
        for _ in 0..20_000 {
            let mut body = good.to_vec();
            for _ in 0..random.usize(1..3) {
                let at = random.usize(..body.len());
                match random.u8(..3) {
                    0 => body.truncate(at.max(1)),
                    1 => drop(body.remove(at)),
                    _ => body[at] = *random.choice(b"{}[],:\"\\ \n1tx").unwrap(),
                }
                if body.is_empty() {
                    break;
                }
            }
            let text = String::from_utf8_lossy(&body).into_owned();
            let whole =
                serde_json::from_slice::<&RawValue>(&body).map_err(|error| error.to_string());
            let pieces = split(&body, random.usize(1..=body.len().max(1)));
            match (whole, pieces) {
                (Ok(_), Ok(_)) => taken += 1,
                (Err(whole), Err(pieces)) => {
                    refused += 1;
                    assert_eq!(pieces, whole, "{text}");
                }
                (whole, pieces) => panic!("{whole:?} and {pieces:?}: {text}"),
            }
        }
        assert!(refused > 1000 && taken > 1000, "{refused} {taken}");
    }
}
