//! Every problem by its code, with its status and an example of its words.

use axum::http::StatusCode;

/// A problem that the API document names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownProblem {
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    /// Words as they are in the field `detail`.
    pub(crate) detail: &'static str,
}

/// The problem with this code.
pub(crate) fn find(code: &str) -> Option<KnownProblem> {
    let is_it = |known: &&(u16, &str, &str)| known.1 == code;
    let (status, code, detail) = CATALOG.iter().find(is_it).copied()?;
    let status = StatusCode::from_u16(status).ok()?;
    Some(KnownProblem { code, status, detail })
}

/// Status, code and words of every problem.
pub(crate) const CATALOG: &[(u16, &str, &str)] = &[
    (400, "bad_request", "the request cannot be understood"),
    (400, "json_invalid", "the body is not a JSON object: EOF while parsing at line 1 column 1"),
    (400, "field_type", "to: must be a string"),
    (400, "field_missing", "text: is required"),
    (400, "field_unknown", "txt: unknown field"),
    (400, "field_too_large", "metadata: must be at most 64 KiB of JSON"),
    (400, "invalid_request", "several fields are invalid"),
    (400, "idempotency_key_invalid", "Idempotency-Key: must be printable ASCII"),
    (400, "parameter_invalid", "limit: must be 1 to 200"),
    (400, "query_invalid", "the query cannot be read"),
    (400, "callback_unreadable", "this callback does not have the format of the provider"),
    (401, "unauthorized", "the key in the Authorization header is not valid"),
    (401, "signin_link_invalid", "this link was used already or is too old; ask for another one"),
    (403, "scope_missing", "this key lacks the scope `admin`"),
    (403, "csrf", "send the header X-Requested-With: sms-ui"),
    (403, "callback_refused", "this is not a genuine callback"),
    (404, "not_found", "not found"),
    (404, "nothing_arrived", "no such message has come to the sandbox"),
    (404, "no_such_path", "nothing is served at this path"),
    (405, "method_not_allowed", "this path does not support this method; see the header Allow"),
    (408, "timeout", "the request took too long; repeat it with the same Idempotency-Key"),
    (409, "conflict", "the message is not in a state that allows this"),
    (410, "selection_expired", "this selection has expired; make a new one"),
    (410, "import_expired", "this import has expired; check the file again"),
    (410, "events_gone", "after: events after this cursor may be gone; go on without it"),
    (413, "body_too_large", "the body is larger than this path allows"),
    (415, "content_type", "the body must be JSON, sent with Content-Type: application/json"),
    (415, "content_encoding", "the body must not be compressed: send it without Content-Encoding"),
    (422, "phone_invalid", "to: must be a phone number"),
    (422, "text_empty", "text: must contain a visible character"),
    (422, "text_control", "text: must not contain control characters"),
    (422, "text_too_long", "text: takes 9 parts of at most 8"),
    (422, "from_invalid", "from: must be 1 to 11 printable ASCII characters or up to 15 digits"),
    (422, "send_at_invalid", "send_at: must be at most 60 days ahead"),
    (422, "deadline_invalid", "deadline_seconds: must be 1 to 2592000"),
    (422, "max_attempts_invalid", "max_attempts: must be 1 to 20"),
    (422, "end_user_ip_invalid", "end_user_ip: must be a public address"),
    (422, "reference_invalid", "reference: must be 1 to 255 characters"),
    (422, "metadata_invalid", "metadata: must be at most 32 levels deep"),
    (422, "metadata_too_large", "metadata: must be at most 4096 bytes"),
    (422, "idempotency_key_reused", "this key was used for a message with other content"),
    (422, "messages_empty", "messages: must hold at least one message"),
    (422, "messages_too_many", "messages: must hold at most 1000 messages, each recipient counted"),
    (422, "recipients_empty", "messages/0/to: must hold at least one phone number"),
    (422, "recipient_repeated", "messages/0/to/1: is the same number as the one at index 0"),
    (422, "texts_empty", "texts: must hold at least one text"),
    (422, "texts_too_many", "texts: must hold at most 100 texts"),
    (422, "to_count_invalid", "to: must be 1 to 100 numbers for one text, or one for each text"),
    (422, "recipient_not_allowed", "to: is not one of the numbers that this key may send to"),
    (422, "recipient_on_stop_list", "to: is on the stop-list"),
    (422, "numbers_empty", "numbers: must hold at least one number"),
    (422, "numbers_too_many", "numbers: must hold at most 1000 numbers"),
    (422, "ids_empty", "ids: must hold at least one id"),
    (422, "ids_too_many", "ids: must hold at most 1000 ids"),
    (422, "message_unknown", "ids/0: no message has this id"),
    (422, "file_unreadable", "the body: is a workbook and no CSV file"),
    (422, "file_empty", "the body: has no row below the names of its columns"),
    (422, "rows_too_many", "the body: must have at most 100000 rows"),
    (422, "number_column_unclear", "to_column: is required: name the column of phone numbers"),
    (422, "column_unknown", "text: the file has no column named sum; its columns are phone, name"),
    (422, "column_repeated", "text: several columns of the file are named sum"),
    (422, "text_missing", "text: is required: the file has no column named text"),
    (422, "reason_missing", "reason: is required: the file has no column named reason"),
    (422, "template_invalid", "text: has a { without a }; write {{ for a brace"),
    (422, "import_empty", "the body: no row of this import can be sent"),
    (422, "client_unknown", "client: no client has this id"),
    (422, "scopes_empty", "scopes: must name at least one scope"),
    (422, "scopes_invalid", "scopes: must not hold `admin`: a test key reaches nothing live"),
    (422, "allowed_numbers_invalid", "allowed_numbers: must hold at most 100 numbers"),
    (422, "expires_at_invalid", "expires_at: must be in the future"),
    (422, "overlap_invalid", "overlap_seconds: must be at most 7776000, which is 90 days"),
    (422, "rules_too_many", "rules: must hold at most 100 rules"),
    (422, "rule_invalid", "rules/0/code: must not be given with this action, which has no code"),
    (429, "too_many_wrong_keys", "too many wrong keys came from this address; try again later"),
    (429, "selections_too_many", "this client has 50 selections already; try again later"),
    (429, "imports_too_many", "this client has 20 imports that were not sent; remove some first"),
    (429, "streams_too_many", "too many streams of events are open already; close some first"),
    (500, "internal", "internal error; the log has its cause under the request id"),
    (503, "unavailable", "the service is unavailable; try again, with the same Idempotency-Key"),
    (503, "busy", "too many reads of this client wait already; try again, with fewer at a time"),
    (503, "query_timeout", "the read took longer than 5 s and was stopped; ask for less"),
];
