//! Opening files: new ones, old ones, shared ones, wrong ones.

use sms_core::registry::Expect;
use sms_core::store::{Archive, CancelRequest, MessageRequest};
use sms_core::{ErrorKind, Registry, Status, Store, StoreFault};
use sms_store_sqlite::{SqliteConfig, SqliteStore};

use crate::common::{Folder, ask, count, ids, insert, inserted, messages, run};

#[tokio::test]
async fn a_store_that_is_opened_again_has_kept_everything() {
    let (folder, batch) = (Folder::new(), messages(3));
    let store = folder.open().await;
    insert(&store, &batch).await.expect("inserted");
    let by = "me".to_owned();
    store.cancel(CancelRequest::new(batch[0].id, by)).await.expect("cancelled");
    store.put("key", "a", &serde_json::json!({"b": 1}), Expect::Absent).await.expect("put");
    let before = Archive::get(&store, &MessageRequest::new(batch[0].id)).await.expect("read");
    drop(store);

    let store = folder.open().await;
    assert_eq!(count(&store).await, 3);
    let after = Archive::get(&store, &MessageRequest::new(batch[0].id)).await.expect("read");
    assert_eq!(after, before);
    assert_eq!(after.map(|stored| stored.state.status), Some(Status::Cancelled));
    assert_eq!(store.timeline(&MessageRequest::new(batch[0].id)).await.expect("read").len(), 1);
    assert!(Registry::get(&store, "key", "a").await.is_ok_and(|record| record.is_some()));
}

#[tokio::test]
async fn a_closed_store_leaves_one_file_and_says_that_it_is_closed() {
    let folder = Folder::new();
    let store = folder.open().await;
    insert(&store, &messages(1)).await.expect("inserted");
    store.close().await;
    assert_eq!(
        insert(&store, &messages(1)).await.map_err(|error| error.kind()),
        Err(ErrorKind::Closed)
    );
    let log = folder.file().with_extension("db-wal");
    assert!(!log.exists(), "the write-ahead log is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_can_be_opened_by_many_at_once() {
    let folder = Folder::new();
    let opening: Vec<_> =
        (0..8).map(|_| tokio::spawn(SqliteStore::open(folder.config()))).collect();
    for store in opening {
        let store = store.await.expect("no panic").expect("the store opens");
        insert(&store, &messages(1)).await.expect("inserted");
    }
    assert_eq!(count(&folder.open().await).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_file_see_each_others_messages_and_wait_for_each_other() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    let write = |store: SqliteStore| async move {
        for _ in 0..50 {
            let batch = messages(4);
            assert_eq!(inserted(&store, &batch).await, 4);
            assert!(
                Archive::get(&store, &MessageRequest::new(batch[0].id))
                    .await
                    .expect("read")
                    .is_some()
            );
        }
    };
    let (first, second) = (tokio::spawn(write(one.clone())), tokio::spawn(write(two.clone())));
    first.await.expect("no panic");
    second.await.expect("no panic");
    assert_eq!((count(&one).await, count(&two).await), (400, 400));
}

#[tokio::test]
async fn the_file_is_written_the_durable_way() {
    let store = Folder::new();
    let store = store.open().await;
    assert_eq!(ask(&store, "SELECT journal_mode FROM pragma_journal_mode").await, "wal");
    assert_eq!(ask(&store, "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2");
}

#[tokio::test]
async fn a_file_a_newer_version_has_migrated_can_still_be_opened() {
    let folder = Folder::new();
    let store = folder.open().await;
    run(&store, "INSERT INTO migrations (version, script) VALUES (9999, 'later')").await;
    drop(store);
    let store = folder.open().await;
    assert_eq!(
        store.schema().to_string(),
        "at level 9999; this program knows level 11, and may use it"
    );
    insert(&store, &messages(1)).await.expect("inserted");
}

#[tokio::test]
async fn a_file_a_newer_version_has_changed_beyond_this_one_is_refused_and_left_alone() {
    let folder = Folder::new();
    let store = folder.open().await;
    run(&store, "INSERT INTO migrations (version, script) VALUES (9999, 'later')").await;
    run(&store, "UPDATE schema_info SET usable_from = 9000").await;
    store.close().await;
    let refused = SqliteStore::open(folder.config()).await.expect_err("must be refused");
    assert_eq!(refused.kind(), ErrorKind::Config);
    let text = refused.to_string();
    assert!(
        text.contains("level 9999") && text.contains("level 9000") && text.contains("level 11"),
        "{text}"
    );
    assert!(text.contains("newer version of the program"), "{text}");
}

#[tokio::test]
async fn a_schema_that_was_edited_is_refused() {
    let folder = Folder::new();
    run(&folder.open().await, "UPDATE migrations SET script = 'other'").await;
    let refused = SqliteStore::open(folder.config()).await.expect_err("must be refused");
    assert_eq!(refused.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_file_with_such_tables_of_somebody_else_is_refused() {
    let folder = Folder::new();
    run(&folder.open().await, "DROP TABLE migrations").await;
    let refused = SqliteStore::open(folder.config()).await.expect_err("must be refused");
    assert_eq!(refused.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn what_is_not_a_database_is_no_reason_to_try_again() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.file().parent().expect("a folder")).expect("a folder");
    std::fs::write(folder.file(), "not a database, but long enough to be looked at ".repeat(100))
        .expect("a file");
    let refused = SqliteStore::open(folder.config()).await.expect_err("must be refused");
    assert_eq!(refused.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_a_wrong_setting() {
    let folder = Folder::new();
    let file = folder.file();
    folder.open().await;
    let below_a_file = SqliteConfig::new(file.join("further/sms.db"));
    let refused = SqliteStore::open(below_a_file).await.expect_err("must be refused");
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.to_string().starts_with("the folder /"), "{refused}");
}

#[tokio::test]
async fn a_place_sqlite_cannot_open_is_unavailable() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.file()).expect("a folder in the file's place");
    let refused = SqliteStore::open(folder.config()).await.expect_err("must be refused");
    assert_eq!(
        (refused.kind(), refused.fault()),
        (ErrorKind::Unavailable, Some(StoreFault::Unreachable))
    );
}

#[tokio::test]
async fn ids_of_a_batch_are_listed_newest_first() {
    let (folder, batch) = (Folder::new(), messages(300));
    let store = folder.open().await;
    // More rows than one statement takes.
    assert_eq!(inserted(&store, &batch).await, 300);
    let request = sms_core::store::ListRequest::new(1000);
    let listed = Archive::list(&store, &request).await.expect("read");
    let mut expected = ids(&batch);
    expected.reverse();
    assert_eq!(
        listed.messages.iter().map(|stored| stored.message.id).collect::<Vec<_>>(),
        expected
    );
}

#[cfg(unix)]
mod modes {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use super::*;

    fn mode(path: &Path) -> u32 {
        metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    fn files(folder: &Folder) -> Vec<PathBuf> {
        let all = std::fs::read_dir(folder.file().parent().expect("a folder")).expect("read");
        all.map(|entry| entry.expect("an entry").path()).collect()
    }

    #[tokio::test]
    async fn a_new_file_and_those_next_to_it_are_their_owners_alone() {
        let folder = Folder::new();
        let store = folder.open().await;
        insert(&store, &messages(1)).await.expect("inserted");
        let files = files(&folder);
        assert_eq!(files.len(), 3, "the file, its log and its index: {files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[tokio::test]
    async fn a_new_folder_is_its_owners_alone() {
        let folder = Folder::new();
        let file = folder.file().with_file_name("new").join("er").join("sms.db");
        let _store = SqliteStore::open(SqliteConfig::new(&file)).await.expect("opened");
        for made in file.ancestors().skip(1).take(2) {
            assert_eq!(mode(made), 0o700, "{}", made.display());
        }
    }

    #[tokio::test]
    async fn what_is_no_store_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("text");
        std::fs::write(&file, "no database, but long enough to be looked at ".repeat(100))
            .expect("written");
        for path in [file.as_path(), folder.path()] {
            set_permissions(path, Permissions::from_mode(0o755)).expect("set");
            SqliteStore::open(SqliteConfig::new(path)).await.expect_err("no store");
            assert_eq!(mode(path), 0o755, "{}", path.display());
        }
    }

    #[tokio::test]
    async fn a_file_that_everybody_could_read_is_closed_to_others_and_one_of_a_group_is_left_alone()
    {
        for (before, after) in
            [(0o644, 0o600), (0o666, 0o600), (0o604, 0o600), (0o640, 0o640), (0o660, 0o660)]
        {
            let folder = Folder::new();
            let store = folder.open().await;
            insert(&store, &messages(1)).await.expect("inserted");
            for file in files(&folder) {
                set_permissions(file, Permissions::from_mode(before)).expect("set");
            }
            let _again = folder.open().await;
            for file in files(&folder) {
                assert_eq!(mode(&file), after, "{} at {before:o}", file.display());
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_the_reason_once() {
    let folder = Folder::new();
    let path = folder.file();
    let said = async || {
        let error = SqliteStore::open(SqliteConfig::new(&path)).await.expect_err("must be refused");
        let cause =
            std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{error}{cause}")
    };
    let named = path.display();
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, "this is a text, and no database at all; it is longer than a header")
        .expect("written");
    assert_eq!(said().await, format!("the SQLite file {named} is not a SQLite database"));
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("made");
    assert!(
        said()
            .await
            .starts_with(&format!("the SQLite file {named} cannot be opened: it must be a file"))
    );
}

#[tokio::test]
async fn a_check_makes_nothing_and_finds_what_is_wrong() {
    let folder = Folder::new();
    let config = folder.config();
    SqliteStore::check(&config).await.expect("a file that can be made is no mistake");
    assert!(!folder.file().exists());
    std::fs::create_dir_all(folder.file().parent().expect("a folder")).expect("made");
    std::fs::write(folder.file(), "x".repeat(4096)).expect("written");
    let error = SqliteStore::check(&config).await.expect_err("no database");
    assert!(error.to_string().ends_with("is not a SQLite database"), "{error}");
    let below = SqliteConfig::new(folder.file().join("sms.db"));
    let error = SqliteStore::check(&below).await.expect_err("a file in the way");
    assert!(
        error.to_string().ends_with("cannot be made: a file is in the way of its folder"),
        "{error}"
    );
}
