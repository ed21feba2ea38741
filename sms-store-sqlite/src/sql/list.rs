//! Pages of messages, newest first.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use sms_core::clock::datetime_to_ms;
use sms_core::store::ListRequest;
use sms_core::store::page::Budget;
use sms_core::{
    MessageCount, MessageId, MessagePage, NumberReader, Result, Route, Scope, SearchedTo, Status,
};

use crate::database::Database;
use crate::error::DbResult;
use crate::sql::args::rows;
use crate::sql::read::GET;
use crate::sql::row::{self, Columns};

/// Largest number of queued messages that are sorted to find the newest.
const MAX_SORTED: usize = 10_000;
/// Number of rows between two checks of the budget: some tenths of a millisecond.
const BUDGET_CHECK_ROWS: usize = 256;

pub(crate) async fn list(
    database: &Database,
    request: &ListRequest,
    numbers: NumberReader,
) -> Result<MessagePage> {
    let request = request.clone();
    let list = move |conn: &Connection| {
        // One read transaction, so that the whole page shows the same moment.
        let moment = conn.unchecked_transaction()?;
        page(&moment, &request, numbers)
    };
    database.scan(list).await
}

/// Counts messages as [`list`] would find them.
pub(crate) async fn count(
    database: &Database,
    request: &ListRequest,
    numbers: NumberReader,
) -> Result<MessageCount> {
    let request = request.clone();
    let count = move |conn: &Connection| {
        let moment = conn.unchecked_transaction()?;
        let counts = for_each_status(&request, |status, budget| {
            let mut count = 0;
            let searched_to = scan(&moment, &request, numbers, status, budget, |_| {
                count += 1;
                Ok(true)
            })?;
            Ok(MessageCount::new(count, searched_to))
        })?;
        Ok(MessageCount::sum(counts))
    };
    database.scan(count).await
}

fn page(conn: &Connection, request: &ListRequest, numbers: NumberReader) -> DbResult<MessagePage> {
    if request.limit == 0 {
        return Ok(MessagePage::default());
    }
    let mut get = conn.prepare_cached(GET)?;
    let pages = for_each_status(request, |status, budget| {
        let mut found = Vec::new();
        let searched_to = scan(conn, request, numbers, status, budget, |id| {
            found.extend(
                get.query_and_then([id.as_bytes()], row::stored_message)?.next().transpose()?,
            );
            Ok(found.len() < request.limit)
        })?;
        Ok(MessagePage::new(found, searched_to))
    })?;
    Ok(MessagePage::merge(pages, request.limit))
}

/// Calls `search` for each status of a request, or once if it has none. Each status has a search of
/// its own, and the budget is shared among the searches that are left.
fn for_each_status<T>(
    request: &ListRequest,
    mut search: impl FnMut(Option<Status>, Budget) -> DbResult<T>,
) -> DbResult<Vec<T>> {
    let budget = Budget::start(request);
    if request.statuses.is_empty() {
        return Ok(vec![search(None, budget)?]);
    }
    let statuses = request.statuses.iter().zip((1..=request.statuses.len()).rev());
    statuses.map(|(status, left)| search(Some(*status), budget.share(left))).collect()
}

/// Hands the ids of messages to `each`, of one status if one is given, until it returns false.
/// Returns the last message that was examined, if the budget ended the scan.
fn scan(
    conn: &Connection,
    request: &ListRequest,
    numbers: NumberReader,
    status: Option<Status>,
    budget: Budget,
    mut each: impl FnMut(MessageId) -> DbResult<bool>,
) -> DbResult<Option<SearchedTo>> {
    let many_are_queued = status == Some(Status::Queued) && are_many_queued(conn)?;
    let Query { sql, values } = query(request, numbers, status, many_are_queued);
    let mut candidates = conn.prepare_cached(&sql)?;
    let (mut rows, mut searched) = (candidates.query(params_from_iter(values))?, 0_usize);
    while let Some(row) = rows.next()? {
        let mut columns = Columns::new(row);
        let (id, created_at) = (columns.id()?, columns.time()?);
        let goes_on = !columns.take::<bool>()? || each(id)?;
        searched += 1;
        if !goes_on || request.ends_before(created_at) {
            break;
        }
        if searched.is_multiple_of(BUDGET_CHECK_ROWS) && budget.is_over() {
            return Ok(Some(SearchedTo::new(id, created_at)));
        }
    }
    Ok(None)
}

/// Number of queued messages, up to a limit. ?1 limit.
pub(crate) const NUMBER_WAITING: &str = "\
    SELECT count(*) FROM (SELECT 1 FROM messages INDEXED BY messages_due WHERE status = 0 \
    LIMIT ?1)";

fn are_many_queued(conn: &Connection) -> DbResult<bool> {
    let up_to = rows(MAX_SORTED + 1);
    let waiting: i64 = conn.prepare_cached(NUMBER_WAITING)?.query_row([up_to], |row| row.get(0))?;
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

/// The index that a page reads its candidates from, newest first. Nothing is sorted, except for the
/// ids of few messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Number,
    Resend,
    Reference,
    /// All queued messages. Their index is in another order, so it is used only while they are few.
    Waiting,
    /// All messages that are being sent. There are never many.
    Sending,
    /// One of the states after `sending`.
    State,
    Owner,
    /// All messages of a route other than the default one.
    Route,
    Everything,
}

impl Source {
    /// Chooses the index. SQLite itself would guess, because it keeps no statistics.
    fn of(request: &ListRequest, status: Option<Status>, many_are_queued: bool) -> Self {
        let is_owned = request.scope != Scope::All;
        match status {
            _ if request.to.is_some() => Self::Number,
            _ if request.resend_of.is_some() => Self::Resend,
            _ if request.reference.is_some() => Self::Reference,
            Some(Status::Queued) if !many_are_queued => Self::Waiting,
            Some(Status::Sending) => Self::Sending,
            // Most messages of an owner end in these states, so a page of them is found fast among
            // all of the owner's messages.
            Some(Status::Sent | Status::Delivered) if is_owned => Self::Owner,
            Some(status) if status > Status::Sending => Self::State,
            _ if is_owned => Self::Owner,
            _ if request.route.as_ref().is_some_and(|it| *it != Route::DEFAULT) => Self::Route,
            _ => Self::Everything,
        }
    }

    const fn is_of_one_state(self) -> bool {
        matches!(self, Self::Waiting | Self::Sending | Self::State)
    }
}

/// The statement for candidates: id, time of acceptance, and true if the other filters admit it.
/// These filters are a column and not a condition, so that each step of the statement ends, and the
/// budget can be checked between the steps.
pub(crate) fn query(
    request: &ListRequest,
    numbers: NumberReader,
    status: Option<Status>,
    many_are_queued: bool,
) -> Query {
    let source = Source::of(request, status, many_are_queued);
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
        (Source::Number, Some(to), ..) => query.bind(
            "WHERE to_number = \
            ",
            to.digits().cast_signed(),
        ),
        (Source::Resend, ..) => {
            let of = request.resend_of.map(|id| id.to_string());
            query.bind("WHERE resend IS NOT NULL AND resend ->> 'of' = ", of);
        }
        (Source::Reference, _, Some(reference), _) => query.bind(
            "WHERE reference = \
            ",
            reference.clone(),
        ),
        (Source::Owner, _, _, Scope::Owner(owner)) => query.bind("WHERE owner = ", owner.clone()),
        (Source::Waiting, ..) => {
            query.push(
                "WHERE id IN (SELECT id FROM messages INDEXED BY messages_due \
                WHERE status = 0)",
            );
        }
        (Source::Sending, ..) => query.push(
            "WHERE id IN \
             (SELECT id FROM messages INDEXED BY messages_look WHERE look_at IS NOT NULL \
             AND status = 1)",
        ),
        (Source::State, ..) => {
            // As a literal: a partial index is not used for a status that is bound.
            query.push("INDEXED BY messages_status WHERE status > 1 AND status = ");
            query.push(&status.map_or(0, Status::number).to_string());
        }
        (Source::Route, ..) => {
            let route = request.route.as_ref().map(|route| route.as_str().to_owned());
            query.bind("WHERE route <> 'default' AND route = ", route);
        }
        _ => query.push("WHERE TRUE"),
    }
}

/// Adds the filters that the source does not cover.
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
    if let Some(code) = request.code {
        query.bind(" AND code = ", i64::from(code));
    }
    if let (Some(id), true) = (request.resend_of, source != Source::Resend) {
        query.bind(" AND resend ->> 'of' = ", id.to_string());
    }
    if let (Some(route), true) = (&request.route, source != Source::Route) {
        query.bind(" AND route = ", route.as_str().to_owned());
    }
    if let Some(provider) = &request.provider {
        query.bind(" AND provider = ", provider.clone());
    }
    if let Some(from) = request.from_time {
        query.bind(" AND created_at >= ", datetime_to_ms(from));
    }
    if let Some(to) = request.to_time {
        query.bind(" AND created_at < ", datetime_to_ms(to));
    }
    if let Some(search) = &request.search {
        // `instr`, because LIKE has wildcards and ignores case.
        query.bind(" AND (instr(text, ", search.clone());
        query.push(") > 0");
        for digits in numbers.search_digits(search) {
            query.bind(" OR instr(to_number, ", digits);
            query.push(") > 0");
        }
        query.push(")");
    }
}
