//! Pages of messages, newest first.

use sms_core::clock::datetime_to_ms;
use sms_core::store::ListRequest;
use sms_core::store::page::Budget;
use sms_core::{
    MessageId, MessagePage, NumberReader, Result, Scope, SearchedTo, Status, StoredMessage,
};
use sqlx::{Postgres, QueryBuilder};

use crate::database::Database;
use crate::sql::args::{clean, name, rows, uuid};
use crate::sql::row::{self, Columns};

/// Number of candidates that the first and the largest statement of a search read: one millisecond
/// of work, and five.
const FIRST_CHUNK: usize = 2_000;
const MAX_CHUNK: usize = 8_000;
/// Largest number of queued or sending messages that are sorted to find the newest.
const MAX_SORTED: usize = 2_000;

pub(crate) async fn list(
    database: &Database,
    request: &ListRequest,
    numbers: NumberReader,
) -> Result<MessagePage> {
    if request.limit == 0 {
        return Ok(MessagePage::default());
    }
    let budget = Budget::start(request);
    if budget.is_unlimited() {
        let mut all = statement(request, numbers);
        let found = database.scan(all.build().persistent(false)).await?;
        return Ok(MessagePage::new(
            found.iter().map(row::stored_message).collect::<Result<_>>()?,
            None,
        ));
    }
    if request.statuses.is_empty() {
        return search(database, request, numbers, None, budget).await;
    }
    // Each status has a search of its own. The budget is shared among the searches that are left.
    let mut pages = Vec::with_capacity(request.statuses.len());
    for (status, left) in request.statuses.iter().zip((1..=request.statuses.len()).rev()) {
        let request = request.clone().statuses(vec![*status]);
        pages.push(search(database, &request, numbers, Some(*status), budget.share(left)).await?);
    }
    Ok(MessagePage::merge(pages, request.limit))
}

/// Searches for messages, of one status if one is given, by statements that are short each, so that
/// other calls do not wait long for a connection.
async fn search(
    database: &Database,
    request: &ListRequest,
    numbers: NumberReader,
    status: Option<Status>,
    budget: Budget,
) -> Result<MessagePage> {
    let source = Source::of(request, status);
    if let (Source::Owner | Source::Everything, Some(status)) = (source, status)
        && status <= Status::Sending
        && are_few(database, status).await?
    {
        return Ok(MessagePage::new(
            found(database, statement_of_few(request, numbers, status)).await?,
            None,
        ));
    }
    if source.serves_all(request, status) {
        return Ok(MessagePage::new(found(database, statement(request, numbers)).await?, None));
    }
    let (mut rest, mut messages, mut chunk) = (request.clone(), Vec::new(), FIRST_CHUNK);
    loop {
        let end = end_of_chunk(database, &rest, source, status, chunk).await?;
        messages.extend(
            found(database, statement_down_to(&rest, numbers, end.map(|end| end.id))).await?,
        );
        let Some(end) = end.filter(|end| !request.ends_before(end.created_at)) else { break };
        if messages.len() >= request.limit {
            break;
        }
        if budget.is_over() {
            return Ok(MessagePage::new(messages, Some(end)));
        }
        (rest.after, rest.limit) = (Some(end.id), request.limit - messages.len());
        chunk = (chunk * 2).min(MAX_CHUNK);
    }
    Ok(MessagePage::new(messages, None))
}

async fn found(
    database: &Database,
    mut statement: QueryBuilder<Postgres>,
) -> Result<Vec<StoredMessage>> {
    // Not kept prepared: it has many shapes, and each is planned for its arguments.
    database
        .scan_briefly(statement.build().persistent(false))
        .await?
        .iter()
        .map(row::stored_message)
        .collect()
}

async fn are_few(database: &Database, status: Status) -> Result<bool> {
    let mut query =
        QueryBuilder::<Postgres>::new("SELECT count(*) FROM (SELECT FROM states WHERE status = ");
    query.push(status.number()).push(" LIMIT ").push(rows(MAX_SORTED + 1)).push(") AS few");
    let counted = database.scan_briefly(query.build().persistent(false)).await?;
    let count = counted.first().map_or(Ok(0), |row| Columns::new(row).take::<i64>())?;
    Ok(count <= rows(MAX_SORTED))
}

/// The index that a search reads its candidates from, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Number,
    Reference,
    /// One of the states after `sending`. The states before have no index in this order.
    State,
    Owner,
    Everything,
}

impl Source {
    fn of(request: &ListRequest, status: Option<Status>) -> Self {
        let is_owned = request.scope != Scope::All;
        match status {
            _ if request.to.is_some() => Self::Number,
            _ if request.reference.is_some() => Self::Reference,
            // Most messages of an owner end in these states, so a page of them is found fast among
            // all of the owner's messages.
            Some(Status::Sent | Status::Delivered) if is_owned => Self::Owner,
            Some(status) if status > Status::Sending => Self::State,
            _ if is_owned => Self::Owner,
            _ => Self::Everything,
        }
    }

    /// True if every candidate belongs to the page, so that no more rows are read than the page
    /// has.
    fn serves_all(self, request: &ListRequest, status: Option<Status>) -> bool {
        let has_time = request.from_time.is_some() || request.to_time.is_some();
        let has_others = request.search.is_some() || request.class.is_some() || has_time;
        !has_others
            && (request.reference.is_none() || self == Self::Reference)
            && (status.is_none() || self == Self::State)
            && (request.scope == Scope::All || self == Self::Owner)
    }
}

/// The last of the next `chunk` candidates; `None` when there are fewer.
async fn end_of_chunk(
    database: &Database,
    request: &ListRequest,
    source: Source,
    status: Option<Status>,
    chunk: usize,
) -> Result<Option<SearchedTo>> {
    let mut query = candidate(request, source, status, chunk);
    let found = database.scan_briefly(query.build().persistent(false)).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let mut columns = Columns::new(row);
    Ok(Some(SearchedTo::new(columns.id()?, columns.time()?)))
}

/// The statement for the candidate at this place after the last message.
pub(crate) fn candidate(
    request: &ListRequest,
    source: Source,
    status: Option<Status>,
    place: usize,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT c.id, s.created_at FROM (SELECT id FROM ");
    match (source, request.to, &request.reference, &request.scope) {
        (Source::Number, Some(to), ..) => {
            query.push("messages WHERE to_number = ").push_bind(to.digits().cast_signed());
        }
        (Source::Reference, _, Some(reference), _) => {
            query.push("messages WHERE reference = ").push_bind(name(reference).into_owned());
        }
        (Source::Owner, _, _, Scope::Owner(owner)) => {
            query.push("messages WHERE owner = ").push_bind(name(owner).into_owned());
        }
        (Source::State, ..) => {
            let number = status.map_or(0, Status::number);
            query.push("states WHERE status > 1 AND status = ").push(number);
        }
        _ => {
            query.push("messages WHERE TRUE");
        }
    }
    if let Some(after) = request.after {
        query.push(" AND id < ").push_bind(uuid(after));
    }
    query.push(" ORDER BY id DESC LIMIT 1 OFFSET ").push(rows(place - 1));
    query.push(") AS c JOIN states AS s ON s.id = c.id");
    query
}

/// The statement for a page.
///
/// Number, reference, owner and status each have an index that ends in the id, so that a page is
/// read from it in order and nothing is sorted. Several statuses are several such reads, each cut
/// to a page.
pub(crate) fn statement(request: &ListRequest, numbers: NumberReader) -> QueryBuilder<Postgres> {
    statement_down_to(request, numbers, None)
}

/// The statement for the part of a page that is not older than a message.
pub(crate) fn statement_down_to(
    request: &ListRequest,
    numbers: NumberReader,
    end: Option<MessageId>,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(row::WHOLE_MESSAGE);
    match request.statuses.as_slice() {
        [] => {
            push_source(&mut query, None);
            push_filters(&mut query, request, numbers, end);
        }
        [status] => {
            push_source(&mut query, Some(*status));
            push_filters(&mut query, request, numbers, end);
        }
        statuses => {
            push_source(&mut query, None);
            query.push(" AND m.id = ANY (ARRAY(");
            for (index, status) in statuses.iter().enumerate() {
                query.push(if index > 0 { " UNION ALL " } else { "" });
                query.push("(SELECT m.id");
                push_source(&mut query, Some(*status));
                push_filters(&mut query, request, numbers, end);
                push_page(&mut query, request).push(")");
            }
            query.push("))");
        }
    }
    push_page(&mut query, request);
    query
}

/// The statement for a page of messages that are queued or being sent, if there are few of them.
pub(crate) fn statement_of_few(
    request: &ListRequest,
    numbers: NumberReader,
    status: Status,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(row::WHOLE_MESSAGE);
    push_source(&mut query, Some(status));
    // The condition comes twice, so that the planner does not search all messages for a page of
    // them.
    query
        .push(" AND s.id = ANY (ARRAY(SELECT id FROM states WHERE status = ")
        .push(status.number())
        .push("))");
    push_filters(&mut query, request, numbers, None);
    push_page(&mut query, request);
    query
}

fn push_source(query: &mut QueryBuilder<Postgres>, status: Option<Status>) {
    query.push(" FROM messages AS m JOIN states AS s ON s.id = m.id WHERE ");
    match status {
        // As literals: a partial index is not used for a status that is bound. Queued and sending
        // messages have indexes in another order; they are sorted, or searched for among the newest
        // messages, whichever is less work.
        Some(status) => query.push("s.status = ").push(status.number()),
        None => query.push("TRUE"),
    };
}

fn push_filters(
    query: &mut QueryBuilder<Postgres>,
    request: &ListRequest,
    numbers: NumberReader,
    end: Option<MessageId>,
) {
    if let Scope::Owner(owner) = &request.scope {
        query.push(" AND m.owner = ").push_bind(name(owner).into_owned());
    }
    if let Some(after) = request.after {
        query.push(" AND m.id < ").push_bind(uuid(after));
        if !request.statuses.is_empty() {
            // The condition is on both tables, so that the index of either can start there.
            query.push(" AND s.id < ").push_bind(uuid(after));
        }
    }
    if let Some(end) = end {
        query.push(" AND m.id >= ").push_bind(uuid(end));
        if !request.statuses.is_empty() {
            query.push(" AND s.id >= ").push_bind(uuid(end));
        }
    }
    if let Some(to) = request.to {
        // A phone number has 15 digits at most.
        query.push(" AND m.to_number = ").push_bind(to.digits().cast_signed());
    }
    if let Some(class) = request.class {
        query.push(" AND m.class = ").push_bind(i16::from(class.number()));
    }
    if let Some(reference) = &request.reference {
        query.push(" AND m.reference = ").push_bind(name(reference).into_owned());
    }
    if let Some(from) = request.from_time {
        query.push(" AND s.created_at >= ").push_bind(datetime_to_ms(from));
    }
    if let Some(to) = request.to_time {
        query.push(" AND s.created_at < ").push_bind(datetime_to_ms(to));
    }
    if let Some(search) = &request.search {
        // `position`, because LIKE has wildcards.
        query.push(" AND (position(").push_bind(clean(search).into_owned()).push(" IN m.text) > 0");
        for digits in numbers.search_digits(search) {
            query.push(" OR position(").push_bind(digits).push(" IN m.to_number::text) > 0");
        }
        query.push(")");
    }
}

fn push_page<'q>(
    query: &'q mut QueryBuilder<Postgres>,
    request: &ListRequest,
) -> &'q mut QueryBuilder<Postgres> {
    // Also a literal: the planner takes an unknown limit for a tenth of everything.
    query.push(" ORDER BY m.id DESC LIMIT ").push(rows(request.limit))
}
