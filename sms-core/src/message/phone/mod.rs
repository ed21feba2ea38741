//! Phone numbers: reading of all common spellings, and the one internal form.

#[cfg(feature = "phone")]
mod libphonenumber;
mod national;
mod number;
#[cfg(not(feature = "phone"))]
mod plain;
mod reader;
mod region;
mod typed;

pub use self::number::PhoneNumber;
pub use self::reader::NumberReader;
pub use self::region::Region;

#[cfg(test)]
mod tests;
