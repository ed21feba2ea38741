//! Text of a key: a prefix that tells its kind, a public id, a secret, a checksum.

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sms_core::{Error, Result};

use super::kind::KeyKind;

/// The parts after the prefix, in characters: the id, a secret of 130 random bits, a checksum.
const ID: usize = 10;
const SECRET: usize = 26;
const CHECKSUM: usize = 6;
/// The letters of keys and ids: those that look alike are left out (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new key of this kind and its public id.
///
/// # Errors
///
/// `Unavailable` when the system has no random bytes.
pub(super) fn generate(kind: KeyKind) -> Result<(String, SecretString)> {
    generate_with(kind.prefix())
}

/// A new text of this prefix, in the form of a key, and its public id.
///
/// # Errors
///
/// `Unavailable` when the system has no random bytes.
pub(crate) fn generate_with(prefix: &str) -> Result<(String, SecretString)> {
    let body = random_letters::<{ ID + SECRET }>()?;
    let text = format!("{prefix}{body}{}", checksum(&body));
    Ok((body[..ID].to_owned(), text.into()))
}

/// The id in a well-formed key. The checksum refuses a mistyped key without a read of the registry.
pub(crate) fn id_in(key: &str) -> Option<&str> {
    KeyKind::ALL.into_iter().find_map(|kind| id_after(kind.prefix(), key))
}

/// The id in a well-formed text of this prefix.
pub(crate) fn id_after<'a>(prefix: &str, text: &'a str) -> Option<&'a str> {
    let rest = text
        .strip_prefix(prefix)
        .filter(|rest| rest.is_ascii() && rest.len() == ID + SECRET + CHECKSUM)?;
    let (body, sum) = rest.split_at(ID + SECRET);
    (checksum(body) == sum).then(|| &body[..ID])
}

/// Random letters of the key alphabet, five bits in each.
///
/// # Errors
///
/// `Unavailable` when the system has no random bytes.
pub(crate) fn random_letters<const N: usize>() -> Result<String> {
    let mut random = [0; N];
    let failed = |error| Error::unavailable("the system gave no random bytes", error);
    getrandom::fill(&mut random).map_err(failed)?;
    Ok(letters(&random))
}

/// One letter of the key alphabet for each byte. 256 is a multiple of 32, so random bytes make each
/// letter equally likely.
pub(super) fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

fn checksum(body: &str) -> String {
    letters(&Sha256::digest(body)[..CHECKSUM])
}

/// A key with the id of this one, another secret and a right checksum.
#[cfg(test)]
pub(super) fn forged(key: &str) -> String {
    let body = format!("{}{}", id_in(key).unwrap_or_default(), "0".repeat(SECRET));
    let prefix = key.get(..KeyKind::Live.prefix().len()).unwrap_or_default();
    format!("{prefix}{body}{}", checksum(&body))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::secret_hash::SecretHash;

    #[test]
    fn a_key_is_well_formed_and_a_mistyped_one_is_not() {
        let (id, key) = generate(KeyKind::Live).unwrap();
        let key = key.expose_secret();
        assert_eq!(id_in(key), Some(id.as_str()));
        // No letter of the alphabet.
        let mistyped = format!("{}!", &key[..key.len() - 1]);
        for wrong in [
            "",
            KeyKind::Live.prefix(),
            &key[1..],
            &key[..key.len() - 1],
            &format!("{key}0"),
            &mistyped,
        ] {
            assert_eq!(id_in(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_id_is_public_and_the_checksum_covers_the_secret() {
        let (id, key) = generate(KeyKind::Test).unwrap();
        let forged = forged(key.expose_secret());
        assert_eq!(id_in(&forged), Some(id.as_str()));
        assert!(!SecretHash::of(&forged).matches(&SecretHash::of(key.expose_secret())));
    }
}
