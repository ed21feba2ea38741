//! Meaning of a provider's code.

use serde::Serialize;
use sms_core::Explanation;
use utoipa::ToSchema;

/// The meaning of a code in plain words, where the provider explains it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Meaning {
    /// In English.
    en: &'static str,
    /// In Russian.
    ru: &'static str,
}

impl From<Explanation> for Meaning {
    fn from(Explanation { en, ru, .. }: Explanation) -> Self {
        Self { en, ru }
    }
}
