//! Meanings of the codes of a provider.

use serde::Serialize;

/// Meaning of a code, in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// In English.
    pub en: &'static str,
    /// In Russian.
    pub ru: &'static str,
}

impl Explanation {
    /// A meaning in both languages.
    pub const fn new(en: &'static str, ru: &'static str) -> Self {
        Self { en, ru }
    }
}
