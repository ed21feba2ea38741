//! `callback/…`.

use sms_core::ErrorKind;

use super::{DONE, done};
use crate::support::{MethodServer, pairs};

#[tokio::test]
async fn callback_addresses_are_registered_and_listed() {
    const URL: &str = "https://example.com/callbacks/smsru/token";
    let one = done(r#""callback":["https:\/\/example.com\/callbacks\/smsru\/token"]"#);
    let methods = MethodServer::start(&[
        ("callback/add", &one),
        ("callback/get", &one),
        // In a recorded reply the key is absent when the list became empty.
        ("callback/del", DONE),
    ])
    .await;
    let provider = methods.provider("");
    assert_eq!(provider.callback_add(URL).await.unwrap(), [URL]);
    assert_eq!(provider.callback_get().await.unwrap(), [URL]);
    assert_eq!(provider.callback_del(URL).await.unwrap(), [""; 0]);
    assert_eq!(methods.request_fields("callback/add").await, pairs(&[("url", URL)]));
    assert_eq!(methods.request_fields("callback/del").await, pairs(&[("url", URL)]));
    assert_eq!(methods.request_fields("callback/get").await, []);
    for url in ["", "example.com", "ftp://example.com", "https://"] {
        assert_eq!(provider.callback_add(url).await.unwrap_err().code(), "url_invalid", "{url}");
    }
    let refused = r#"{"status":"ERROR","status_code":902}"#;
    let methods = MethodServer::start(&[("callback/del", refused)]).await;
    assert_eq!(
        methods.provider("").callback_del(URL).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
