//! Files that parameters of the address name.

use secrecy::SecretString;
use sms_core::Result;

use crate::error::config;

/// Files of a client certificate. One is of no use without the other.
#[derive(Default)]
pub(crate) struct CertificateFiles {
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) key: Option<Vec<u8>>,
}

impl CertificateFiles {
    /// The certificate and its key, both in PEM; `None` without files.
    ///
    /// # Errors
    ///
    /// `Config` if one of them is missing, or the key is not text.
    pub(crate) fn into_pem(self) -> Result<Option<(Vec<u8>, SecretString)>> {
        match (self.certificate, self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                let key = String::from_utf8(key).map_err(|_| config("key_file must be in PEM"))?;
                Ok(Some((certificate, key.into())))
            }
            _ => Err(config("cert_file and key_file need each other")),
        }
    }
}

/// Contents of the file that this parameter names.
///
/// # Errors
///
/// `Config` if it cannot be read.
pub(crate) fn read_file(parameter: &str, path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        config(format!("the file of the parameter {parameter} cannot be read")).with_source(error)
    })
}
