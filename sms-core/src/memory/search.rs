//! Pages of messages in memory.

use super::row::Row;
use crate::clock::{datetime_from_ms, datetime_to_ms};
use crate::message::phone::NumberReader;
use crate::store::ListRequest;
use crate::store::count::MessageCount;
use crate::store::page::{Budget, MessagePage, SearchedTo};

/// Number of messages between two checks of the budget.
const BUDGET_CHECK_ROWS: usize = 256;

/// A page of the messages that the request admits, from rows that come newest first.
pub(super) fn search<'a>(
    request: &ListRequest,
    numbers: NumberReader,
    rows: impl Iterator<Item = &'a Row>,
) -> MessagePage {
    let mut found = Vec::new();
    if request.limit == 0 {
        return MessagePage::default();
    }
    let searched_to = scan(request, numbers, rows, |row| {
        found.push(row.stored());
        found.len() < request.limit
    });
    MessagePage::new(found, searched_to)
}

/// The number of messages that the request admits, from rows that come newest first.
pub(super) fn count<'a>(
    request: &ListRequest,
    numbers: NumberReader,
    rows: impl Iterator<Item = &'a Row>,
) -> MessageCount {
    let mut count = 0;
    let searched_to = scan(request, numbers, rows, |_| {
        count += 1;
        true
    });
    MessageCount::new(count, searched_to)
}

/// Hands each row that the request admits to `each`, until it returns false. Returns the last row
/// that was examined, if the budget ended the scan.
fn scan<'a>(
    request: &ListRequest,
    numbers: NumberReader,
    rows: impl Iterator<Item = &'a Row>,
    mut each: impl FnMut(&Row) -> bool,
) -> Option<SearchedTo> {
    let budget = Budget::start(request);
    for (row, searched) in rows.zip(1_usize..) {
        let created_at = datetime_from_ms(row.created_at);
        let goes_on = !matches(request, numbers, row) || each(row);
        if !goes_on || request.ends_before(created_at) {
            break;
        }
        if searched.is_multiple_of(BUDGET_CHECK_ROWS) && budget.is_over() {
            return Some(SearchedTo::new(row.message.id, created_at));
        }
    }
    None
}

fn matches(
    request: &ListRequest,
    numbers: NumberReader,
    Row { message, created_at, state }: &Row,
) -> bool {
    request.scope.admits(message.owner.as_deref())
        && (request.statuses.is_empty() || request.statuses.contains(&state.status))
        && request.to.is_none_or(|to| message.to == to)
        && request.class.is_none_or(|class| message.class == class)
        && request
            .reference
            .as_ref()
            .is_none_or(|reference| message.reference.as_ref() == Some(reference))
        && request.code.is_none_or(|code| state.code == Some(code))
        && request
            .resend_of
            .is_none_or(|id| message.resend.as_ref().is_some_and(|resend| resend.of == id))
        && request.route.as_ref().is_none_or(|route| message.route == *route)
        && request.provider.as_ref().is_none_or(|name| state.provider.as_ref() == Some(name))
        && request.from_time.is_none_or(|from| *created_at >= datetime_to_ms(from))
        && request.to_time.is_none_or(|to| *created_at < datetime_to_ms(to))
        && request.search.as_ref().is_none_or(|search| {
            let number = message.to.digits().to_string();
            message.text.contains(search)
                || numbers.search_digits(search).iter().any(|digits| number.contains(digits))
        })
}
