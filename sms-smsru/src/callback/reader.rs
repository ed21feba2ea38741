//! Callbacks: what sms.ru posts to an address of ours, read and verified. Knows no web framework.
//!
//! The signature is `sha256(api_id + all values)`. That is no HMAC, and two things follow from it
//! for whoever holds one signed body: they can append to it, after padding that the hash function
//! dictates, and they can divide its values anew, for nothing is signed about where one ends. So
//! each value must be a record of a strict grammar, in printable ASCII, before its signature
//! counts: the padding is not printable, and no other division of a body gives a status or a check
//! that was not in it, or hides one that was.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sms_core::Result;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use crate::callback::error::CallbackError;
use crate::callback::record::Record;
use crate::config::wrong;

/// The most records a body may hold; sms.ru documents 100.
pub const MAX_RECORDS: usize = 1000;
/// The longest body. 100 records are some 10 KB.
pub const MAX_BODY: usize = 1024 * 1024;

/// The reader of the callbacks of one account.
///
/// Answer the request with the text `100` and nothing else once the records are stored; anything
/// else makes sms.ru send them again every minute, for five days. The same body can come more than
/// once, from sms.ru or from somebody who recorded it, and reads the same each time: apply its
/// records so that a second time changes nothing, as
/// [`Store::apply_receipts`](sms_core::Store::apply_receipts) does.
#[derive(Clone, Debug)]
pub struct Callbacks {
    api_id: SecretString,
}

impl Callbacks {
    /// The reader of the callbacks that are signed with this API id.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config) for an empty one, with which everybody could sign.
    pub fn new(api_id: impl Into<SecretString>) -> Result<Self> {
        let api_id = api_id.into();
        if api_id.expose_secret().trim().is_empty() {
            return Err(wrong("callbacks cannot be verified with an empty API id"));
        }
        Ok(Self { api_id })
    }

    /// Reads the body of a callback, a form, into its records, in their order.
    ///
    /// # Errors
    ///
    /// When the body is not one that sms.ru signed, or not in its form. None of the records is to
    /// be believed then.
    pub fn read(&self, body: &[u8]) -> Result<Vec<Record>, CallbackError> {
        let (values, hash) = fields(body)?;
        // The grammar comes before the signature: it is what the signature leaves open.
        let read = |(number, value): (&i64, &String)| {
            Record::parse(value).ok_or(CallbackError::Malformed { number: *number })
        };
        let records = values.iter().map(read).collect::<Result<_, _>>()?;
        let mut signed = Sha256::new_with_prefix(self.api_id.expose_secret());
        for value in values.values() {
            signed.update(value);
        }
        let expected = hex(&signed.finalize());
        if bool::from(expected.as_bytes().ct_eq(hash.as_bytes())) {
            Ok(records)
        } else {
            Err(CallbackError::WrongHash)
        }
    }
}

/// The values by their numbers, which begin at 0 or 1, and the hash.
fn fields(body: &[u8]) -> Result<(BTreeMap<i64, String>, String), CallbackError> {
    if body.len() > MAX_BODY {
        return Err(CallbackError::TooLarge);
    }
    let (mut values, mut hash) = (BTreeMap::new(), None);
    for (name, value) in form_urlencoded::parse(body) {
        if name == "hash" {
            if hash.replace(value.into_owned()).is_some() {
                return Err(CallbackError::HashTwice);
            }
        } else if let Some(number) = number(&name) {
            if values.insert(number, value.into_owned()).is_some() {
                return Err(CallbackError::NumberTwice { number });
            }
        } else {
            return Err(CallbackError::UnknownField);
        }
        if values.len() > MAX_RECORDS {
            return Err(CallbackError::TooLarge);
        }
    }
    match hash {
        Some(hash) if !hash.is_empty() => Ok((values, hash)),
        _ => Err(CallbackError::NoHash),
    }
}

/// The number in `data[3]`.
fn number(name: &str) -> Option<i64> {
    let number = name.strip_prefix("data[")?.strip_suffix(']')?;
    let digits = number.strip_prefix('-').unwrap_or(number);
    // A plus or a space would be one more spelling of the same number.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
