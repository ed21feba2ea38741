//! Files of the database that are removed, moved or replaced under a running store: everything that
//! was accepted is there afterwards, and nothing is accepted into a file that cannot be found
//! again.

use sms_core::store::{Archive, MessageRequest};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sms_core::{Error, ErrorKind, MessageId, StoreFault};
use sms_store_sqlite::SqliteStore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::common::{Folder, count, ids, insert, messages};

/// Number of callers that write at once.
const CALLERS: usize = 8;
/// Longest time that a test waits for a result.
const LIMIT: Duration = Duration::from_mins(1);

/// Callers that insert until they are refused.
struct Load {
    harmed: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Answers>>,
}

/// The answers that one of them got.
struct Answers {
    accepted: Vec<MessageId>,
    /// The answers to calls that began after the damage was done.
    accepted_afterwards: usize,
    refusal: Option<Error>,
}

impl Load {
    /// Starts it, and waits until it is running.
    async fn start(store: &SqliteStore) -> Self {
        let harmed = Arc::new(AtomicBool::new(false));
        let caller = |_| tokio::spawn(call(store.clone(), Arc::clone(&harmed)));
        let callers = (0..CALLERS).map(caller).collect();
        let begun = Instant::now();
        while count(store).await < 20 * CALLERS {
            assert!(begun.elapsed() < LIMIT, "the load does not start");
        }
        Self { harmed, callers }
    }

    /// Does damage while it runs. Returns what was accepted, and the refusals.
    async fn harm(self, harm: impl FnOnce()) -> (Vec<MessageId>, Vec<Error>) {
        harm();
        self.harmed.store(true, Ordering::SeqCst);
        let (mut accepted, mut refusals, mut afterwards) = (Vec::new(), Vec::new(), 0);
        for caller in self.callers {
            let answers = caller.await.expect("no panic");
            accepted.extend(answers.accepted);
            refusals.extend(answers.refusal);
            afterwards += answers.accepted_afterwards;
        }
        assert_eq!(afterwards, 0, "accepted into a file that nobody finds again");
        (accepted, refusals)
    }
}

async fn call(store: SqliteStore, harmed: Arc<AtomicBool>) -> Answers {
    let mut answers = Answers { accepted: Vec::new(), accepted_afterwards: 0, refusal: None };
    // A smaller number could be chance.
    while answers.accepted_afterwards < 50 {
        let (batch, after) = (messages(2), harmed.load(Ordering::SeqCst));
        match insert(&store, &batch).await {
            Ok(_) => {
                answers.accepted.extend(ids(&batch));
                answers.accepted_afterwards += usize::from(after);
            }
            Err(error) => {
                answers.refusal = Some(error);
                break;
            }
        }
    }
    answers
}

/// Checks that callers got, and still get, an error that says what happened to which file and what
/// to do.
async fn check_told(store: &SqliteStore, refusals: Vec<Error>, name: &str) {
    assert_eq!(refusals.len(), CALLERS);
    let again = insert(store, &messages(1)).await.expect_err("the file is not there");
    let alone = store.transaction(|_| Ok::<_, Error>(())).await.expect_err("the file is not there");
    for error in refusals.into_iter().chain([again, alone]) {
        assert_eq!(
            (error.kind(), error.fault()),
            (ErrorKind::Unavailable, Some(StoreFault::Unreachable))
        );
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("start the program again"), "{text}");
    }
}

async fn check_kept(store: &SqliteStore, accepted: &[MessageId]) {
    for id in accepted {
        let kept = store.get(&MessageRequest::new(*id)).await.expect("read");
        assert!(kept.is_some(), "{id} was accepted and is gone, one of {}", accepted.len());
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_into_a_file_that_was_removed() {
    let folder = Folder::new();
    let store = folder.open().await;
    let (_, refusals) =
        Load::start(&store).await.harm(|| fs::remove_file(folder.file()).expect("removed")).await;
    check_told(&store, refusals, "sms.db").await;
    assert!(!folder.file().exists(), "an empty file was made in its place");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_into_a_folder_that_was_removed() {
    let folder = Folder::new();
    let store = folder.open().await;
    let data = folder.file().parent().expect("a folder").to_owned();
    let (_, refusals) =
        Load::start(&store).await.harm(|| fs::remove_dir_all(&data).expect("removed")).await;
    check_told(&store, refusals, "sms.db").await;
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_into_a_file_that_another_took_the_place_of() {
    let (folder, other) = (Folder::new(), Folder::new());
    other.open().await.close().await;
    let store = folder.open().await;
    let replace = || fs::rename(other.file(), folder.file()).expect("replaced");
    let (_, refusals) = Load::start(&store).await.harm(replace).await;
    check_told(&store, refusals, "sms.db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_moved_keeps_what_was_accepted_and_works_again_when_it_is_back() {
    let folder = Folder::new();
    let store = folder.open().await;
    let data = folder.file().parent().expect("a folder").to_owned();
    let away = data.with_extension("away");
    let (accepted, refusals) =
        Load::start(&store).await.harm(|| fs::rename(&data, &away).expect("moved")).await;
    check_told(&store, refusals, "sms.db").await;
    let refused_after_notice = messages(1);
    insert(&store, &refused_after_notice).await.expect_err("the folder is away");
    fs::rename(&away, &data).expect("moved back");
    // The very same files: the same store goes on, and so does one that is opened.
    insert(&store, &messages(1)).await.expect("the folder is back");
    check_kept(&store, &accepted).await;
    let left_out = store.get(&MessageRequest::new(refused_after_notice[0].id)).await.expect("read");
    assert_eq!(left_out, None, "written although it was known that the folder is away");
    drop(store);
    let store = folder.open().await;
    check_kept(&store, &accepted).await;
    insert(&store, &messages(1)).await.expect("inserted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_write_ahead_log_that_was_removed_is_saved() {
    for suffix in ["-wal", "-shm"] {
        let folder = Folder::new();
        let store = folder.open().await;
        let log = with_suffix(&folder.file(), suffix);
        let (accepted, refusals) =
            Load::start(&store).await.harm(|| fs::remove_file(&log).expect("removed")).await;
        check_told(&store, refusals, &format!("sms.db{suffix}")).await;
        // The state after a kill: nothing is closed in order.
        std::mem::forget(store);
        let copy = folder.file().with_file_name("copy.db");
        fs::copy(folder.file(), &copy).expect("copied");
        if suffix == "-shm" {
            fs::copy(with_suffix(&folder.file(), "-wal"), with_suffix(&copy, "-wal"))
                .expect("copied");
        }
        let copy = SqliteStore::open(crate::common::patient(copy)).await.expect("opens");
        check_kept(&copy, &accepted).await;
        insert(&copy, &messages(1)).await.expect("inserted");
    }
}

#[tokio::test]
async fn a_read_of_a_file_that_was_removed_does_not_make_an_empty_one() {
    let folder = Folder::new();
    let store = folder.open().await;
    insert(&store, &messages(1)).await.expect("inserted");
    fs::remove_file(folder.file()).expect("removed");
    // The first read opens a connection.
    let error =
        store.get(&MessageRequest::new(MessageId::new())).await.expect_err("the file is not there");
    assert_eq!(
        (error.kind(), error.fault()),
        (ErrorKind::Unavailable, Some(StoreFault::Unreachable))
    );
    assert!(!folder.file().exists(), "an empty file was made in its place");
}
