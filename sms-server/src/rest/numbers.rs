//! Phone numbers in bodies and parameters.

use axum::http::StatusCode;
use sms_core::{FieldError, NumberReader, PhoneNumber};

use crate::http::params::Rule;
use crate::http::problem::{FieldProblem, Problem};

/// Reads the phone numbers of this field. The problem names each that cannot be read.
pub(crate) fn read_numbers(
    field: &'static str,
    texts: &[String],
    reader: NumberReader,
) -> Result<Vec<PhoneNumber>, Problem> {
    let mut wrong = Vec::new();
    let mut numbers = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match reader.read(text) {
            Ok(number) => numbers.push(number),
            Err(error) => {
                let place = format!("/{index}");
                let at_number = |error: &FieldError| {
                    FieldProblem::field(field, error.code, error.message.clone())
                        .with_pointer_inside(&place)
                };
                wrong.extend(error.fields().iter().map(at_number));
            }
        }
    }
    if wrong.is_empty() {
        Ok(numbers)
    } else {
        Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, wrong))
    }
}

/// Sets a phone number that is a parameter. A + that the client did not escape arrives as a blank.
/// Before a national number a blank is only a blank, which the reader of numbers ignores.
pub(crate) fn put_number(
    slot: &mut Option<PhoneNumber>,
    value: &str,
    numbers: NumberReader,
) -> Option<Rule> {
    let mended = value.strip_prefix(' ').and_then(|rest| numbers.read(&format!("+{rest}")).ok());
    match mended.map_or_else(|| numbers.read(value), Ok) {
        Ok(number) => *slot = Some(number),
        Err(error) => return error.fields().first().map(|field| field.message.clone()),
    }
    None
}
