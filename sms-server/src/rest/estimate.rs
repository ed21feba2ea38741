//! `POST /v1/estimate`: the size of texts, and the cost of messages, before they are sent.

use std::borrow::Cow;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use sms_core::message::prepare::{SENDER_NAME_RULE, is_sender_name};
use sms_core::message::text::{self, Encoding, TextCount};
use sms_core::message::translit;
use sms_core::{Archive as _, NumberReader, PriceQuery};
use utoipa::ToSchema;

use super::cost_estimate::CostEstimate;
use super::numbers::read_numbers;
use super::schema::TextEncoding;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::KeyScope;

/// Name of the list of texts.
const TEXTS: &str = "texts";
/// Name of the list of recipients.
const TO: &str = "to";
/// Texts in one request at most.
const MAX_TEXTS: usize = 100;
/// One more, which tells that there are too many.
const TOO_MANY: usize = MAX_TEXTS + 1;
/// Different characters that are named for one text at most.
const MAX_CHARACTERS: usize = 50;

/// Texts to be measured.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EstimateBody {
    #[schema(min_items = 1, max_items = 100)]
    texts: Vec<String>,
    /// Cyrillic letters are sent as Latin ones. Defaults to false.
    translit: Option<bool>,
    /// The recipients, for the cost: of one text any number, otherwise one for each text, in their
    /// order. Without them no cost is asked for.
    #[schema(min_items = 1, max_items = 100)]
    to: Option<Vec<String>>,
    /// The sender name, for the cost. Defaults to the provider's own.
    #[schema(min_length = 1, max_length = 15)]
    from: Option<String>,
}

/// The sizes of texts, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EstimateReply {
    data: Vec<Estimate>,
    /// Parts of all texts together: what is paid for when each is sent once.
    parts: usize,
    /// The cost; absent in an answer to a request without recipients.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostEstimate>,
}

/// The size of a text.
#[derive(Debug, Serialize, ToSchema)]
struct Estimate {
    #[schema(value_type = TextEncoding)]
    encoding: Encoding,
    /// Parts in which the text is sent; 0 for an empty text.
    parts: usize,
    /// The length: septets in `gsm7`, UTF-16 code units in `ucs2`.
    units: usize,
    /// Units that still fit into the last part.
    left_in_part: usize,
    /// The characters that make the text longer than it would be with letters of the GSM alphabet
    /// in their place, in the order of the text. At most 50 are named.
    costly_characters: Vec<CostlyCharacter>,
    /// Parts with a letter of the GSM alphabet in place of each of those characters; absent where
    /// there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts_without_them: Option<usize>,
}

/// A character that makes a text longer.
#[derive(Debug, Serialize, ToSchema)]
struct CostlyCharacter {
    character: char,
    /// The code point, such as `U+2014`, since the character itself may be invisible.
    code_point: String,
    /// How many times it is in the text.
    count: usize,
    cost: CharacterCost,
}

/// Cost of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CharacterCost {
    /// It is not in the GSM alphabet: the whole text is sent in UCS-2.
    Ucs2,
    /// It takes the place of two letters: an extension of the GSM alphabet.
    TwoUnits,
}

/// `POST /v1/estimate`: nothing is stored or sent.
pub(crate) async fn estimate(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<EstimateReply>, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let body = EstimateBody::read(Fields::read(&headers, &body)?)?;
    let is_latin = body.translit.unwrap_or(false);
    let data: Vec<Estimate> = body.texts.iter().map(|text| Estimate::of(text, is_latin)).collect();
    let parts = data.iter().map(|estimate| estimate.parts).sum();
    let cost = match body.messages(app.0.store.numbers())? {
        Some(messages) => Some(CostEstimate::of(&app, &caller, &messages).await?),
        None => None,
    };
    Ok(Json(EstimateReply { data, parts, cost }))
}

impl EstimateBody {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        fields.require(TEXTS);
        let read = |text: &str| Some(text.to_owned());
        let texts = fields.strings::<TOO_MANY, _>(TEXTS, "must be a list of strings", read);
        let translit = fields.boolean("translit");
        let to = fields.strings::<TOO_MANY, _>(TO, "must be a list of strings", read);
        let from = fields.string("from");
        fields.finish()?;
        let texts = texts.ok_or_else(|| Problem::missing(TEXTS))?;
        match texts.len() {
            0 => Err(wrong_count("texts_empty", "must hold at least one text")),
            TOO_MANY => Err(wrong_count("texts_too_many", "must hold at most 100 texts")),
            count => {
                check_cost_fields(count, to.as_deref(), from.as_deref())?;
                Ok(Self { texts, translit, to, from })
            }
        }
    }

    /// The messages with a cost to be estimated; `None` in a request without recipients.
    fn messages(self, reader: NumberReader) -> Result<Option<Vec<PriceQuery>>, Problem> {
        let Self { mut texts, translit, to, from } = self;
        let Some(to) = to else { return Ok(None) };
        if texts.len() == 1 {
            texts = vec![texts.remove(0); to.len()];
        }
        let translit = translit.unwrap_or(false);
        let query = |(to, text)| PriceQuery::new(to, text).from(from.clone()).translit(translit);
        Ok(Some(read_numbers(TO, &to, reader)?.into_iter().zip(texts).map(query).collect()))
    }
}

/// Checks the fields for the cost of this many texts.
fn check_cost_fields(
    texts: usize,
    to: Option<&[String]>,
    from: Option<&str>,
) -> Result<(), Problem> {
    if from.is_some_and(|from| !is_sender_name(from)) {
        let rule = format!("must be {SENDER_NAME_RULE}");
        return Err(wrong(FieldProblem::field("from", "from_invalid", rule)));
    }
    let fits =
        |to: &[String]| (1..=MAX_TEXTS).contains(&to.len()) && [1, to.len()].contains(&texts);
    if to.is_some_and(|to| !fits(to)) {
        let rule = "must be 1 to 100 numbers for one text, or one for each text";
        return Err(wrong(FieldProblem::field(TO, "to_count_invalid", rule)));
    }
    Ok(())
}

fn wrong_count(code: &'static str, rule: &'static str) -> Problem {
    wrong(FieldProblem::field(TEXTS, code, rule))
}

fn wrong(error: FieldProblem) -> Problem {
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error])
}

impl Estimate {
    /// The size of a text as a message with it would be counted.
    fn of(text: &str, is_latin: bool) -> Self {
        let text: Cow<'_, str> = if is_latin { translit::latin(text) } else { Cow::Borrowed(text) };
        let counted = text::count(&text);
        let TextCount { encoding, units, parts, .. } = counted;
        let costly_characters = costly(&text, encoding);
        let parts_without_them = (!costly_characters.is_empty()).then(|| {
            let plain: String =
                text.chars().map(|c| if cost(c, encoding).is_some() { 'x' } else { c }).collect();
            text::count(&plain).parts
        });
        let left_in_part = counted.left_in_part();
        Self { encoding, parts, units, left_in_part, costly_characters, parts_without_them }
    }
}

/// The cost of a character in a text of this encoding; `None` for one that costs what a letter of
/// the GSM alphabet does. In UCS-2 an extension takes one unit, but the text is there because of
/// another character.
fn cost(c: char, encoding: Encoding) -> Option<CharacterCost> {
    let alone = text::count(c.encode_utf8(&mut [0; 4]));
    match (alone.encoding, encoding) {
        (Encoding::Ucs2, _) => Some(CharacterCost::Ucs2),
        (Encoding::Gsm7, Encoding::Gsm7) if alone.units > 1 => Some(CharacterCost::TwoUnits),
        _ => None,
    }
}

/// The costly characters of a text, each once.
fn costly(text: &str, encoding: Encoding) -> Vec<CostlyCharacter> {
    let mut found: Vec<CostlyCharacter> = Vec::new();
    for character in text.chars() {
        let Some(cost) = cost(character, encoding) else { continue };
        if let Some(known) = found.iter_mut().find(|known| known.character == character) {
            known.count += 1;
        } else if found.len() < MAX_CHARACTERS {
            let code_point = format!("U+{:04X}", u32::from(character));
            found.push(CostlyCharacter { character, code_point, count: 1, cost });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::agreement::assert_agrees;

    #[test]
    fn texts_are_read_as_their_schema_says() {
        let whole =
            json!({"texts": ["hi"], "translit": true, "to": ["+79251234567"], "from": "Acme"});
        assert_agrees::<EstimateBody>(&whole, &[], |body| {
            let body = body.to_string();
            EstimateBody::read(Fields::of_body(body.as_bytes()).expect("an object")).map(drop)
        });
    }
}
