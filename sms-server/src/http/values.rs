//! Values of fields as serde reads them: strings, and the first items of lists.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string. Without escapes in it, it is borrowed from the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// The first items of a list.
pub(super) struct List<'a, const MAX_ITEMS: usize>(pub(super) Vec<&'a RawValue>);

impl<'de: 'a, 'a, const MAX_ITEMS: usize> Deserialize<'de> for List<'a, MAX_ITEMS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<const MAX_ITEMS: usize>;

        impl<'de, const MAX_ITEMS: usize> Visitor<'de> for ListVisitor<MAX_ITEMS> {
            type Value = List<'de, MAX_ITEMS>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<List<'de, MAX_ITEMS>, A::Error> {
                let mut items = Vec::new();
                while items.len() < MAX_ITEMS
                    && let Some(item) = list.next_element()?
                {
                    items.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(List(items))
            }
        }

        deserializer.deserialize_seq(ListVisitor)
    }
}
