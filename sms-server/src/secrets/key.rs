//! A secret key of an installation, and what is encrypted with it.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use sms_core::{Error, ErrorKind, Result};

use crate::hex::{hex, unhex};

/// The shortest key, in bytes.
const MIN_BYTES: usize = 32;
/// The length of a random number that is used once with a key. It is long enough to be random.
const NONCE: usize = 24;
/// Bytes of a fingerprint.
const FINGERPRINT: usize = 8;

/// A secret key. What it encrypts can be read with it alone, and only in the place that it was
/// encrypted for.
#[derive(Clone)]
pub(super) struct SecretKey {
    cipher: XChaCha20Poly1305,
    fingerprint: String,
}

impl SecretKey {
    /// The key of this text.
    ///
    /// # Errors
    ///
    /// `Config` for a text that is too short.
    pub(super) fn new(text: &str) -> Result<Self> {
        if text.len() < MIN_BYTES {
            let rule = "must be at least 32 characters long, each key of a list";
            return Err(Error::new(ErrorKind::Config, rule));
        }
        let cipher_key = derive(text, "sms-server encryption")?;
        let fingerprint = hex(&derive(text, "sms-server fingerprint")?[..FINGERPRINT]);
        Ok(Self { cipher: XChaCha20Poly1305::new(&cipher_key.into()), fingerprint })
    }

    /// A name of the key that tells nothing about it.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Encrypts a secret for this place.
    pub(super) fn seal(&self, place: &str, secret: &SecretString) -> Result<String> {
        let mut nonce = [0; NONCE];
        let no_random = |error| Error::unavailable("the system gave no random bytes", error);
        getrandom::fill(&mut nonce).map_err(no_random)?;
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| internal("a secret cannot be encrypted"))?;
        Ok(format!("{}.{}{}", self.fingerprint, hex(&nonce), hex(&sealed)))
    }

    /// Decrypts a secret of this place; `None` if it was encrypted with another key.
    pub(super) fn open(&self, place: &str, sealed: &str) -> Result<Option<SecretString>> {
        let broken = || internal("a secret in the store is damaged");
        let (fingerprint, text) = sealed.split_once('.').ok_or_else(broken)?;
        if fingerprint != self.fingerprint {
            return Ok(None);
        }
        let bytes = unhex(text).ok_or_else(broken)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or_else(broken)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        let secret = String::from_utf8(secret.map_err(|_| broken())?).map_err(|_| broken())?;
        Ok(Some(secret.into()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// A key of its own for each use of the text.
fn derive(text: &str, purpose: &str) -> Result<[u8; 32]> {
    let mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(text.as_bytes());
    let mut mac = mac.map_err(|_| internal("a key cannot be derived"))?;
    mac.update(purpose.as_bytes());
    Ok(mac.finalize().into_bytes().into())
}

fn internal(reason: &'static str) -> Error {
    Error::new(ErrorKind::Internal, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef0123456789abcdef";

    fn key(text: &str) -> SecretKey {
        SecretKey::new(text).unwrap()
    }

    #[test]
    fn a_secret_is_read_back_in_its_place_with_its_key_only() {
        let (ours, other) = (key(TEXT), key(&TEXT.replace('0', "1")));
        let sealed = ours.seal("callback/smsru", &"canary".into()).unwrap();
        let read = ours.open("callback/smsru", &sealed).unwrap().unwrap();
        assert_eq!(read.expose_secret(), "canary");
        assert!(!sealed.contains(&hex(b"canary")));
        assert!(other.open("callback/smsru", &sealed).unwrap().is_none());
        assert!(ours.open("callback/line", &sealed).is_err(), "moved to another place");
        assert_ne!(sealed, ours.seal("callback/smsru", &"canary".into()).unwrap());
    }

    #[test]
    fn what_was_changed_is_refused() {
        let ours = key(TEXT);
        let sealed = ours.seal("a", &"canary".into()).unwrap();
        let flipped = match sealed.strip_suffix('0') {
            Some(rest) => format!("{rest}1"),
            None => format!("{}0", &sealed[..sealed.len() - 1]),
        };
        let short = sealed[..FINGERPRINT * 2 + 1 + NONCE * 2].to_owned();
        let no_hex = format!("{}zz", &sealed[..sealed.len() - 2]);
        for wrong in [flipped, short, no_hex, "nonsense".to_owned(), format!("{sealed}0")] {
            assert!(ours.open("a", &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_short_key_is_refused_and_no_error_or_debug_text_shows_a_key() {
        let refused = SecretKey::new(&TEXT[1..]).unwrap_err().to_string();
        assert!(refused.contains("32") && !refused.contains(&TEXT[1..]), "{refused}");
        assert!(!format!("{:?}", key(TEXT)).contains(&TEXT[..8]));
    }
}
