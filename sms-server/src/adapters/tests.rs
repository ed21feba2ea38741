//! Addresses, good and bad.

use super::*;

fn said<T: std::fmt::Debug>(read: anyhow::Result<T>) -> String {
    format!("{:#}", read.expect_err("must be refused"))
}

#[test]
fn what_takes_nothing_after_its_colon_is_read_with_and_without_the_colon_and_nothing_else() {
    for address in ["memory:", "memory"] {
        assert!(
            matches!(QueueAddress::read(&address.into()), Ok(QueueAddress::Memory)),
            "{address}"
        );
    }
    for address in ["sandbox:", "sandbox"] {
        assert!(matches!(Upstream::read(&address.into()), Ok(Upstream::Sandbox(_))), "{address}");
    }
    for address in ["memory:foo", "memory://", "memory:?lease=1"] {
        assert!(
            said(QueueAddress::read(&address.into())).contains("nothing after its colon"),
            "{address}"
        );
    }
    for address in ["sandbox:foo", "sandbox://x"] {
        assert!(
            said(Upstream::read(&address.into())).contains("nothing after its colon"),
            "{address}"
        );
    }
}

#[test]
fn a_bare_api_id_is_explained_and_not_repeated() {
    let error = said(Upstream::read(&"CA4A8123-0000-BEEF-CAFE-0123456789AB".into()));
    assert!(error.contains("smsru://API_ID@sms.ru") && !error.contains("CA4A8123"), "{error}");
}

#[test]
fn what_is_no_address_is_answered_with_those_there_are_and_not_repeated() {
    for secret in
        ["", "CANARY", "CANARY:CANARY", "canary:CANARY", "79251234567:CANARY@sms.ru", "CANARY://x"]
    {
        let errors = [
            said(StoreAddress::read(&secret.into())),
            said(QueueAddress::read(&secret.into())),
            said(Upstream::read(&secret.into())),
        ];
        for error in errors {
            assert!(error.contains("an address") || error.contains("one begins as"), "{error}");
            assert!(!error.to_lowercase().contains("canary") && !error.contains("7925"), "{error}");
        }
    }
    assert!(said(StoreAddress::read(&"mysql://u:CANARY@h/db".into())).contains("`mysql://`"));
}

#[test]
fn a_hash_in_any_address_is_named() {
    let errors = [
        #[cfg(feature = "sqlite")]
        said(StoreAddress::read(&"sqlite:data/sms.db # the store".into())),
        #[cfg(feature = "pg")]
        said(StoreAddress::read(&"postgres://u:CAN#ARY@h/db".into())),
        #[cfg(feature = "pg")]
        said(StoreAddress::read(&"postgres://u@h/db#CANARY".into())),
        #[cfg(feature = "redis")]
        said(QueueAddress::read(&"redis://:CAN#ARY@h/0".into())),
        #[cfg(feature = "amqp")]
        said(QueueAddress::read(&"amqp://u:CAN#ARY@h/%2f".into())),
        #[cfg(feature = "smsru")]
        said(Upstream::read(&"smsru://CAN#ARY@sms.ru".into())),
    ];
    for error in errors {
        assert!(
            (error.contains("holds a #") || error.contains("contains a #"))
                && !error.contains("CAN")
                && !error.contains("ARY"),
            "{error}"
        );
    }
}

#[test]
#[cfg(not(feature = "pg"))]
fn an_address_this_build_cannot_reach_names_the_feature() {
    let error = said(StoreAddress::read(&"postgres://u@h/db".into()));
    assert_eq!(error, "built without PostgreSQL; build with `--features pg`");
}
