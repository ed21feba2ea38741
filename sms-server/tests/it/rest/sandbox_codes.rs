//! The meaning of codes that the sandbox gave.

use serde_json::Value;
use sms_core::Outcome;

use super::sandbox::{admin, call, send, settle, test_key};

#[tokio::test]
async fn a_code_of_the_sandbox_has_a_meaning() {
    let app = admin().await;
    let (_, key) = test_key(&app).await;
    for (code, meaning) in [(202, true), (201, true), (7, false)] {
        let id = send(&app, &key, "+79760000002", "hi").await;
        settle(&app, id, Outcome::rejected(code, "refused by the sandbox")).await;
        let shown = call(&app, &key, "GET", &format!("/v1/messages/{id}"), &Value::Null).await.body;
        assert_eq!(shown["code"], code, "{shown}");
        assert_eq!(shown["meaning"]["en"].is_string(), meaning, "{shown}");
        // The step has it, too, and keeps the provider's own words.
        let steps = shown["timeline"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["kind"] == "attempt").expect("an attempt");
        assert_eq!(step["meaning"], shown["meaning"], "{shown}");
        assert_eq!(step["text"], "refused by the sandbox", "{shown}");
    }
}
