//! Pages of messages in memory.

use super::row::Row;
use crate::clock::{datetime_from_ms, datetime_to_ms};
use crate::message::phone::NumberReader;
use crate::store::ListRequest;
use crate::store::page::{Budget, MessagePage, SearchedTo};

/// Number of messages between two checks of the budget.
const BUDGET_CHECK_ROWS: usize = 256;

/// A page of the messages that the request admits, from rows that come newest first.
pub(super) fn search<'a>(
    request: &ListRequest,
    numbers: NumberReader,
    rows: impl Iterator<Item = &'a Row>,
) -> MessagePage {
    let (budget, mut found) = (Budget::start(request), Vec::new());
    if request.limit == 0 {
        return MessagePage::default();
    }
    for (row, searched) in rows.zip(1_usize..) {
        let created_at = datetime_from_ms(row.created_at);
        if matches(request, numbers, row) {
            found.push(row.stored());
        }
        if found.len() == request.limit || request.ends_before(created_at) {
            break;
        }
        if searched.is_multiple_of(BUDGET_CHECK_ROWS) && budget.is_over() {
            return MessagePage::new(found, Some(SearchedTo::new(row.message.id, created_at)));
        }
    }
    MessagePage::new(found, None)
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
        && request.from_time.is_none_or(|from| *created_at >= datetime_to_ms(from))
        && request.to_time.is_none_or(|to| *created_at < datetime_to_ms(to))
        && request.search.as_ref().is_none_or(|search| {
            let number = message.to.digits().to_string();
            message.text.contains(search)
                || numbers.search_digits(search).iter().any(|digits| number.contains(digits))
        })
}
