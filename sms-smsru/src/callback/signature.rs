//! Signature of a callback.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::hex::hex;

/// The signature of a callback: `sha256(api_id + all values)` in hexadecimal.
///
/// [`matches`](Self::matches) is the only comparison: it takes the same time wherever two
/// signatures differ. There is no `==`, so that the compiler refuses any other comparison.
pub(super) struct Signature(String);

impl Signature {
    /// The right signature of these values.
    pub(super) fn of<'a>(api_id: &SecretString, values: impl Iterator<Item = &'a String>) -> Self {
        let mut signed = Sha256::new_with_prefix(api_id.expose_secret());
        for value in values {
            signed.update(value);
        }
        Self(hex(&signed.finalize()))
    }

    /// The signature in a callback; `None` for an empty one.
    pub(super) fn received(text: String) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    /// Tells whether both are the same, in constant time.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;
    use std::hash::Hash;
    use std::marker::PhantomData;
    use std::ops::Deref;

    use super::*;

    /// Tells whether [`Signature`] has this trait: an inherent constant, which there is only with
    /// the trait, goes before the one of a trait.
    macro_rules! has {
        ($($bound:tt)+) => {{
            struct Probe<T>(PhantomData<T>);
            #[allow(dead_code)]
            trait Otherwise {
                const HAS: bool = false;
            }
            impl<T> Otherwise for Probe<T> {}
            #[allow(dead_code)]
            impl<T: $($bound)+> Probe<T> {
                const HAS: bool = true;
            }
            Probe::<Signature>::HAS
        }};
    }

    #[test]
    fn signatures_of_callbacks_are_compared_in_constant_time_and_in_no_other_way() {
        // Each is a way to compare, or a way to what can be compared.
        let ways = [
            ("itself", has!(PartialEq)),
            ("letters", has!(PartialEq<str>)),
            ("a text", has!(PartialEq<String>)),
            ("order", has!(PartialOrd)),
            ("a map", has!(Hash)),
            ("its text", has!(Deref)),
            ("a reference to letters", has!(AsRef<str>)),
            ("its words", has!(Display)),
            ("a copy of its letters", has!(Into<String>)),
        ];
        assert!(has!(Send), "the probe does not see traits");
        let open: Vec<_> = ways.iter().filter(|(_, is_open)| *is_open).collect();
        assert!(open.is_empty(), "{open:?}");
        // The field is seen in this file alone.
        let code = include_str!("signature.rs").split("#[cfg(test)]").next().expect("code");
        assert_eq!(code.matches("other.0").count(), 1, "a signature meets another one here only");
        let compared = "self.0.as_bytes().ct_eq(other.0.as_bytes())";
        assert!(code.contains(compared), "and in constant time");
        assert!(!code.contains(" == ") && !code.contains(" != "), "nothing else is compared");
    }
}
