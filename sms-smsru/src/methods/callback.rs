//! `callback/…`: the addresses that receive callbacks.

use sms_core::{FieldError, Result};
use url::Url;

use crate::client::api_client::ApiClient;

pub(crate) async fn add(client: &ApiClient, url: &str) -> Result<Vec<String>> {
    change(client, "callback/add", url).await
}

pub(crate) async fn del(client: &ApiClient, url: &str) -> Result<Vec<String>> {
    change(client, "callback/del", url).await
}

pub(crate) async fn get(client: &ApiClient) -> Result<Vec<String>> {
    Ok(client.call("callback/get", client.form(), &[]).await?.texts("callback"))
}

async fn change(client: &ApiClient, method: &'static str, url: &str) -> Result<Vec<String>> {
    if !Url::parse(url).is_ok_and(|parsed| matches!(parsed.scheme(), "http" | "https")) {
        let rule = "must be an address that begins with http:// or https://";
        return Err(FieldError::new("url", "url_invalid", rule).into());
    }
    // The path of the address can contain a secret token.
    let reply = client.call(method, client.form().with("url", url), &[url]).await?;
    Ok(reply.texts("callback"))
}
