//! Pages of messages, newest first.

use sms_core::store::ListRequest;
use sms_core::store::page::Budget;
use sms_core::{MessagePage, Result, Scope, SearchedTo, Status, Store as _, StoredMessage};
use sqlx::{Postgres, QueryBuilder};

use crate::args::{name, rows, uuid};
use crate::page::{statement, statement_down_to, statement_of_few};
use crate::row::{self, Columns};
use crate::store::PgStore;

/// How many candidates the first and the largest statement of a search look at: one millisecond of
/// work, and five.
const FIRST_CHUNK: usize = 2_000;
const LARGEST_CHUNK: usize = 8_000;
/// Up to how many messages that wait or are being sent are sorted to find the newest.
const FEW: usize = 2_000;

pub(crate) async fn list(store: &PgStore, request: &ListRequest) -> Result<MessagePage> {
    if request.limit == 0 {
        return Ok(MessagePage::default());
    }
    let budget = Budget::start(request);
    if budget.is_unlimited() {
        let mut all = statement(request, store.numbers());
        let found = store.scan(all.build().persistent(false)).await?;
        return Ok(MessagePage::new(
            found.iter().map(row::stored_message).collect::<Result<_>>()?,
            None,
        ));
    }
    if request.statuses.is_empty() {
        return search(store, request, None, budget).await;
    }
    // Each state is looked for by itself; the time is shared among those that are left.
    let mut pages = Vec::with_capacity(request.statuses.len());
    for (status, left) in request.statuses.iter().zip((1..=request.statuses.len()).rev()) {
        let request = ListRequest { statuses: vec![*status], ..request.clone() };
        pages.push(search(store, &request, Some(*status), budget.share(left)).await?);
    }
    Ok(MessagePage::merge(pages, request.limit))
}

/// Looks for messages, of one state if there is one, by statements that are short each, so that
/// nobody waits long for a connection meanwhile.
async fn search(
    store: &PgStore,
    request: &ListRequest,
    status: Option<Status>,
    budget: Budget,
) -> Result<MessagePage> {
    let source = Source::of(request, status);
    if let (Source::Owner | Source::Everything, Some(status)) = (source, status)
        && status <= Status::Sending
        && are_few(store, status).await?
    {
        return Ok(MessagePage::new(
            found(store, statement_of_few(request, store.numbers(), status)).await?,
            None,
        ));
    }
    if source.serves_all(request, status) {
        return Ok(MessagePage::new(
            found(store, statement(request, store.numbers())).await?,
            None,
        ));
    }
    let (mut rest, mut messages, mut chunk) = (request.clone(), Vec::new(), FIRST_CHUNK);
    loop {
        let end = end_of_chunk(store, &rest, source, status, chunk).await?;
        messages.extend(
            found(store, statement_down_to(&rest, store.numbers(), end.map(|end| end.id))).await?,
        );
        let Some(end) = end.filter(|end| !request.ends_before(end.created_at)) else { break };
        if messages.len() >= request.limit {
            break;
        }
        if budget.is_over() {
            return Ok(MessagePage::new(messages, Some(end)));
        }
        (rest.after, rest.limit) = (Some(end.id), request.limit - messages.len());
        chunk = (chunk * 2).min(LARGEST_CHUNK);
    }
    Ok(MessagePage::new(messages, None))
}

async fn found(
    store: &PgStore,
    mut statement: QueryBuilder<Postgres>,
) -> Result<Vec<StoredMessage>> {
    // Not kept prepared: there are many shapes of it, and each is planned for what is asked.
    store
        .scan_briefly(statement.build().persistent(false))
        .await?
        .iter()
        .map(row::stored_message)
        .collect()
}

async fn are_few(store: &PgStore, status: Status) -> Result<bool> {
    let mut query =
        QueryBuilder::<Postgres>::new("SELECT count(*) FROM (SELECT FROM states WHERE status = ");
    query.push(status.number()).push(" LIMIT ").push(rows(FEW + 1)).push(") AS few");
    let counted = store.scan_briefly(query.build().persistent(false)).await?;
    let count = counted.first().map_or(Ok(0), |row| Columns::new(row).take::<i64>())?;
    Ok(count <= rows(FEW))
}

/// The index that gives the candidates of a search, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Number,
    Reference,
    /// One of the states past being sent: the others have no index in this order.
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
            // Most messages of anybody end as these, so a page of them is found fast among one's
            // own.
            Some(Status::Sent | Status::Delivered) if is_owned => Self::Owner,
            Some(status) if status > Status::Sending => Self::State,
            _ if is_owned => Self::Owner,
            _ => Self::Everything,
        }
    }

    /// Whether each candidate is one of the page, so that no more of them are read than that takes.
    fn serves_all(self, request: &ListRequest, status: Option<Status>) -> bool {
        let has_time = request.from_time.is_some() || request.to_time.is_some();
        let has_others = request.search.is_some() || request.class.is_some() || has_time;
        !has_others
            && (request.reference.is_none() || self == Self::Reference)
            && (status.is_none() || self == Self::State)
            && (request.scope == Scope::All || self == Self::Owner)
    }
}

/// The last of the next so many candidates; `None` when there are fewer.
async fn end_of_chunk(
    store: &PgStore,
    request: &ListRequest,
    source: Source,
    status: Option<Status>,
    chunk: usize,
) -> Result<Option<SearchedTo>> {
    let mut query = candidate(request, source, status, chunk);
    let found = store.scan_briefly(query.build().persistent(false)).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let mut columns = Columns::new(row);
    Ok(Some(SearchedTo::new(columns.id()?, columns.time()?)))
}

/// The statement for one candidate, so many places after the last message.
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
