//! The body of a request: an `application/x-www-form-urlencoded` form.

use std::fmt::Display;

use url::form_urlencoded::Serializer;

use crate::credentials::Credentials;

/// A form with the credentials and the request for a JSON reply.
pub(crate) struct Form(String);

impl Form {
    pub(crate) fn new(credentials: &Credentials) -> Self {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(credentials.fields()).append_pair("json", "1");
        Self(form.finish())
    }

    pub(crate) fn with(self, name: &str, value: impl Display) -> Self {
        Self(Serializer::for_suffix(self.0, 0).append_pair(name, &value.to_string()).finish())
    }

    /// Adds a field if there is a value for it.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a flag if it is on.
    pub(crate) fn with_flag(self, name: &str, on: bool) -> Self {
        self.with_some(name, on.then_some(1))
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}
