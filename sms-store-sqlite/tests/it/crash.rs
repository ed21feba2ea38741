//! A process that is killed while it writes.

use sms_core::store::{Archive, MessageRequest};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use sms_core::MessageId;

use crate::common::{Folder, ask, ids, insert, messages, patient};

/// Set for the process that is to be killed: the file to write.
const FILE: &str = "SMS_STORE_SQLITE_WRITER_FILE";
/// Prefix of each id in the writer's output, to which the test harness also writes.
const MARK: &str = "stored ";

/// Not a test by itself: the process that [`what_was_accepted_survives_a_kill`] starts and kills.
#[tokio::test(flavor = "multi_thread")]
async fn writer() {
    let Ok(file) = std::env::var(FILE) else { return };
    let store = sms_store_sqlite::SqliteStore::open(patient(file)).await.expect("the store opens");
    loop {
        let batch = messages(10);
        insert(&store, &batch).await.expect("inserted");
        for id in ids(&batch) {
            println!("{MARK}{id}");
        }
    }
}

#[tokio::test]
async fn what_was_accepted_survives_a_kill() {
    let folder = Folder::new();
    let mut accepted: Vec<MessageId> = Vec::new();
    for round in 1..=5 {
        accepted.extend(write_and_kill(&folder, round * 37));
        let store = folder.open().await;
        assert_eq!(ask(&store, "PRAGMA integrity_check").await, "ok");
        for id in &accepted {
            let kept = store.get(&MessageRequest::new(*id)).await.expect("read");
            assert!(kept.is_some(), "{id} was accepted and is gone");
        }
        insert(&store, &messages(1)).await.expect("inserted");
    }
}

/// Kills a writer once it has accepted some messages, and returns everything it accepted.
fn write_and_kill(folder: &Folder, some: usize) -> Vec<MessageId> {
    let mut writer = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "crash::writer", "--nocapture"])
        .env(FILE, folder.file())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let lines = BufReader::new(writer.stdout.take().expect("its output")).lines();
    let mut accepted = Vec::new();
    for line in lines.map_while(Result::ok) {
        accepted.extend(line.split_once(MARK).and_then(|(_, id)| id.parse::<MessageId>().ok()));
        if accepted.len() == some {
            // SIGKILL. The output before it is still in the pipe.
            writer.kill().expect("killed");
        }
    }
    writer.wait().expect("ended");
    assert!(accepted.len() >= some, "the writer ended by itself");
    accepted
}
