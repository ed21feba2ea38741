//! The caller's data of a message, kept as it was written.

mod error;
mod json;

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

pub use self::error::MetadataError;
use self::json::{Node, Reader, depth};

/// Maximum nesting of objects and lists in [`Metadata`], including the outermost object.
pub const MAX_METADATA_DEPTH: usize = 32;

/// The caller's data of a message: one JSON object. Keys keep their order and numbers keep their
/// digits, so that no value of any language is changed.
///
/// White space and escapes in strings (`\u0041` for `A`) are not kept. A [`Map`] is converted by
/// `into()`, a JSON text by [`parse`](Self::parse). To read values, parse
/// [`as_json`](Self::as_json) with a JSON library.
///
/// ```
/// use sms_core::{Message, Metadata};
///
/// let metadata = Metadata::parse(r#"{"account": 40817810099910004312, "price": 1.10}"#)?;
/// assert_eq!(metadata.as_json(), r#"{"account":40817810099910004312,"price":1.10}"#);
/// let message = Message::new("+79251234567", "Ваш заказ готов").metadata(metadata);
/// # let _ = message;
/// # Ok::<(), sms_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Metadata(Option<Box<RawValue>>);

impl Metadata {
    /// Reads one JSON object.
    ///
    /// # Errors
    ///
    /// The broken rule and its place, for a text that is not a JSON object, has a duplicate key or
    /// half of a surrogate pair, or is nested deeper than [`MAX_METADATA_DEPTH`].
    pub fn parse(json: &str) -> Result<Self, MetadataError> {
        // The reader below relies on valid syntax.
        let valid: &RawValue =
            serde_json::from_str(json).map_err(|_| MetadataError::new("is not JSON"))?;
        if depth(valid.get()) > MAX_METADATA_DEPTH {
            return Err(MetadataError::new(TOO_DEEP));
        }
        let object = Reader::new(valid.get()).value()?;
        match &object {
            Node::Object(entries) if entries.is_empty() => Ok(Self::default()),
            Node::Object(_) => Self::from_stored(object.written(false))
                .map_err(|_| MetadataError::new("cannot be written again")),
            _ => Err(MetadataError::new("must be an object")),
        }
    }

    /// Metadata from a stored [`as_json`](Self::as_json). Only the syntax is checked.
    ///
    /// # Errors
    ///
    /// That of `serde_json`, for a text that is not JSON.
    pub fn from_stored(json: String) -> serde_json::Result<Self> {
        RawValue::from_string(json).map(|raw| Self(Some(raw)))
    }

    /// Returns true if the object is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The object as JSON without white space; `{}` when it is empty.
    pub fn as_json(&self) -> &str {
        self.0.as_deref().map_or("{}", RawValue::get)
    }

    /// The object with the keys of every nested object sorted: equal for equal content. Must not be
    /// called if [`is_too_deep`](Self::is_too_deep), because it is recursive.
    pub(super) fn canonical(&self) -> Cow<'_, str> {
        let object = Reader::new(self.as_json()).value();
        // The text was read before, so reading it again does not fail.
        object.map_or(Cow::Borrowed(self.as_json()), |object| Cow::Owned(object.written(true)))
    }

    /// Returns true if it is nested deeper than [`MAX_METADATA_DEPTH`], as a converted map may be.
    pub(super) fn is_too_deep(&self) -> bool {
        depth(self.as_json()) > MAX_METADATA_DEPTH
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(map: Map<String, Value>) -> Self {
        // A map from strings to values can always be serialized.
        let written = || serde_json::value::to_raw_value(&map).ok();
        Self(if map.is_empty() { None } else { written() })
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Metadata {}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(raw) => raw.serialize(serializer),
            None => serializer.collect_map(std::iter::empty::<((), ())>()),
        }
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The content may be secret, so only its size is shown.
        write!(f, "Metadata({} bytes)", self.as_json().len())
    }
}

/// The rule of [`MAX_METADATA_DEPTH`].
pub(super) const TOO_DEEP: &str = "must not nest deeper than 32 objects and lists";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(json: &str) -> Metadata {
        Metadata::parse(json).expect("an object")
    }

    #[test]
    fn numbers_keep_their_digits_and_keys_their_order() {
        for json in [
            r#"{"account":40817810099910004312,"iccid":89701234567890123456789}"#,
            r#"{"b":1.10,"a":1e3,"c":-0.0,"d":1E+400,"e":[null,true,false,[],{}]}"#,
        ] {
            assert_eq!(parsed(json).as_json(), json);
            assert_eq!(serde_json::to_string(&parsed(json)).expect("serializable"), json);
        }
    }

    #[test]
    fn white_space_and_the_spelling_of_strings_are_not_kept() {
        let loose = "{ \"\\u0061\\/\" :\t[ 1 ,\r\n\"\\u0451\\u0000\\\"\" ] , \"\": { } }";
        assert_eq!(parsed(loose).as_json(), r#"{"a/":[1,"ё\u0000\""],"":{}}"#);
        assert!(parsed(" { } ").is_empty());
        assert_eq!(
            (parsed("{}").as_json(), serde_json::to_string(&parsed("{}")).ok().as_deref()),
            ("{}", Some("{}"))
        );
    }

    #[test]
    fn equal_content_has_one_canonical_form_and_other_content_another() {
        let canonical = |json: &str| parsed(json).canonical().into_owned();
        assert_eq!(
            canonical(r#"{"b":{"y":1,"x":"\u0451"},"a":[{"d":1,"c":2}]}"#),
            canonical(r#"{"a":[{"c":2,"d":1}],"b":{"x":"ё","y":1}}"#)
        );
        for (one, other) in [
            ("1", "1.0"),
            ("40817810099910004312", "40817810099910004313"),
            ("[1,2]", "[2,1]"),
            ("\"1\"", "1"),
        ] {
            assert_ne!(
                canonical(&format!(r#"{{"a":{one}}}"#)),
                canonical(&format!(r#"{{"a":{other}}}"#))
            );
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_with_its_place() {
        for (json, pointer) in [
            (r#"{"a":1,"b":2,"a":3}"#, "/a"),
            (r#"{"a":1,"\u0061":3}"#, "/a"),
            (r#"{"x":{"y":[0,{"a/~":1,"a/~":1}]}}"#, "/x/y/1/a~1~0"),
        ] {
            let error = Metadata::parse(json).expect_err(json);
            assert_eq!((error.pointer(), error.rule()), (pointer, "must not be repeated"));
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for json in [
            "",
            "{",
            "[]",
            "1",
            "null",
            "\"a\"",
            "{} {}",
            r#"{"a":"\ud800"}"#,
            r#"{"\udfff":1}"#,
            r#"{"a":01}"#,
        ] {
            assert!(Metadata::parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(!parsed(&nested(MAX_METADATA_DEPTH)).is_too_deep());
        assert!(Metadata::parse(&nested(MAX_METADATA_DEPTH + 1)).is_err());
        assert!(Metadata::parse(&nested(100_000)).is_err());
        assert_eq!(depth(r#"{"[{\"[":"]]\\"}"#), 1);
    }

    #[test]
    fn a_map_is_taken_as_it_is() {
        let map = json!({"b": 1, "a": "ё"}).as_object().expect("an object").clone();
        assert_eq!(Metadata::from(map).as_json(), r#"{"a":"ё","b":1}"#);
        assert!(Metadata::from(Map::new()).is_empty());
    }

    proptest! {
        #[test]
        fn every_object_of_serde_json_is_read_as_it_is_written(
            keys in proptest::collection::btree_map(
                any::<String>(),
                any::<(String, i64, bool)>(),
                0..6,
            )
        ) {
            let entry = |(key, (text, number, flag))| (key, json!([text, {"n": number}, flag]));
            let map: Map<String, Value> = keys.into_iter().map(entry).collect();
            let written = Metadata::from(map.clone());
            prop_assert_eq!(&parsed(written.as_json()), &written);
            let read: Value = serde_json::from_str(&written.canonical()).expect("JSON");
            prop_assert_eq!(read, Value::Object(map));
        }

        #[test]
        fn no_text_panics(text: String, near in r#"[{}\[\]",:\\u0-9a-f ]{0,40}"#) {
            let value = format!("{{\"a\":{near}}}");
            let _ = [text, near, value].map(|json| Metadata::parse(&json));
        }
    }
}
