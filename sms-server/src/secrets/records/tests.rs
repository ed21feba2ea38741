//! Secrets over a registry in memory.

use std::sync::Arc;

use sms_core::MemoryRegistry;

use super::*;

const OLD: &str = "an-old-key-of-thirty-two-letters";
const NEW: &str = "a-new-key-of-thirty-two-letters!";

fn keys(texts: &[&str]) -> SecretString {
    texts.join(",").into()
}

async fn with(registry: &Arc<MemoryRegistry>, texts: &[&str]) -> Result<Secrets> {
    Secrets::encrypted(registry.clone(), &keys(texts)).await
}

async fn secret(secrets: &Secrets) -> Result<String> {
    let made = secrets.get_or_make("callback", "line", || Ok("canary".into())).await?;
    Ok(made.expose_secret().to_owned())
}

async fn stored(registry: &MemoryRegistry) -> Result<String> {
    let record = registry.get("callback", "line").await?;
    Ok(record.map(|record| record.value.to_string()).unwrap_or_default())
}

#[tokio::test]
async fn a_secret_is_made_once_and_is_not_in_the_registry() {
    let registry = Arc::new(MemoryRegistry::new());
    let secrets = with(&registry, &[OLD]).await.unwrap();
    assert_eq!(secret(&secrets).await.unwrap(), "canary");
    let again = with(&registry, &[OLD]).await.unwrap();
    let other = again.get_or_make("callback", "line", || Ok("other".into())).await.unwrap();
    assert_eq!(other.expose_secret(), "canary");
    let all = format!("{registry:?}");
    assert!(!all.contains("canary") && !all.contains(OLD), "{all}");
}

#[tokio::test]
async fn another_key_and_none_are_refused() {
    let registry = Arc::new(MemoryRegistry::new());
    with(&registry, &[OLD]).await.unwrap();
    for error in [
        with(&registry, &[NEW]).await.unwrap_err(),
        Secrets::without_key(registry.clone()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.to_string().contains(NEW), "{error}");
    }
    for wrong in ["", ",", "short", &OLD[1..]] {
        assert!(with(&registry, &[wrong]).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn two_nodes_with_different_keys_do_not_both_start() {
    let registry = Arc::new(MemoryRegistry::new());
    let (one, two) = tokio::join!(with(&registry, &[OLD]), with(&registry, &[NEW]));
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn a_secret_in_clear_is_encrypted_when_there_is_a_key() {
    let registry = Arc::new(MemoryRegistry::new());
    let clear = Secrets::in_clear(registry.clone());
    assert_eq!(secret(&clear).await.unwrap(), "canary");
    // A program without a key goes on with it.
    let missing = Secrets::without_key(registry.clone()).await.unwrap();
    assert_eq!(secret(&missing).await.unwrap(), "canary");
    assert!(stored(&registry).await.unwrap().contains("canary"));
    let secrets = with(&registry, &[OLD]).await.unwrap();
    assert_eq!(secret(&secrets).await.unwrap(), "canary");
    assert!(!stored(&registry).await.unwrap().contains("canary"));
    assert_eq!(secret(&secrets).await.unwrap(), "canary");
}

#[tokio::test]
async fn without_a_key_no_secret_is_made() {
    let registry = Arc::new(MemoryRegistry::new());
    let missing = Secrets::without_key(registry.clone()).await.unwrap();
    let error = secret(&missing).await.unwrap_err();
    assert!(error.to_string().contains("SMS_SECRET_KEY"), "{error}");
    assert!(registry.list("callback").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_rotation_leaves_no_secret_with_the_old_key_and_may_be_cut_short() {
    let registry = Arc::new(MemoryRegistry::new());
    let before = with(&registry, &[OLD]).await.unwrap();
    secret(&before).await.unwrap();
    // Nodes that start with both keys before the rotation still encrypt with the old one, which
    // those that have it alone can read.
    let both = with(&registry, &[NEW, OLD]).await.unwrap();
    both.get_or_make("callback", "late", || Ok("late".into())).await.unwrap();
    let late = before.get_or_make("callback", "late", || Ok("x".into())).await.unwrap();
    assert_eq!(late.expose_secret(), "late");

    assert_eq!(Secrets::rotate(registry.clone(), &keys(&[NEW, OLD])).await.unwrap(), 2);
    assert!(with(&registry, &[OLD]).await.is_err());
    let after = with(&registry, &[NEW]).await.unwrap();
    assert_eq!(secret(&after).await.unwrap(), "canary");

    // As if the process had ended before the fingerprint was written.
    let old = SecretKey::new(OLD).unwrap();
    let document = json!({ "fingerprint": old.fingerprint() });
    registry.put(KIND, NAME, &document, Expect::Anything).await.unwrap();
    assert_eq!(secret(&with(&registry, &[NEW, OLD]).await.unwrap()).await.unwrap(), "canary");
    assert_eq!(Secrets::rotate(registry.clone(), &keys(&[NEW, OLD])).await.unwrap(), 2);
    assert_eq!(secret(&with(&registry, &[NEW]).await.unwrap()).await.unwrap(), "canary");
}
