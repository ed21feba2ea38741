//! `stoplist/…`.

use sms_core::ErrorKind;
use sms_smsru::Refusal;

use super::{DONE, done};
use crate::support::{MethodServer, PHONE, pairs, phone};

#[tokio::test]
async fn the_stop_list_is_added_to_and_taken_from() {
    let methods = MethodServer::start(&[("stoplist/add", DONE), ("stoplist/del", DONE)]).await;
    methods.provider("").stoplist_add(phone(PHONE), "asked to").await.unwrap();
    methods.provider("").stoplist_del(phone(PHONE)).await.unwrap();
    let added = [("stoplist_phone", "79255070602"), ("stoplist_text", "asked to")];
    assert_eq!(methods.request_fields("stoplist/add").await, pairs(&added));
    assert_eq!(methods.request_fields("stoplist/del").await, pairs(&added[..1]));
    let refused = r#"{"status":"ERROR","status_code":202,"status_text":"asked to 79255070602"}"#;
    let methods =
        MethodServer::start(&[("stoplist/add", refused), ("stoplist/del", refused)]).await;
    let error = methods.provider("").stoplist_add(phone(PHONE), "asked to").await.unwrap_err();
    assert_eq!(
        (error.kind(), Refusal::of(&error).unwrap().text.as_deref()),
        (ErrorKind::Invalid, None)
    );
    assert!(methods.provider("").stoplist_del(phone(PHONE)).await.is_err());
}

#[tokio::test]
async fn the_stop_list_is_read_in_every_form_php_gives_it() {
    for (fields, expected) in [
        (
            r#""stoplist":{"79255070602":"asked to","74993221627":"","85298765432":null}"#,
            &[(PHONE, "asked to"), (74_993_221_627, ""), (85_298_765_432, "")][..],
        ),
        (r#""stoplist":{"79255070602":7,"unknown":"x","1":"y"}"#, &[(PHONE, "7")]),
        (r#""stoplist":["79255070602"]"#, &[(PHONE, "")]),
        (r#""stoplist":[]"#, &[]),
        (r#""stoplist":{}"#, &[]),
        (r#""stoplist":null"#, &[]),
        (r#""x":1"#, &[]),
    ] {
        let methods = MethodServer::start(&[("stoplist/get", &done(fields))]).await;
        let list = methods.provider("").stoplist_get().await.unwrap();
        let list: Vec<_> = list.iter().map(|entry| (entry.phone.digits(), &*entry.note)).collect();
        assert_eq!(list, expected, "{fields}");
        assert_eq!(methods.request_fields("stoplist/get").await, []);
    }
}
