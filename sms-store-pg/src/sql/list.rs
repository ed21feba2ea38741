//! Pages of messages, newest first.

use sms_core::store::ListRequest;
use sms_core::store::page::Budget;
use sms_core::{
    MessageCount, MessagePage, NumberReader, Result, SearchedTo, Status, StoredMessage,
};
use sqlx::{Postgres, QueryBuilder};

use crate::database::Database;
use crate::sql::args::rows;
use crate::sql::filter::{
    Source, candidate, count_statement_down_to, count_statement_of_few, statement,
    statement_down_to, statement_of_few,
};
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
    let mut pages = Vec::new();
    for (status, left) in statuses(request) {
        let request = narrowed(request, status);
        pages.push(search(database, &request, numbers, status, budget.share(left)).await?);
    }
    Ok(MessagePage::merge(pages, request.limit))
}

/// The statuses of a request, or once none, each with the number of searches that are left: every
/// status has a search of its own, and they share the rest of the budget.
fn statuses(request: &ListRequest) -> impl Iterator<Item = (Option<Status>, usize)> + '_ {
    let all = request.statuses.is_empty().then_some((None, 1));
    let left = (1..=request.statuses.len()).rev();
    all.into_iter().chain(request.statuses.iter().copied().map(Some).zip(left))
}

/// The same request for messages of one status, if one is given.
fn narrowed(request: &ListRequest, status: Option<Status>) -> ListRequest {
    request.clone().statuses(Vec::from_iter(status))
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
        let statement = statement_down_to(&rest, numbers, source, end.map(|end| end.id));
        messages.extend(found(database, statement).await?);
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

/// Counts messages as [`list`] would find them.
pub(crate) async fn count(
    database: &Database,
    request: &ListRequest,
    numbers: NumberReader,
) -> Result<MessageCount> {
    let budget = Budget::start(request);
    let mut counts = Vec::new();
    for (status, left) in statuses(request) {
        let request = narrowed(request, status);
        counts.push(count_of(database, &request, numbers, status, budget.share(left)).await?);
    }
    Ok(MessageCount::sum(counts))
}

/// Counts messages, of one status if one is given, by the short statements of a [`search`].
async fn count_of(
    database: &Database,
    request: &ListRequest,
    numbers: NumberReader,
    status: Option<Status>,
    budget: Budget,
) -> Result<MessageCount> {
    let source = Source::of(request, status);
    if let (Source::Owner | Source::Everything, Some(status)) = (source, status)
        && status <= Status::Sending
        && are_few(database, status).await?
    {
        let count = counted(database, count_statement_of_few(request, numbers, status)).await?;
        return Ok(MessageCount::new(count, None));
    }
    let (mut rest, mut count, mut chunk) = (request.clone(), 0, FIRST_CHUNK);
    loop {
        let end = end_of_chunk(database, &rest, source, status, chunk).await?;
        let statement = count_statement_down_to(&rest, numbers, source, end.map(|end| end.id));
        count += counted(database, statement).await?;
        let Some(end) = end.filter(|end| !request.ends_before(end.created_at)) else {
            return Ok(MessageCount::new(count, None));
        };
        if budget.is_over() {
            return Ok(MessageCount::new(count, Some(end)));
        }
        rest.after = Some(end.id);
        chunk = (chunk * 2).min(MAX_CHUNK);
    }
}

async fn counted(database: &Database, mut statement: QueryBuilder<Postgres>) -> Result<u64> {
    let rows = database.scan_briefly(statement.build().persistent(false)).await?;
    rows.first().map_or(Ok(0), |row| Columns::new(row).large("count"))
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
