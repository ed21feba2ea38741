//! Query plans of PostgreSQL: each hot statement uses its index, and none reads a whole table. On
//! an empty schema and on a full one, because a plan that was made for the one is used on the other
//! for a while.

use std::fmt::Write as _;
use std::time::Duration;

use sms_core::store::{BeginRequest, InsertRequest, ListRequest};
use sms_core::{Message, MessageId, NumberReader, Route, Scope, Status, Store as _};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::pool::PooledConnection;
use crate::sql::filter::{Source, candidate};
use crate::sql::{
    claim, erasure, filter, idempotency, inference, insert, ledger, maintenance, manual, read,
    receipts, registry, rollups, settle, stop_list, worklists,
};
use crate::{PgConfig, PgStore};

/// A schema, and a connection with the settings of the store's own.
struct Planned {
    schema: String,
    conn: PooledConnection,
}

impl Planned {
    async fn new(filled: bool) -> Self {
        let url = std::env::var("SMS_TEST_PG_URL");
        let url = url.unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let schema = format!("sms_plans_{}", MessageId::new().to_string().replace('-', ""));
        let config = PgConfig::from_url(&url).expect("an address in SMS_TEST_PG_URL");
        let config = config.schema(&schema).connections(1).timeout(Duration::from_mins(1));
        let store = PgStore::open(config).await.expect("PostgreSQL at SMS_TEST_PG_URL");
        if filled {
            fill(&store).await;
        }
        let mut conn = store.database.connection().await.expect("a connection");
        let settings = "SET plan_cache_mode = force_generic_plan; ANALYZE messages, states, \
            events, parked, aliases";
        run(conn.conn().expect("open"), settings).await;
        Self { schema, conn }
    }

    /// The plan of a statement, whatever its arguments.
    async fn plan(&mut self, statement: &str) -> String {
        let conn = self.conn.conn().expect("open");
        run(conn, &format!("PREPARE planned AS {statement}")).await;
        let count = (1..100).take_while(|n| statement.contains(&format!("${n}"))).count();
        let nulls =
            if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(",")) };
        let rows = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE planned{nulls}")))
            .fetch_all(&mut *conn)
            .await;
        let plan =
            rows.expect(statement).iter().map(|row| row.get::<String, _>(0) + "\n").collect();
        run(conn, "DEALLOCATE planned").await;
        plan
    }

    async fn drop(mut self) {
        run(self.conn.conn().expect("open"), &format!("DROP SCHEMA {} CASCADE", self.schema)).await;
    }
}

async fn run(conn: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.expect(statement);
}

/// Some thousand messages, one in ten of them being sent.
async fn fill(store: &PgStore) {
    for batch in 0..20 {
        let message = |n| {
            let message = Message::new(format!("+7925{:07}", batch * 200 + n), "x");
            message.owner(format!("owner-{}", n % 50)).reference(format!("{batch}-{n}"))
        };
        let messages: Vec<_> = (0..200).map(|n| message(n).prepare().expect("valid")).collect();
        let request = InsertRequest::new(&messages);
        store.insert(request).await.expect("inserted");
        let ids: Vec<_> = messages.iter().take(20).map(|message| message.id).collect();
        let lease = Duration::from_mins(1);
        let request = BeginRequest::new(&ids, "w", 1, "p", lease);
        store.begin(request).await.expect("begun");
    }
}

/// Checks that each plan has a step with each of these words, and that it reads no whole table.
/// Once there are rows, it must also not compare each id of a list with each of another, which
/// takes a hundred times as long for ten times as many.
async fn check(cases: &[(&str, &[&str])]) {
    for filled in [false, true] {
        let mut planned = Planned::new(filled).await;
        let mut wrong = String::new();
        for (statement, expected) in cases {
            let statement = statement.replace(" sms.", " ");
            let plan = planned.plan(&statement).await;
            let misses =
                expected.iter().filter(|words| !plan.contains(**words)).collect::<Vec<_>>();
            let whole = ["messages", "states", "events", "parked", "aliases", "registry"]
                .iter()
                .any(|table| plan.contains(&format!("Seq Scan on {table}")));
            let squared = filled
                && plan.lines().any(|line| line.contains("Join Filter") && line.contains("id = "));
            if whole || squared || !misses.is_empty() {
                let _ = writeln!(
                    wrong,
                    "filled: {filled}, {misses:?} missing, whole table: {whole}, \
                     squared: {squared}\n\
                     {statement}\n{plan}\n"
                );
            }
        }
        planned.drop().await;
        assert!(wrong.is_empty(), "{wrong}");
    }
}

const STATES_BY_ID: &str = "using states_pkey on states";
const MESSAGES_BY_ID: &str = "using messages_pkey on messages";
const STOPS_BY_NUMBER: &str = "using stop_list_pkey on stop_list";

#[tokio::test]
async fn the_way_of_a_message_is_found_by_id() {
    check(&[
        (claim::BEGIN, &[STATES_BY_ID, MESSAGES_BY_ID, STOPS_BY_NUMBER]),
        (claim::BEGUN, &[STATES_BY_ID, MESSAGES_BY_ID, STOPS_BY_NUMBER]),
        (settle::SETTLE, &[STATES_BY_ID, "using parked_once on parked"]),
        (ledger::LOAD, &[STATES_BY_ID, MESSAGES_BY_ID]),
        (ledger::SAVE, &[STATES_BY_ID]),
        (read::GET, &[STATES_BY_ID, MESSAGES_BY_ID]),
        (insert::INSERT, &[STOPS_BY_NUMBER]),
        (insert::INSERT_NEW, &[STOPS_BY_NUMBER]),
        (
            insert::INSERT_KEYED,
            &["using messages_key on messages", STATES_BY_ID, MESSAGES_BY_ID, STOPS_BY_NUMBER],
        ),
        (idempotency::KEY_HOLDERS, &["using messages_key on messages", STATES_BY_ID]),
    ])
    .await;
}

#[tokio::test]
async fn the_caretakers_questions_each_have_an_index() {
    check(&[
        (claim::DUE, &["Index Scan using states_due_by_route on states", STATES_BY_ID]),
        (
            maintenance::RESCUE,
            &["Index Scan using states_lease on states", STATES_BY_ID, MESSAGES_BY_ID],
        ),
        (maintenance::EXPIRE, &["Index Scan using states_deadline on states", STATES_BY_ID]),
        (maintenance::AWAITING, &["Index Scan using states_poll on states", STATES_BY_ID]),
        (maintenance::AWAITING_COST, &["Index Scan using states_cost on states", STATES_BY_ID]),
        (
            maintenance::PURGE,
            &[
                "Index Scan using states_by_created on states",
                "using events_message on events",
                "using aliases_message on aliases",
                "using parked_age on parked",
                STATES_BY_ID,
                MESSAGES_BY_ID,
            ],
        ),
        (
            maintenance::PURGE_ROUTE,
            &[
                "using messages_route on messages",
                "using events_message on events",
                "using aliases_message on aliases",
                STATES_BY_ID,
                MESSAGES_BY_ID,
            ],
        ),
    ])
    .await;
}

#[tokio::test]
async fn receipts_find_their_message_by_the_provider_id() {
    check(&[
        (receipts::FIND, &["using states_provider on states", "using aliases_pkey on aliases"]),
        (settle::AWAITED, &["using parked_once on parked"]),
        (inference::OVERLOOKED, &["using parked_age on parked", "using states_provider on states"]),
        (inference::WAITING, &["using parked_age on parked"]),
        (inference::SUSPECTS, &["using states_unknown on states"]),
        (receipts::UNPARK, &["using parked_once on parked"]),
        (manual::IS_TAKEN, &["using states_provider on states", "using aliases_pkey on aliases"]),
    ])
    .await;
}

#[tokio::test]
async fn events_and_counts_are_read_in_their_order() {
    check(&[
        (read::TIMELINE, &["using events_message on events"]),
        (settle::KNOWN, &["using events_message on events"]),
        (read::EVENTS, &["using events_pkey on events"]),
        (read::READ_TO, &["using events_pkey on events"]),
        (
            read::STATS,
            &["Index Only Scan using states_by_created on states", "using states_lease on states"],
        ),
        (
            rollups::LOGGED,
            &[
                "using events_pkey on events",
                "using events_message on events",
                MESSAGES_BY_ID,
                STATES_BY_ID,
            ],
        ),
        (rollups::SERIES, &["rollups_pkey"]),
        (rollups::DROP_OLD, &["rollups_pkey"]),
        (manual::CHANGED, &["using events_message on events"]),
        (worklists::ITEMS, &["work_items_pkey"]),
        (worklists::RECORD, &["work_items_pkey"]),
        (registry::RECORD_GET, &["using registry_pkey on registry"]),
        (registry::RECORD_LIST, &["using registry_pkey on registry"]),
    ])
    .await;
}

#[tokio::test]
async fn what_is_erased_and_what_is_on_the_stop_list_is_found_by_an_index() {
    check(&[
        (erasure::STATUSES, &[STATES_BY_ID, MESSAGES_BY_ID]),
        (erasure::ERASE, &[STATES_BY_ID, MESSAGES_BY_ID, "using events_message on events"]),
        (erasure::REMAINING, &["using messages_number on messages"]),
        (erasure::EXAMINED, &["using states_pkey on states"]),
        (erasure::REMOVE_TEXTS, &[STATES_BY_ID, MESSAGES_BY_ID]),
        (erasure::EMPTY_ITEMS, &["work_items_pkey"]),
        (stop_list::LISTED, &["stop_list_pkey"]),
    ])
    .await;
    // Without any message the index of ids, which has the order of the steps, costs the same.
    let mut planned = Planned::new(true).await;
    let plan = planned.plan(erasure::OF_NUMBER).await;
    planned.drop().await;
    for words in ["using messages_number on messages", STATES_BY_ID] {
        assert!(plan.contains(words), "{words} missing\n{plan}");
    }
    assert!(!plan.contains("Sort"), "a step reads no more than it erases\n{plan}");
}

#[tokio::test]
async fn a_page_is_read_from_the_index_of_its_filter() {
    let base = ListRequest::new(50).after(Some(MessageId::new()));
    let to = Some(Message::new("+79251234567", "x").prepare().expect("valid").to);
    let reference = Some("a".to_owned());
    let scope = Scope::Owner("a".to_owned());
    let state = |status| base.clone().statuses(vec![status]);
    let pages: [(ListRequest, &[&str]); 10] = [
        (base.clone(), &["_pkey on messages", "_pkey on states"]),
        (base.clone().to(to), &["using messages_number on messages", STATES_BY_ID]),
        (state(Status::Sent).to(to), &["using messages_number on messages"]),
        (
            base.clone().reference(reference),
            &["using messages_reference on messages", STATES_BY_ID],
        ),
        (base.clone().scope(scope), &["using messages_owner on messages", STATES_BY_ID]),
        (base.clone().resend_of(MessageId::new()), &["using messages_resend on messages"]),
        (base.clone().route(Route::SANDBOX), &["using messages_route on messages", STATES_BY_ID]),
        (state(Status::Queued), &["Scan Backward using states_pkey on states", MESSAGES_BY_ID]),
        (state(Status::Failed), &["using states_by_status on states", MESSAGES_BY_ID]),
        (
            base.clone().statuses(vec![Status::Failed, Status::Unknown]),
            &["using states_by_status on states", MESSAGES_BY_ID],
        ),
    ];
    let mut planned = Planned::new(true).await;
    let mut wrong = String::new();
    for (request, expected) in pages {
        let statement =
            filter::statement(&request, NumberReader::default()).sql().as_str().to_owned();
        let plan = planned.plan(&statement).await;
        let misses: Vec<_> = expected.iter().filter(|words| !plan.contains(**words)).collect();
        if !misses.is_empty() || plan.contains("Seq Scan") || plan.contains("Hash") {
            let _ = writeln!(wrong, "{misses:?} missing\n{statement}\n{plan}");
        }
    }
    planned.drop().await;
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn a_search_finds_its_candidates_by_an_index_in_their_order() {
    let base = ListRequest::new(0).after(Some(MessageId::new()));
    let to = Some(Message::new("+79251234567", "x").prepare().expect("valid").to);
    let reference = Some("a".to_owned());
    let scope = Scope::Owner("a".to_owned());
    let resends = base.clone().resend_of(MessageId::new());
    let sources = [
        (base.clone().to(to), Source::Number, "using messages_number on messages"),
        (
            base.clone().reference(reference),
            Source::Reference,
            "using messages_reference on messages",
        ),
        (base.clone().scope(scope), Source::Owner, "using messages_owner on messages"),
        (resends, Source::Resend, "using messages_resend on messages"),
        (base.clone().route(Route::SANDBOX), Source::Route, "using messages_route on messages"),
        (base.clone(), Source::State, "using states_by_status on states"),
        (base, Source::Everything, "Scan Backward using messages_pkey on messages"),
    ];
    let mut planned = Planned::new(true).await;
    let mut wrong = String::new();
    for (request, source, expected) in sources {
        let statement =
            candidate(&request, source, Some(Status::Failed), 1_000).sql().as_str().to_owned();
        let plan = planned.plan(&statement).await;
        if !plan.contains(expected) || plan.contains("Sort") || plan.contains("Seq Scan") {
            let _ = writeln!(wrong, "{expected} missing\n{statement}\n{plan}");
        }
    }
    // Queued messages are found by their ids while they are few, and never searched for among all
    // messages.
    let few = ListRequest::new(50);
    let statement = filter::statement_of_few(&few, NumberReader::default(), Status::Queued)
        .sql()
        .as_str()
        .to_owned();
    let plan = planned.plan(&statement).await;
    if !plan.contains("Index Cond: (id = ANY") || plan.contains("Seq Scan") {
        let _ = writeln!(wrong, "not by the index of what waits\n{statement}\n{plan}");
    }
    planned.drop().await;
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn each_message_of_a_chunk_of_one_status_is_looked_up() {
    let (after, end) = (MessageId::new(), MessageId::new());
    let base = ListRequest::new(50).after(Some(after));
    let failed = base.clone().statuses(vec![Status::Failed]);
    let sent = base.scope(Scope::Owner("a".to_owned())).statuses(vec![Status::Sent]);
    let numbers = NumberReader::default();
    let mut planned = Planned::new(true).await;
    for (request, source, looked_up) in [
        (failed, Source::State, "Index Cond: (id = s.id)"),
        (sent, Source::Owner, "Index Cond: (id = m.id)"),
    ] {
        for statement in [
            filter::statement_down_to(&request, numbers, source, Some(end)),
            filter::count_statement_down_to(&request, numbers, source, Some(end)),
        ] {
            let statement = statement.sql().as_str().to_owned();
            let plan = planned.plan(&statement).await;
            let is_looked_up = plan.contains(looked_up);
            assert!(is_looked_up && !plan.contains("Join Filter"), "{statement}\n{plan}");
        }
    }
    planned.drop().await;
}
