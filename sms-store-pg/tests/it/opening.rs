//! Opening stores: new schemas, old ones, wrong ones.

use std::time::Duration;

use sms_core::registry::Expect;
use sms_core::store::{Archive, CancelRequest, MessageRequest};
use sms_core::{ErrorKind, Registry, Status, Store};
use sms_store_pg::{PgConfig, PgStore};

use crate::common::{Schema, ask, count, insert, messages, run};

async fn refusal(config: PgConfig) -> ErrorKind {
    PgStore::open(config).await.expect_err("must be refused").kind()
}

/// An address without a server, or a user or database that does not exist.
fn elsewhere(change: impl FnOnce(&mut url::Url)) -> PgConfig {
    let mut address = url::Url::parse(&crate::common::url()).expect("a URL");
    change(&mut address);
    PgConfig::from_url(address.as_str()).expect("valid").timeout(Duration::from_secs(20))
}

#[tokio::test]
async fn a_store_that_is_opened_again_has_kept_everything() {
    let (schema, batch) = (Schema::new(), messages(3));
    let store = schema.open().await;
    insert(&store, &batch).await.expect("inserted");
    let by = "me".to_owned();
    store.cancel(CancelRequest::new(batch[0].id, by)).await.expect("cancelled");
    store.put("key", "a", &serde_json::json!({"b": 1}), Expect::Absent).await.expect("put");
    let before = Archive::get(&store, &MessageRequest::new(batch[0].id)).await.expect("read");
    store.close().await;

    let store = schema.open_with(schema.config().migrate(false)).await;
    assert_eq!(count(&store).await, 3);
    let after = Archive::get(&store, &MessageRequest::new(batch[0].id)).await.expect("read");
    assert_eq!(after, before);
    assert_eq!(after.map(|stored| stored.state.status), Some(Status::Cancelled));
    assert_eq!(store.timeline(&MessageRequest::new(batch[0].id)).await.expect("read").len(), 1);
    assert!(Registry::get(&store, "key", "a").await.is_ok_and(|record| record.is_some()));
}

#[tokio::test]
async fn a_closed_store_says_that_it_is_closed_and_leaves_no_connection() {
    let schema = Schema::new();
    let store = schema.open().await;
    insert(&store, &messages(1)).await.expect("inserted");
    store.close().await;
    assert_eq!(
        insert(&store, &messages(1)).await.map_err(|error| error.kind()),
        Err(ErrorKind::Closed)
    );
}

#[tokio::test]
async fn a_schema_that_is_not_migrated_is_refused_by_one_that_does_not_migrate() {
    let schema = Schema::new();
    assert_eq!(refusal(schema.config().migrate(false)).await, ErrorKind::Config);
    schema.open().await;
    schema.open_with(schema.config().migrate(false)).await;
}

#[tokio::test]
async fn a_schema_a_newer_version_has_migrated_can_still_be_opened() {
    let schema = Schema::new();
    schema.open().await;
    let later = "INSERT INTO _sqlx_migrations \
        (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, '', 0)";
    run(&mut schema.connect().await, later).await;
    let store = schema.open().await;
    assert_eq!(
        store.schema().to_string(),
        "at level 9999; this program knows level 12, and may use it"
    );
    insert(&store, &messages(1)).await.expect("inserted");
}

#[tokio::test]
async fn a_schema_a_newer_version_has_changed_beyond_this_one_is_refused() {
    let schema = Schema::new();
    schema.open().await;
    let later = "INSERT INTO _sqlx_migrations \
        (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, '', 0); UPDATE schema_info SET usable_from = 9000";
    run(&mut schema.connect().await, later).await;
    for migrate in [true, false] {
        let refused =
            PgStore::open(schema.config().migrate(migrate)).await.expect_err("must be refused");
        assert_eq!(refused.kind(), ErrorKind::Config);
        let text = refused.to_string();
        assert!(
            text.contains("level 9999") && text.contains("level 9000") && text.contains("level 12"),
            "{text}"
        );
        assert!(text.contains("newer version of the program"), "{text}");
    }
}

#[tokio::test]
async fn a_schema_that_was_edited_is_refused() {
    let schema = Schema::new();
    schema.open().await;
    run(&mut schema.connect().await, "UPDATE _sqlx_migrations SET checksum = ''").await;
    assert_eq!(refusal(schema.config()).await, ErrorKind::Config);
    assert_eq!(refusal(schema.config().migrate(false)).await, ErrorKind::Config);
}

#[tokio::test]
async fn a_server_that_is_not_there_may_be_there_later() {
    let config = elsewhere(|address| address.set_port(Some(1)).expect("a port"));
    assert_eq!(refusal(config).await, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_database_or_user_that_does_not_exist_is_a_wrong_setting() {
    assert_eq!(
        refusal(elsewhere(|address| address.set_path("sms_no_such_database"))).await,
        ErrorKind::Config
    );
    let nobody = elsewhere(|address| address.set_username("sms_no_such_user").expect("a user"));
    assert_eq!(refusal(nobody).await, ErrorKind::Config);
}

#[tokio::test]
async fn a_connection_shows_its_application_name() {
    let schema = Schema::new();
    let store = schema.open().await;
    insert(&store, &messages(1)).await.expect("inserted");
    let mut conn = schema.connect().await;
    let query = format!(
        "SELECT count(*)::text FROM pg_stat_activity \
         WHERE application_name = 'sms' AND query LIKE '%{}.messages%'",
        schema.name()
    );
    assert_eq!(ask(&mut conn, &query).await, "1");
}

#[tokio::test]
async fn data_nobody_can_read_is_a_defect() {
    let schema = Schema::new();
    let (store, batch) = (schema.open().await, messages(1));
    insert(&store, &batch).await.expect("inserted");
    run(&mut schema.connect().await, "UPDATE messages SET class = 9").await;
    let error =
        Archive::get(&store, &MessageRequest::new(batch[0].id)).await.expect_err("unreadable");
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!format!("{error:?}").contains("text 0"));
}

#[tokio::test]
async fn a_session_that_was_ended_costs_one_call_at_most() {
    let schema = Schema::new();
    let store = schema.open().await;
    insert(&store, &messages(1)).await.expect("inserted");
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'sms' AND query LIKE '%{}.messages%'",
        schema.name()
    );
    run(&mut schema.connect().await, &end).await;
    let first = insert(&store, &messages(1)).await;
    assert!(first.is_ok() || first.is_err_and(|error| error.kind() == ErrorKind::Unavailable));
    insert(&store, &messages(1)).await.expect("inserted");
}

#[tokio::test]
async fn a_missing_right_is_answered_with_the_statement_that_gives_it() {
    let schema = Schema::new();
    let (name, mut conn) = (schema.name(), schema.connect().await);
    run(&mut conn, &format!("CREATE ROLE {name} LOGIN PASSWORD 'x'")).await;
    let open = async |migrate| {
        let config = elsewhere(|address| {
            address.set_username(name).expect("a host");
            address.set_password(Some("x")).expect("a host");
        });
        PgStore::open(config.schema(name).migrate(migrate)).await
    };
    let said = async || open(true).await.expect_err("a right is missing").to_string();
    let no_schema = said().await;
    run(&mut conn, &format!("CREATE SCHEMA {name}")).await;
    let no_tables = said().await;
    run(&mut conn, &format!("GRANT USAGE, CREATE ON SCHEMA {name} TO {name}")).await;
    let opened = open(true).await.map(drop);
    run(&mut conn, &format!("REVOKE ALL ON SCHEMA {name} FROM {name}")).await;
    let no_rights = open(false).await.expect_err("a right is missing").to_string();
    run(&mut conn, &format!("DROP OWNED BY {name}; DROP ROLE {name}")).await;

    assert!(
        no_schema.contains(&format!("CREATE SCHEMA {name} AUTHORIZATION {name}")),
        "{no_schema}"
    );
    assert!(
        no_tables.contains(&format!("GRANT USAGE, CREATE ON SCHEMA {name} TO {name}")),
        "{no_tables}"
    );
    opened.expect("what was said is enough");
    assert!(no_rights.contains(&format!("GRANT USAGE ON SCHEMA {name} TO {name}")), "{no_rights}");
}

#[tokio::test]
async fn a_check_signs_in_and_makes_nothing() {
    let schema = Schema::new();
    PgStore::check(&schema.config()).await.expect("it works");
    let there =
        format!("SELECT count(*)::text FROM pg_namespace WHERE nspname = '{}'", schema.name());
    assert_eq!(ask(&mut schema.connect().await, &there).await, "0");
    let nowhere = elsewhere(|address| address.set_path("/no_such_database"));
    let error = PgStore::check(&nowhere).await.expect_err("no database");
    assert!(
        error.to_string().ends_with("has no database no_such_database; create it first"),
        "{error}"
    );
}
