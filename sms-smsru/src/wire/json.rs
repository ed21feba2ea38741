//! JSON values that keep duplicate keys. A reply with "accepted" under a key and "refused" under
//! its duplicate proves neither.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sms_core::Money;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    /// An integer, also one written as a fraction such as `100.0`.
    Number(i64),
    /// Any other number.
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// Any other value. No reply needs it.
    Other,
}

/// The value of a key.
pub(crate) enum Field<'a> {
    /// No key, `null` or an empty text.
    Absent,
    One(&'a Node),
    /// Two different values.
    Conflict,
}

impl Node {
    /// Parses a document; `None` if it is not exactly one JSON value.
    pub(crate) fn parse(document: &[u8]) -> Option<Self> {
        let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
        serde_json::from_slice(document).ok()
    }

    pub(crate) fn field(&self, key: &str) -> Field<'_> {
        let Self::Map(entries) = self else {
            return Field::Absent;
        };
        let mut values = entries.iter().filter(|(name, _)| name == key).map(|(_, value)| value);
        match values.next() {
            Some(first) if values.any(|other| other != first) => Field::Conflict,
            None | Some(Self::Null) => Field::Absent,
            Some(Self::Text(text)) if text.trim().is_empty() => Field::Absent,
            Some(first) => Field::One(first),
        }
    }

    /// Returns the text of a key, trimmed.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.field(key) {
            Field::One(Self::Text(text)) => Some(text.trim()),
            _ => None,
        }
    }

    /// Returns the count of a key; `None` if it is absent, `null` or not a count.
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        match self.field(key) {
            Field::One(value) => value.integer().and_then(|count| u64::try_from(count).ok()),
            _ => None,
        }
    }

    /// Returns the amount of a key, also one written as text.
    pub(crate) fn money(&self, key: &str) -> Option<Money> {
        match self.field(key) {
            Field::One(value) => value.amount(),
            _ => None,
        }
    }

    /// Returns the text of a key, also one that sms.ru wrote as a whole number.
    pub(crate) fn text_or_number(&self, key: &str) -> Option<String> {
        match self.field(key) {
            Field::One(Self::Number(number)) => Some(number.to_string()),
            _ => self.text(key).map(str::to_owned),
        }
    }

    /// Returns the entries of the map of a key. PHP writes a map with the keys 0, 1, … as a list,
    /// and its entries have no keys here. Empty if the key is absent.
    pub(crate) fn entries(&self, key: &str) -> Vec<(Option<&str>, &Self)> {
        match self.field(key) {
            Field::One(Self::Map(entries)) => {
                entries.iter().map(|(key, node)| (Some(&**key), node)).collect()
            }
            Field::One(Self::List(nodes)) => nodes.iter().map(|node| (None, node)).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the texts of a list, trimmed. Empty if the key is absent, which is how sms.ru writes
    /// an empty list.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        if let Field::One(Self::Text(text)) = self.field(key) {
            return vec![text.trim().to_owned()];
        }
        let text = |node: &Self| match node {
            Self::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Self::Number(number) => Some(number.to_string()),
            _ => None,
        };
        self.entries(key).into_iter().filter_map(|(_, node)| text(node)).collect()
    }

    fn amount(&self) -> Option<Money> {
        match self {
            Self::Number(whole) => whole.checked_mul(1_000_000).map(Money::from_micros),
            Self::Fraction(number) => micros(*number),
            Self::Text(text) => Money::parse(text.trim()),
            _ => None,
        }
    }

    /// Returns the integer, also one written as text.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// Converts an amount to millionths. sms.ru writes two decimals, and a double is far more precise
/// than that at any realistic balance.
fn micros(number: f64) -> Option<Money> {
    let micros = (number * 1e6).round();
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    (micros.abs() < 9_007_199_254_740_992.0).then(|| Money::from_micros(micros as i64))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(i64::try_from(number).map_or(Node::Other, Node::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        // Up to 2^53 a double represents every integer exactly.
        let whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        Ok(if whole { Node::Number(number as i64) } else { Node::Fraction(number) })
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = items.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}
