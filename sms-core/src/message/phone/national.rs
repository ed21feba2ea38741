//! National number formats: of every region with the feature `phone`, of Russia without it.

#[cfg(feature = "phone")]
pub(super) use super::libphonenumber::{country_code, is_known, national_prefix, read};
#[cfg(not(feature = "phone"))]
pub(super) use super::plain::{country_code, is_known, national_prefix, read};
