//! The schema, as the migrations make it from every level on.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};
use sms_core::store::{Archive, BeginRequest, MessageRequest, StatsRequest};
use sms_core::{MessageId, Route, Status, Store as _};

use crate::common::Folder;

/// Schema that the migrations make.
const SNAPSHOT: &str = include_str!("../../migrations/schema.txt");

/// The schema, each table with its indexes.
fn describe(file: &Path) -> String {
    let conn = Connection::open(file).expect("the file opens");
    let levels: String = conn
        .query_row(
            "SELECT format('level %d, for programs that know level %d', \
             (SELECT max(version) FROM migrations), (SELECT max(usable_from) FROM schema_info))",
            [],
            |row| row.get(0),
        )
        .expect("the levels");
    let mut objects = conn
        .prepare(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' \
             ORDER BY tbl_name, type DESC, name",
        )
        .expect("the schema");
    let objects = objects.query_map([], |row| row.get(0)).expect("the schema");
    let objects: Vec<String> = objects.collect::<Result<_, _>>().expect("the schema");
    // Each in one line, without comments.
    let in_one_line = |sql: &String| {
        let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default().trim());
        let words = lines.flat_map(str::split_whitespace);
        words.collect::<Vec<_>>().join(" ") + "\n"
    };
    format!("{levels}\n{}", objects.iter().map(in_one_line).collect::<String>())
}

#[tokio::test]
async fn the_schema_is_that_of_the_snapshot() {
    let folder = Folder::new();
    folder.open().await.close().await;
    let now = describe(&folder.file());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema-sqlite.txt");
    std::fs::write(&file, &now).expect("written");
    assert!(
        now == SNAPSHOT,
        "the schema has changed. Can a program of the last release still use it? If not, the \
         migration has to say so, see sms-store-sqlite/migrations/README.md. Then: cp {} \
         sms-store-sqlite/migrations/schema.txt",
        file.display()
    );
}

/// The scripts of all migrations, in order.
fn scripts() -> Vec<String> {
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"));
    let files = folder.expect("the migrations").map(|file| file.expect("a migration").path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "sql")).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).expect("a migration")).collect()
}

/// A file as a program made it that knew these migrations, with a message that waits, and one that
/// was sent, in the columns of the first level.
fn make(file: &Path, scripts: &[String], waits: MessageId, sent: MessageId) {
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    let conn = Connection::open(file).expect("a file");
    conn.execute_batch(
        "PRAGMA journal_mode = wal; \
         CREATE TABLE migrations (version INTEGER PRIMARY KEY, script TEXT NOT NULL) STRICT",
    )
    .expect("a new file");
    for (level, script) in (1_i64..).zip(scripts) {
        conn.execute_batch(script).expect("migrated");
        let recorded =
            conn.execute("INSERT INTO migrations VALUES (?1, ?2)", params![level, script]);
        recorded.expect("recorded");
    }
    for (id, status) in [(waits, 0), (sent, 2)] {
        let insert = "\
            INSERT INTO messages (id, to_number, text, class, encoding, parts, deadline_ms, \
            max_attempts, on_unknown, lane, created_at, status, updated_at, due_at, valid_until, \
            push_at) \
            SELECT ?1, 79251234567, 'Hello', 'service', 'gsm7', 1, 86400000, 5, 'hold', 1, now, \
            ?2, now, now, now + 86400000, now \
            FROM (SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now)";
        conn.execute(insert, params![id.as_bytes(), status]).expect("inserted");
    }
}

#[tokio::test]
async fn a_file_of_each_level_becomes_that_of_the_snapshot_and_keeps_its_messages() {
    let scripts = scripts();
    for level in 1..=scripts.len() {
        let (folder, waits, sent) = (Folder::new(), MessageId::new(), MessageId::new());
        make(&folder.file(), &scripts[..level], waits, sent);

        let store = folder.open().await;
        let stats = store.stats(&StatsRequest::default()).await.expect("counted");
        assert_eq!((stats.count(Status::Queued), stats.count(Status::Sent)), (1, 1), "{level}");
        let found = Archive::get(&store, &MessageRequest::new(sent)).await.expect("read");
        let found = found.expect("the message is there");
        assert_eq!(
            (found.state.status, found.message.route, &*found.message.text),
            (Status::Sent, Route::DEFAULT, "Hello"),
            "from level {level}"
        );
        let both = [waits, sent];
        let request = BeginRequest::new(&both, "w", 1, "p", Duration::from_mins(1));
        assert_eq!(store.begin(request).await.expect("begun").len(), 1, "from level {level}");
        store.close().await;
        assert_eq!(describe(&folder.file()), SNAPSHOT, "from level {level}");
    }
}
