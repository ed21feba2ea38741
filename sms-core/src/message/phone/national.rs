//! National number formats: those of every region with the feature `phone`, else those of Russia.

#[cfg(feature = "phone")]
pub(super) use super::libphonenumber::{country_code, is_known, national_prefix, read};
#[cfg(not(feature = "phone"))]
pub(super) use super::plain::{country_code, is_known, national_prefix, read};
