//! Hash of a secret that a caller brings: an API key, or a token.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::hex::{hex, unhex};

const BYTES: usize = 32;

/// SHA-256 of a secret. The secrets have 130 random bits, so a slow hash would add nothing.
///
/// [`matches`](Self::matches) is the only comparison: it takes the same time wherever two hashes
/// differ. There is no `==`, and no way to the bytes, so that the compiler refuses any other
/// comparison. In a record of the registry it is a text in hexadecimal.
#[derive(Clone)]
pub(crate) struct SecretHash([u8; BYTES]);

impl SecretHash {
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The hash of a secret that is valid only together with another one: it changes with either.
    pub(crate) fn of_both(secret: &str, other: &Self) -> Self {
        Self::of(&format!("{secret} {}", hex(&other.0)))
    }

    /// Tells whether both are hashes of the same secret, in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHash").finish_non_exhaustive()
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = unhex(&String::deserialize(deserializer)?);
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Borrow;
    use std::collections::BTreeMap;
    use std::fmt::{Display, LowerHex};
    use std::hash::Hash;
    use std::marker::PhantomData;
    use std::ops::Deref;

    use super::*;

    /// Tells whether [`SecretHash`] has this trait: an inherent constant, which there is only with
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
            Probe::<SecretHash>::HAS
        }};
    }

    #[test]
    fn keys_and_tokens_are_compared_in_constant_time_and_in_no_other_way() {
        // Each is a way to compare, or a way to what can be compared.
        let ways = BTreeMap::from([
            ("itself", has!(PartialEq)),
            ("letters", has!(PartialEq<str>)),
            ("a text", has!(PartialEq<String>)),
            ("bytes", has!(PartialEq<[u8]>)),
            ("an array", has!(PartialEq<[u8; BYTES]>)),
            ("order", has!(PartialOrd)),
            ("a map", has!(Hash)),
            ("its fields", has!(Deref)),
            ("a reference to bytes", has!(AsRef<[u8]>)),
            ("a reference to letters", has!(AsRef<str>)),
            ("a borrow of bytes", has!(Borrow<[u8]>)),
            ("a borrow of letters", has!(Borrow<str>)),
            ("its words", has!(Display)),
            ("its digits", has!(LowerHex)),
            ("a copy of its bytes", has!(Into<[u8; BYTES]>)),
            ("a copy of its letters", has!(Into<String>)),
        ]);
        assert!(has!(Clone), "the probe does not see traits");
        let open: Vec<_> = ways.iter().filter(|(_, is_open)| **is_open).collect();
        assert!(open.is_empty(), "{open:?}");
        // The field is seen in this file alone.
        let code = include_str!("secret_hash.rs").split("#[cfg(test)]").next().expect("code");
        assert_eq!(code.matches("other.0").count(), 2, "a hash meets another one here only");
        assert!(code.contains("self.0.ct_eq(&other.0)"), "and in constant time");
        assert!(!code.contains(" == ") && !code.contains(" != "), "nothing else is compared");
    }

    #[test]
    fn a_hash_matches_that_of_the_same_secret_and_no_other() {
        let hash = SecretHash::of("a secret");
        assert!(hash.matches(&SecretHash::of("a secret")));
        assert!(!hash.matches(&SecretHash::of("a secreu")));
        let (one, other) = (SecretHash::of("one"), SecretHash::of("other"));
        let both = SecretHash::of_both("a secret", &one);
        assert!(both.matches(&SecretHash::of_both("a secret", &one)));
        assert!(!both.matches(&hash) && !both.matches(&SecretHash::of_both("a secret", &other)));
    }

    #[test]
    fn a_hash_is_read_as_it_was_stored_and_shown_to_nobody() {
        // SHA-256 of the empty text.
        let stored = "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";
        let hash: SecretHash = serde_json::from_str(stored).expect("a hash");
        assert!(hash.matches(&SecretHash::of("")));
        assert_eq!(serde_json::to_string(&hash).expect("JSON"), stored);
        assert_eq!(format!("{hash:?}"), "SecretHash { .. }");
        for broken in ["\"\"", "\"e3\"", &stored.replace('e', "x")] {
            assert!(serde_json::from_str::<SecretHash>(broken).is_err(), "{broken}");
        }
    }
}
