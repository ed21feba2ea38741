//! Verification and parsing of callbacks, independent of a web framework.
//!
//! The signature is `sha256(api_id + all values)`, which is not an HMAC. Someone with one signed
//! body can forge others: append data after the padding of the hash function, or split the values
//! at other places, because the signature does not cover where a value ends. So each value must
//! first match a strict grammar of printable ASCII. The padding is not printable. No other split of
//! a body adds a status or a check that was not in it, or hides one that was.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use sms_core::Result;
use url::form_urlencoded;

use crate::callback::error::CallbackError;
use crate::callback::record::Record;
use crate::callback::signature::Signature;
use crate::error::config_error;

/// The maximum of records in a body. sms.ru documents 100.
pub const MAX_RECORDS: usize = 1000;
/// The maximum size of a body in bytes. 100 records have about 10 KB.
pub const MAX_BODY: usize = 1024 * 1024;

/// The text that confirms a callback to sms.ru: the whole body of the response.
pub const CONFIRMATION: &str = "100";

/// A reader that verifies and parses the callbacks of one account.
///
/// Store the records first, then respond with [`CONFIRMATION`]. After any other response sms.ru
/// sends the records again every minute for five days. The same body can arrive more than once,
/// from sms.ru or from someone who recorded it. Make sure that a repeated record changes nothing,
/// as [`Store::apply_receipts`](sms_core::Store::apply_receipts) does.
#[derive(Clone, Debug)]
pub struct CallbackReader {
    api_id: SecretString,
}

impl CallbackReader {
    /// A reader for callbacks that are signed with this API id.
    ///
    /// # Errors
    ///
    /// [`Config`](sms_core::ErrorKind::Config) for an empty API id, because anyone could sign with
    /// it.
    pub fn new(api_id: impl Into<SecretString>) -> Result<Self> {
        let api_id = api_id.into();
        if api_id.expose_secret().trim().is_empty() {
            return Err(config_error("callbacks cannot be verified with an empty API id"));
        }
        Ok(Self { api_id })
    }

    /// Verifies the body of a callback (an HTML form) and parses its records, ordered by number.
    ///
    /// # Errors
    ///
    /// The reason why the whole body is rejected: it is malformed, or sms.ru did not sign it.
    pub fn read(&self, body: &[u8]) -> Result<Vec<Record>, CallbackError> {
        let (values, received) = fields(body)?;
        // The grammar is checked first, because the signature alone is not enough: see above.
        let read = |(number, value): (&i64, &String)| {
            Record::parse(value).ok_or(CallbackError::Malformed { number: *number })
        };
        let records = values.iter().map(read).collect::<Result<_, _>>()?;
        let expected = Signature::of(&self.api_id, values.values());
        if expected.matches(&received) { Ok(records) } else { Err(CallbackError::WrongHash) }
    }
}

/// Reads the values by their numbers, which begin at 0 or 1, and the hash.
fn fields(body: &[u8]) -> Result<(BTreeMap<i64, String>, Signature), CallbackError> {
    if body.len() > MAX_BODY {
        return Err(CallbackError::TooLarge);
    }
    let (mut values, mut hash) = (BTreeMap::new(), None);
    for (name, value) in form_urlencoded::parse(body) {
        if name == "hash" {
            if hash.replace(value.into_owned()).is_some() {
                return Err(CallbackError::DuplicateHash);
            }
        } else if let Some(number) = number(&name) {
            if values.insert(number, value.into_owned()).is_some() {
                return Err(CallbackError::DuplicateNumber { number });
            }
        } else {
            return Err(CallbackError::UnknownField);
        }
        if values.len() > MAX_RECORDS {
            return Err(CallbackError::TooLarge);
        }
    }
    let received = hash.and_then(Signature::received).ok_or(CallbackError::NoHash)?;
    Ok((values, received))
}

/// The number in `data[3]`.
fn number(name: &str) -> Option<i64> {
    let number = name.strip_prefix("data[")?.strip_suffix(']')?;
    let digits = number.strip_prefix('-').unwrap_or(number);
    // A plus or a space would be one more spelling of the same number.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}
