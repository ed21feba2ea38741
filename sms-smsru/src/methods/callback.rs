//! `callback/…`: where sms.ru sends its callbacks.

use sms_core::{FieldError, Result};
use url::Url;

use crate::SmsRu;
use crate::methods::account::texts;

impl SmsRu {
    /// `callback/add`: has callbacks sent to this address too, which must begin with `http://` or
    /// `https://` and answer `100`: sms.ru tries it within seconds. All addresses after the change.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callback_add(&self, url: &str) -> Result<Vec<String>> {
        self.change("callback/add", url).await
    }

    /// `callback/del`: no longer has callbacks sent to this address. All addresses after the
    /// change.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu); [`NotFound`](sms_core::ErrorKind::NotFound) when it was not
    /// among them.
    pub async fn callback_del(&self, url: &str) -> Result<Vec<String>> {
        self.change("callback/del", url).await
    }

    /// `callback/get`: the addresses callbacks are sent to.
    ///
    /// # Errors
    ///
    /// Those of [every method](SmsRu).
    pub async fn callback_get(&self) -> Result<Vec<String>> {
        Ok(texts(&self.ask("callback/get", self.form(), &[]).await?, "callback"))
    }

    async fn change(&self, method: &'static str, url: &str) -> Result<Vec<String>> {
        if !Url::parse(url).is_ok_and(|parsed| matches!(parsed.scheme(), "http" | "https")) {
            let rule = "must be an address that begins with http:// or https://";
            return Err(FieldError::new("url", "url_invalid", rule).into());
        }
        // The path of the address may hold a token.
        let reply = self.ask(method, self.form().with("url", url), &[url]).await?;
        Ok(texts(&reply, "callback"))
    }
}
