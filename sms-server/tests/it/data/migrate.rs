//! What a migration would do.

use super::run;

/// Looks before and after a migration of the store of these settings.
fn look_migrate_look(settings: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let look = || run(folder.path(), &["migrate", "--dry-run"], settings).expect("a plan");
    let before = look();
    assert_eq!(look(), before, "nothing is changed");
    let expected = "The store has no schema yet. `migrate` would apply 1 (messages), 2 (";
    assert!(before.starts_with(expected), "{before}");
    assert!(!folder.path().join("data").exists(), "nothing is made");
    let migrated = run(folder.path(), &["migrate"], settings).expect("migrated");
    assert!(migrated.contains("the newest that this program knows"), "{migrated}");
    let after = look();
    assert!(after.starts_with("The schema of the store is at level "), "{after}");
    assert!(after.contains("`migrate` has nothing to do. Programs that know level"), "{after}");
    assert_eq!(before.rsplit(". ").next(), after.rsplit(". ").next());
}

#[test]
fn a_dry_run_on_sqlite_says_what_is_missing_and_changes_nothing() {
    look_migrate_look(&[]);
}

#[cfg(feature = "pg")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_on_postgres_says_what_is_missing_and_changes_nothing() {
    let postgres = sms_testkit::instances::Postgres::start().await;
    let settings = [("SMS_STORE", postgres.url())];
    tokio::task::block_in_place(|| look_migrate_look(&settings));
    // A schema that is older than the program.
    let mut conn = <sqlx::PgConnection as sqlx::Connection>::connect(postgres.url()).await;
    let conn = conn.as_mut().expect("a connection");
    let older = "DELETE FROM sms._sqlx_migrations WHERE version > 9";
    sqlx::query(older).execute(conn).await.expect("an older schema");
    let folder = tempfile::tempdir().expect("a folder");
    let plan = run(folder.path(), &["migrate", "--dry-run"], &settings).expect("a plan");
    let expected = "is at level 9. `migrate` would apply 10 (worklists), 11 (costs)";
    assert!(plan.contains(expected), "{plan}");
}
