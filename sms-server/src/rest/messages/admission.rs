//! Messages as a key may send them.

use axum::http::StatusCode;
use sms_core::{Message, NewMessage, PhoneNumber, Route};

use crate::app::App;
use crate::app::sandbox_rules::RuleList;
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::Principal;

/// The rules of the sandbox for the messages of this caller.
pub(super) async fn rules_for(app: &App, caller: &Principal) -> Result<RuleList, Problem> {
    let route = caller.route().unwrap_or(Route::DEFAULT.as_str());
    Ok(app.rules_for(caller.owner(), route).await?)
}

/// Prepares a message of this caller. Its owner and route come from the key, and the end that the
/// sandbox gives it from the rules.
pub(super) fn prepare(
    app: &App,
    caller: &Principal,
    rules: &RuleList,
    message: Message,
) -> Result<NewMessage, Problem> {
    let message = message.owner(caller.owner());
    let message = match caller.route() {
        Some(route) => message.route(route),
        None => message,
    };
    let mut prepared = app.0.sender.prepare(&message)?;
    prepared.options.sandbox = rules.draw(prepared.to);
    check_recipient(caller, prepared.to)?;
    Ok(prepared)
}

/// Refuses a recipient that is not in the list of the key, where it has one.
pub(super) fn check_recipient(caller: &Principal, to: PhoneNumber) -> Result<(), Problem> {
    if caller.may_send_to(to) {
        return Ok(());
    }
    let rule = "is not one of the numbers that this key may send to";
    let error = FieldProblem::field("to", "recipient_not_allowed", rule);
    Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error]))
}
