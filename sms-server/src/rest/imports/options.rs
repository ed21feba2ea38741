//! The options of an import, as parameters: the body is the file.

use axum::http::StatusCode;
use sms_core::{Class, Clock as _, Error, Sender, SystemClock};

use crate::http::params::{Params, Rule, put, put_boolean, put_time, unknown};
use crate::http::problem::{FieldProblem, Problem};
use crate::imports::layout::FileOptions;
use crate::imports::mailing::MailingOptions;
use crate::imports::separator::Separator;

/// Characters of the longest name of a file or a column.
pub(super) const MAX_NAME: usize = 255;
/// A number that is valid everywhere, for the check of options without a row.
const ANYONE: &str = "+79251234567";

/// The options of an import.
#[derive(Debug, Default)]
pub(super) struct ImportOptions {
    pub(super) file_name: Option<String>,
    pub(super) file: FileOptions,
    pub(super) mailing: MailingOptions,
}

impl ImportOptions {
    /// Reads the options, and checks those that apply to every row.
    pub(super) fn read(params: Params, sender: &Sender) -> Result<Self, Problem> {
        let mut options = Self::default();
        params.set_each(|name, value| options.set(name, value))?;
        if options.file.text.is_some() && options.file.text_column.is_some() {
            let rule = "must not be given with text";
            let wrong = FieldProblem::parameter("text_column", "parameter_invalid", rule);
            return Err(Problem::fields(StatusCode::BAD_REQUEST, vec![wrong]));
        }
        let message = options.mailing.clone().message(ANYONE, "x");
        let prepared = sender.prepare(&message).map_err(of_parameters)?;
        prepared.check_at(SystemClock.now_ms()).map_err(of_parameters)?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<Rule> {
        let (file, mailing) = (&mut self.file, &mut self.mailing);
        match name {
            "file_name" => put_name(&mut self.file_name, value),
            "to_column" => put_name(&mut file.shape.to_column, value),
            "text_column" => put_name(&mut file.text_column, value),
            "text" => put(&mut file.text, Some(Some(value.to_owned())), ""),
            "header" => put_some_boolean(&mut file.shape.has_header, value),
            "separator" => {
                let rule = "must be semicolon, comma or tab";
                put(&mut file.shape.separator, Separator::from_name(value).map(Some), rule)
            }
            "from" => put(&mut mailing.from, Some(Some(value.to_owned())), ""),
            "class" => {
                let rule = "must be otp, service or marketing";
                put(&mut mailing.class, Class::from_name(value).map(Some), rule)
            }
            "send_at" => put_time(&mut mailing.send_at, value),
            "deadline_seconds" => {
                let rule = "must be a whole number in range";
                put(&mut mailing.deadline_seconds, value.parse().ok().map(Some), rule)
            }
            "reference" => put(&mut mailing.reference, Some(Some(value.to_owned())), ""),
            "translit" => put_some_boolean(&mut mailing.translit, value),
            "daytime" => put_some_boolean(&mut mailing.daytime, value),
            _ => unknown(),
        }
    }
}

pub(in crate::rest) fn put_some_boolean(slot: &mut Option<bool>, value: &str) -> Option<Rule> {
    let mut read = false;
    let rule = put_boolean(&mut read, value);
    if rule.is_none() {
        *slot = Some(read);
    }
    rule
}

pub(in crate::rest) fn put_name(slot: &mut Option<String>, value: &str) -> Option<Rule> {
    let fits = (1..=MAX_NAME).contains(&value.chars().count());
    let name = (fits && !value.chars().any(char::is_control)).then(|| Some(value.to_owned()));
    put(slot, name, "must be 1 to 255 characters without control characters")
}

/// The problem of options that no message can have.
fn of_parameters(error: Error) -> Problem {
    if error.fields().is_empty() {
        return error.into();
    }
    let parameter =
        |it: &sms_core::FieldError| FieldProblem::parameter(it.field, it.code, it.message.clone());
    let wrong = error.fields().iter().map(parameter).collect();
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, wrong)
}
