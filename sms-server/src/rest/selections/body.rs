//! The body of a selection: a filter, or ids.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sms_core::store::ListRequest;
use sms_core::{Class, MessageId, NumberReader};
use utoipa::ToSchema;

use crate::http::fields::Fields;
use crate::http::problem::{FieldProblem, Problem};
use crate::rest::messages::filter::{CLIENT, ClientFilter, MAX_SEARCH, set_filter};
use crate::rest::schema::MessageClass;

/// The field with a filter.
const FILTER: &str = "filter";
/// The field with ids.
pub(super) const IDS: &str = "ids";
/// Ids in one request at most: more do not fit into its body.
const MAX_IDS: usize = 1000;
/// One more, which tells that there are too many.
const TOO_MANY: usize = MAX_IDS + 1;
/// The filters that are strings, as in a query.
const STRINGS: [&str; 9] =
    ["status", "to", "q", "class", "resend_of", "reference", "from_time", "to_time", CLIENT];
/// The filter that is a number.
const CODE: &str = "code";
const _: () = assert!(MAX_SEARCH == 200, "the schema below says so");

/// What selects messages.
#[derive(Debug)]
pub(super) enum Selected {
    Filter {
        /// The filter as it was written.
        written: Map<String, Value>,
        client: ClientFilter,
    },
    Ids(Vec<MessageId>),
}

/// Messages to be selected: by a filter or by their ids.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "read field by field; this is the schema")]
pub(crate) struct SelectionBody {
    /// The filter. Without any field it selects every message.
    #[schema(value_type = Option<FilterBody>)]
    filter: Option<FilterBody>,
    /// The ids of messages, in place of a filter. One that is there twice is selected once.
    #[schema(min_items = 1, max_items = 1000)]
    ids: Option<Vec<String>>,
}

/// Filters as the parameters of a list of messages, joined by "and".
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageFilter)]
#[allow(dead_code, reason = "read field by field; this is the schema")]
pub(crate) struct FilterBody {
    /// One or several statuses, with commas.
    status: Option<String>,
    /// The recipient, in any spelling.
    to: Option<String>,
    /// A part of the text, or digits of the number.
    #[schema(min_length = 1, max_length = 200)]
    q: Option<String>,
    #[schema(value_type = Option<MessageClass>)]
    class: Option<Class>,
    /// The provider's last code.
    code: Option<i32>,
    /// The client's own reference.
    reference: Option<String>,
    /// The id of the message that they send again.
    resend_of: Option<String>,
    /// Accepted at this time or later.
    #[schema(format = DateTime)]
    from_time: Option<String>,
    /// Accepted before this time.
    #[schema(format = DateTime)]
    to_time: Option<String>,
    /// The id of a client: its messages.
    client: Option<String>,
}

/// Reads a body; a filter goes into the request of a list.
pub(super) fn read(
    mut fields: Fields<'_>,
    request: &mut ListRequest,
    numbers: NumberReader,
) -> Result<Selected, Problem> {
    const RULE: &str = "must be a list of ids of messages";
    let filter = fields.object(FILTER);
    let ids = fields.strings::<TOO_MANY, MessageId>(IDS, RULE, |id| id.parse().ok());
    if filter.is_some() && ids.is_some() {
        fields.refuse(IDS, "must not be given with filter");
    }
    fields.finish()?;
    match (filter, ids) {
        (_, Some(ids)) => match ids.len() {
            0 => Err(wrong_count("ids_empty", "must hold at least one id")),
            TOO_MANY => Err(wrong_count("ids_too_many", "must hold at most 1000 ids")),
            _ => Ok(Selected::Ids(ids)),
        },
        (Some(filter), None) => {
            read_filter(filter, request, numbers).map_err(|problem| problem.inside(FILTER))
        }
        (None, None) => {
            let rule = "is required, unless there are ids";
            let missing = FieldProblem::field(FILTER, "field_missing", rule);
            Err(Problem::fields(StatusCode::BAD_REQUEST, vec![missing]))
        }
    }
}

fn wrong_count(code: &'static str, rule: &'static str) -> Problem {
    let wrong = FieldProblem::field(IDS, code, rule);
    Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![wrong])
}

fn read_filter(
    filter: &RawValue,
    request: &mut ListRequest,
    numbers: NumberReader,
) -> Result<Selected, Problem> {
    let mut fields = Fields::of_item(filter)?;
    let (mut written, mut client) = (Map::new(), ClientFilter::default());
    for name in STRINGS {
        let Some(value) = fields.string(name) else { continue };
        let broken = match name {
            CLIENT => client.set(&value),
            _ => set_filter(request, numbers, name, &value),
        };
        if let Some(rule) = broken {
            fields.refuse(name, rule);
        }
        written.insert(name.to_owned(), value.into());
    }
    if let Some(code) = fields.signed(CODE) {
        request.code = Some(code);
        written.insert(CODE.to_owned(), code.into());
    }
    fields.finish()?;
    Ok(Selected::Filter { written, client })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;
    use sms_core::Status;

    use super::*;

    fn read_body(body: &Value) -> Result<(Map<String, Value>, ListRequest), Problem> {
        let (body, mut request) = (body.to_string(), ListRequest::default());
        let fields = Fields::of_body(body.as_bytes()).expect("an object");
        match read(fields, &mut request, NumberReader::default())? {
            Selected::Filter { written, .. } => Ok((written, request)),
            Selected::Ids(ids) => panic!("no filter: {ids:?}"),
        }
    }

    #[test]
    fn a_filter_has_the_names_and_the_rules_of_a_list() {
        let filter = json!({
            "status": "failed,unknown", "to": "8 (925) 123-45-67", "q": "Код", "class": "otp",
            "code": -7, "reference": "r", "resend_of": "01989c1e-7a52-7cc3-9d1f-2b8a5e6f7a10",
            "from_time": "2026-01-01T00:00:00Z", "to_time": "2026-01-02T00:00:00Z",
            "client": "shop",
        });
        let (kept, request) = read_body(&json!({ FILTER: filter })).expect("good");
        assert_eq!(Value::Object(kept), filter);
        assert_eq!(request.statuses, [Status::Failed, Status::Unknown]);
        assert_eq!((request.class, request.code), (Some(Class::Otp), Some(-7)));
        assert_eq!(request.to.map(|to| to.to_string()).as_deref(), Some("+79251234567"));
        assert!(request.from_time < request.to_time && request.resend_of.is_some());
        let schema = serde_json::to_value(<FilterBody as utoipa::PartialSchema>::schema());
        let schema = schema.expect("a schema");
        let names = schema["properties"].as_object().expect("properties").keys();
        let known = filter.as_object().expect("an object").keys();
        assert!(names.cloned().collect::<std::collections::BTreeSet<_>>().iter().eq(known));
    }

    #[test]
    fn what_is_wrong_in_a_filter_is_named_with_its_place() {
        for (filter, pointer) in [
            (json!({"status": "lost"}), "/filter/status"),
            (json!({"to": "nobody"}), "/filter/to"),
            (json!({"q": ""}), "/filter/q"),
            (json!({"code": "7"}), "/filter/code"),
            (json!({"limit": 7}), "/filter/limit"),
            (json!({"from_time": "tomorrow"}), "/filter/from_time"),
            (json!([]), "/filter"),
            (json!(null), "/filter"),
        ] {
            let problem = read_body(&json!({ FILTER: filter })).expect_err("wrong");
            let document = serde_json::to_value(problem.document(None)).expect("JSON");
            assert_eq!(document["errors"][0]["pointer"], pointer, "{filter}: {document}");
        }
        assert!(read_body(&json!({})).is_err());
        let id = MessageId::new();
        for (body, pointer, code) in [
            (json!({}), "/filter", "field_missing"),
            (json!({"ids": []}), "/ids", "ids_empty"),
            (json!({"ids": vec![id.to_string(); 1001]}), "/ids", "ids_too_many"),
            (json!({"ids": [id.to_string(), "7"]}), "/ids", "field_type"),
            (json!({"ids": [id.to_string()], "filter": {}}), "/ids", "field_type"),
        ] {
            let problem = read_body(&body).expect_err("wrong");
            let document = serde_json::to_value(problem.document(None)).expect("JSON");
            let error = &document["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)));
        }
        let raw = to_raw_value(&json!({})).expect("JSON");
        assert!(read_filter(&raw, &mut ListRequest::default(), NumberReader::default()).is_ok());
    }
}
