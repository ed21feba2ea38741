//! The credentials of an account.

use secrecy::{ExposeSecret, SecretString};

/// The credentials sent with every request.
#[derive(Clone)]
pub(crate) enum Credentials {
    ApiId(SecretString),
    Login { login: SecretString, password: SecretString },
}

impl Credentials {
    /// The form fields that carry them.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::ApiId(api_id) => vec![("api_id", api_id.expose_secret())],
            Self::Login { login, password } => {
                vec![("login", login.expose_secret()), ("password", password.expose_secret())]
            }
        }
    }
}
