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
        let provider = open_provider(&address.into()).expect("the sandbox");
        assert!(is_sandbox(&*provider), "{address}");
    }
    for address in ["memory:foo", "memory://", "memory:?lease=1"] {
        assert!(
            said(QueueAddress::read(&address.into())).contains("nothing after its colon"),
            "{address}"
        );
    }
    for address in ["sandbox:foo", "sandbox://x"] {
        assert!(
            said(open_provider(&address.into())).contains("nothing after its colon"),
            "{address}"
        );
    }
}

#[test]
fn a_bare_api_id_is_explained_and_not_repeated() {
    let error = said(open_provider(&"CA4A8123-0000-BEEF-CAFE-0123456789AB".into()));
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
            said(open_provider(&secret.into())),
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
        said(open_provider(&"smsru://CAN#ARY@sms.ru".into())),
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

#[test]
fn an_address_tells_the_kind_of_its_store_and_queue() {
    use crate::app::site::StoreKind;
    let store = |address: &str| StoreAddress::read(&address.into()).expect("a store").kind();
    let queue = |address: &str| QueueAddress::read(&address.into()).expect("a queue").kind();
    assert!(matches!(queue("memory:"), QueueKind::Memory));
    #[cfg(feature = "sqlite")]
    assert!(matches!(store("sqlite:sms.db"), StoreKind::Sqlite));
    #[cfg(feature = "pg")]
    assert!(matches!(store("postgres://sms@host/sms"), StoreKind::Postgresql));
    #[cfg(feature = "redis")]
    assert!(matches!(queue("redis://host:6379"), QueueKind::Redis));
    #[cfg(feature = "amqp")]
    assert!(matches!(queue("amqp://host:5672/%2f"), QueueKind::Rabbitmq));
}

#[cfg(feature = "smsru")]
#[test]
fn a_code_of_a_sandbox_rule_means_what_it_means_at_sms_ru() {
    let meaning = SANDBOX_CODES(207).expect("a code of sms.ru");
    assert!(meaning.ru.contains("номер"), "{meaning:?}");
    assert!(SANDBOX_CODES(7).is_none());
}
