//! Pages of messages, newest first.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use sms_core::clock::datetime_to_ms;
use sms_core::store::ListRequest;
use sms_core::store::page::Budget;
use sms_core::{MessagePage, NumberReader, Result, Scope, SearchedTo, Status};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql;
use crate::sql::args::rows;
use crate::sql::row::{self, Columns};

/// Up to how many messages that wait are sorted to find the newest.
const FEW: usize = 10_000;
/// How many messages are looked at between two looks at the clock: some tenths of a millisecond.
const STEP: usize = 256;

pub(crate) async fn list(
    database: &Database,
    request: &ListRequest,
    numbers: NumberReader,
) -> Result<MessagePage> {
    let request = request.clone();
    let list = move |conn: &Connection| {
        // All of a page is of one moment.
        let moment = conn.unchecked_transaction()?;
        page(&moment, &request, numbers)
    };
    database.scan(list).await
}

fn page(conn: &Connection, request: &ListRequest, numbers: NumberReader) -> DbResult<MessagePage> {
    if request.limit == 0 {
        return Ok(MessagePage::default());
    }
    let budget = Budget::start(request);
    if request.statuses.is_empty() {
        return search(conn, request, numbers, None, budget);
    }
    // Each state is looked for by itself; the time is shared among those that are left.
    let states = request.statuses.iter().zip((1..=request.statuses.len()).rev());
    let pages = states
        .map(|(status, left)| search(conn, request, numbers, Some(*status), budget.share(left)));
    Ok(MessagePage::merge(pages.collect::<DbResult<Vec<_>>>()?, request.limit))
}

/// Looks for messages, of one state if there is one, among those that an index gives.
fn search(
    conn: &Connection,
    request: &ListRequest,
    numbers: NumberReader,
    status: Option<Status>,
    budget: Budget,
) -> DbResult<MessagePage> {
    let many_wait = status == Some(Status::Queued) && do_many_wait(conn)?;
    let Query { sql, values } = query(request, numbers, status, many_wait);
    let (mut candidates, mut get) = (conn.prepare_cached(&sql)?, conn.prepare_cached(sql::GET)?);
    let mut rows = candidates.query(params_from_iter(values))?;
    let (mut found, mut looked_at) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let mut columns = Columns::new(row);
        let (id, created_at) = (columns.id()?, columns.time()?);
        if columns.take()? {
            found.extend(
                get.query_and_then([id.as_bytes()], row::stored_message)?.next().transpose()?,
            );
        }
        looked_at += 1;
        if found.len() >= request.limit || request.ends_before(created_at) {
            break;
        }
        if looked_at.is_multiple_of(STEP) && budget.is_over() {
            return Ok(MessagePage::new(found, Some(SearchedTo::new(id, created_at))));
        }
    }
    Ok(MessagePage::new(found, None))
}

fn do_many_wait(conn: &Connection) -> DbResult<bool> {
    let up_to = rows(FEW + 1);
    let waiting: i64 =
        conn.prepare_cached(sql::NUMBER_WAITING)?.query_row([up_to], |row| row.get(0))?;
    Ok(waiting == up_to)
}

/// A statement and its arguments.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) sql: String,
    values: Vec<Value>,
}

impl Query {
    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind(&mut self, sql: &str, value: impl Into<Value>) {
        self.push(sql);
        self.push("?");
        self.values.push(value.into());
    }
}

/// The index that gives the candidates for a page, newest first: nothing is sorted but the ids of
/// few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Number,
    Reference,
    /// All that waits. Its index is in another order, so it is used where that is little.
    Waiting,
    /// All that is being sent: never much.
    Sending,
    /// One of the states after that.
    State,
    Owner,
    Everything,
}

impl Source {
    /// SQLite itself would guess, for it keeps no statistics.
    fn of(request: &ListRequest, status: Option<Status>, many_wait: bool) -> Self {
        let is_owned = request.scope != Scope::All;
        match status {
            _ if request.to.is_some() => Self::Number,
            _ if request.reference.is_some() => Self::Reference,
            Some(Status::Queued) if !many_wait => Self::Waiting,
            Some(Status::Sending) => Self::Sending,
            // Most messages of anybody end as these, so a page of them is found fast among one's
            // own.
            Some(Status::Sent | Status::Delivered) if is_owned => Self::Owner,
            Some(status) if status > Status::Sending => Self::State,
            _ if is_owned => Self::Owner,
            _ => Self::Everything,
        }
    }

    const fn is_of_one_state(self) -> bool {
        matches!(self, Self::Waiting | Self::Sending | Self::State)
    }
}

/// The statement for candidates: id, time of acceptance, and whether the other filters admit it.
/// These are a column and no condition, so that each step ends and the time can be looked at.
pub(crate) fn query(
    request: &ListRequest,
    numbers: NumberReader,
    status: Option<Status>,
    many_wait: bool,
) -> Query {
    let source = Source::of(request, status, many_wait);
    let mut query = Query::default();
    query.push("SELECT id, created_at, (TRUE");
    push_filters(&mut query, request, numbers, source);
    if let Some(status) = status.filter(|_| !source.is_of_one_state()) {
        query.push(" AND status = ");
        query.push(&status.number().to_string());
    }
    query.push(") IS TRUE FROM messages ");
    push_source(&mut query, request, source, status);
    if let Some(after) = request.after {
        query.bind(" AND id < ", after.as_bytes().to_vec());
    }
    query.push(" ORDER BY id DESC");
    query
}

fn push_source(query: &mut Query, request: &ListRequest, source: Source, status: Option<Status>) {
    match (source, request.to, &request.reference, &request.scope) {
        // A phone number has 15 digits at most.
        (Source::Number, Some(to), ..) => query.bind("WHERE to_number = ", to.digits().cast_signed()),
        (Source::Reference, _, Some(reference), _) => query.bind("WHERE reference = ", reference.clone()),
        (Source::Owner, _, _, Scope::Owner(owner)) => query.bind("WHERE owner = ", owner.clone()),
        (Source::Waiting, ..) => {
            query.push("WHERE id IN (SELECT id FROM messages INDEXED BY messages_due WHERE status = 0)");
        }
        (Source::Sending, ..) => query.push(
            "WHERE id IN \
             (SELECT id FROM messages INDEXED BY messages_look WHERE look_at IS NOT NULL AND status = 1)",
        ),
        (Source::State, ..) => {
            // As a literal: a partial index is not used for a state that is bound.
            query.push("INDEXED BY messages_status WHERE status > 1 AND status = ");
            query.push(&status.map_or(0, Status::number).to_string());
        }
        _ => query.push("WHERE TRUE"),
    }
}

/// What the source does not see to.
fn push_filters(query: &mut Query, request: &ListRequest, numbers: NumberReader, source: Source) {
    if let (Scope::Owner(owner), true) = (&request.scope, source != Source::Owner) {
        query.bind(" AND owner = ", owner.clone());
    }
    if let (Some(reference), true) = (&request.reference, source != Source::Reference) {
        query.bind(" AND reference = ", reference.clone());
    }
    if let Some(class) = request.class {
        query.bind(" AND class = ", class.as_str().to_owned());
    }
    if let Some(from) = request.from_time {
        query.bind(" AND created_at >= ", datetime_to_ms(from));
    }
    if let Some(to) = request.to_time {
        query.bind(" AND created_at < ", datetime_to_ms(to));
    }
    if let Some(search) = &request.search {
        // `instr`, because LIKE has wildcards and does not tell upper from lower case.
        query.bind(" AND (instr(text, ", search.clone());
        query.push(") > 0");
        for digits in numbers.search_digits(search) {
            query.bind(" OR instr(to_number, ", digits);
            query.push(") > 0");
        }
        query.push(")");
    }
}
