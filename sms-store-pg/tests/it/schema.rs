//! The schema, as the migrations make it from every level on.

use std::path::{Path, PathBuf};

use sms_core::store::{Archive, MessageRequest, StatsRequest};
use sms_core::{MessageId, Route, Status};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use crate::common::{Schema, ask, begin, run};

/// Schema that the migrations make.
const SNAPSHOT: &str = include_str!("../../migrations/schema.txt");

/// The schema in the search path, one line for each of its parts.
const DESCRIBE: &str = "\
    WITH tables AS (SELECT oid, relname, reloptions FROM pg_class WHERE relkind IN ('r', 'p') \
        AND relnamespace = current_schema()::regnamespace AND relname <> '_sqlx_migrations'), \
    lines (line) AS ( \
        SELECT format('table %s', relname) \
                || coalesce(' with (' || array_to_string(reloptions, ', ') || ')', '') \
            FROM tables \
        UNION ALL SELECT format('column %s.%s %s', relname, attname, \
                    format_type(atttypid, atttypmod)) \
                || CASE WHEN attcollation IN (0, t.typcollation) THEN '' \
                    ELSE format(' collate %s', attcollation::regcollation) END \
                || CASE WHEN attnotnull THEN ' not null' ELSE '' END \
                || CASE WHEN attidentity = '' THEN '' ELSE ' identity' END \
                || coalesce(' default ' || pg_get_expr(adbin, adrelid), '') \
            FROM tables JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 \
                AND NOT attisdropped \
            JOIN pg_type AS t ON t.oid = atttypid \
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
        UNION ALL SELECT format('constraint %s.%s %s', relname, conname, \
                    pg_get_constraintdef(c.oid)) \
            FROM tables JOIN pg_constraint AS c ON conrelid = tables.oid WHERE contype <> 'n' \
        UNION ALL SELECT format('index %s', pg_get_indexdef(indexrelid)) \
            FROM tables JOIN pg_index ON indrelid = tables.oid \
        UNION ALL SELECT format('trigger %s', pg_get_triggerdef(g.oid)) \
            FROM tables JOIN pg_trigger AS g ON tgrelid = tables.oid WHERE NOT tgisinternal \
        UNION ALL SELECT format('function %s', pg_get_functiondef(p.oid)) \
            FROM pg_proc AS p WHERE pronamespace = current_schema()::regnamespace) \
    SELECT format(E'level %s, for programs that know level %s\\n', \
            (SELECT max(version) FROM _sqlx_migrations), \
            (SELECT max(usable_from) FROM schema_info)) \
        || string_agg(replace(line, current_schema() || '.', ''), E'\\n' \
            ORDER BY line COLLATE \"C\") || E'\\n' \
    FROM lines";

async fn describe(schema: &Schema) -> String {
    ask(&mut schema.connect().await, DESCRIBE).await
}

#[tokio::test]
async fn the_schema_is_that_of_the_snapshot() {
    let schema = Schema::new();
    schema.open().await;
    let now = describe(&schema).await;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema.txt");
    std::fs::write(&file, &now).expect("written");
    assert!(
        now == SNAPSHOT,
        "the schema has changed. Can a program of the last release still use it? If not, the \
         migration has to say so, see sms-store-pg/migrations/README.md. Then: cp {} \
         sms-store-pg/migrations/schema.txt",
        file.display()
    );
}

/// Makes the schema as a program made it that knew migrations up to this level.
async fn migrate(conn: &mut PgConnection, schema: &Schema, level: i64) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let all = Migrator::new(folder).await.expect("the migrations");
    let known = all.iter().filter(|migration| migration.version <= level).cloned().collect();
    run(conn, &format!("CREATE SCHEMA {}", schema.name())).await;
    Migrator::with_migrations(known).run(conn).await.expect("migrated");
}

/// A message that waits, and one that was sent, in the columns of the first level.
async fn fill(conn: &mut PgConnection, waits: MessageId, sent: MessageId) {
    for (id, status) in [(waits, 0), (sent, 2)] {
        let message = format!(
            "INSERT INTO messages (id, to_number, deadline_ms, max_attempts, class, lane, \
             encoding, parts, on_unknown, text) \
             VALUES ('{id}', 79251234567, 86400000, 5, 1, 1, 0, 1, 0, 'Hello')"
        );
        let state = format!(
            "INSERT INTO states (id, created_at, updated_at, due_at, push_at, valid_until, status, \
             lane) SELECT '{id}', now, now, now, now, now + 86400000, {status}, 1 \
             FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint) AS clock (now)"
        );
        run(conn, &message).await;
        run(conn, &state).await;
    }
}

#[tokio::test]
async fn a_schema_of_each_level_becomes_that_of_the_snapshot_and_keeps_its_messages() {
    let newest = SNAPSHOT.strip_prefix("level ").and_then(|rest| rest.split(',').next());
    let newest: i64 = newest.and_then(|digits| digits.parse().ok()).expect("a level");
    for level in 1..=newest {
        let (schema, waits, sent) = (Schema::new(), MessageId::new(), MessageId::new());
        let mut conn = schema.connect().await;
        migrate(&mut conn, &schema, level).await;
        fill(&mut conn, waits, sent).await;

        let store = schema.open().await;
        assert_eq!(describe(&schema).await, SNAPSHOT, "from level {level}");
        let stats = store.stats(&StatsRequest::default()).await.expect("counted");
        assert_eq!((stats.count(Status::Queued), stats.count(Status::Sent)), (1, 1), "{level}");
        let found = Archive::get(&store, &MessageRequest::new(sent)).await.expect("read");
        let found = found.expect("the message is there");
        assert_eq!(
            (found.state.status, found.message.route, &*found.message.text),
            (Status::Sent, Route::DEFAULT, "Hello"),
            "from level {level}"
        );
        assert_eq!(begin(&store, &[waits, sent], "w").await, 1, "from level {level}");
        store.close().await;
    }
}
