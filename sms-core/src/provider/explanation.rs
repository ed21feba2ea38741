//! Meanings of the codes of a provider.

use serde::Serialize;

/// What a code means, in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// In English.
    pub en: &'static str,
    /// In Russian.
    pub ru: &'static str,
}
