//! Replies of methods, in both forms: JSON and lines of plain text.

use std::borrow::Cow;

use crate::simulator::methods::json::Json;
use crate::simulator::methods::status_text;

/// A reply that can be rendered in both forms.
#[derive(Debug)]
pub(crate) struct Reply {
    code: i32,
    ok: bool,
    /// A reply of `code/call`: always JSON, and without `status_code` if it is a success.
    of_code_call: bool,
    rows: Option<Vec<Row>>,
    fields: Vec<(&'static str, Json)>,
    /// The lines of plain text before and after the rows.
    head: Vec<String>,
    tail: Vec<String>,
}

/// The part of a reply about one recipient or message: an entry of the map `sms`.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) json: Json,
    /// The line of plain text.
    pub(crate) line: Option<String>,
}

impl Row {
    pub(crate) fn refused(key: String, code: i32, sms_id: Option<String>) -> Self {
        let mut entry = vec![
            ("status".into(), Json::text("ERROR")),
            ("status_code".into(), Json::Number(code.into())),
            ("status_text".into(), Json::text(status_text::refusal(code))),
        ];
        entry.extend(sms_id.map(|id| ("sms_id".into(), Json::text(id))));
        Self { key, json: Json::Map(entry), line: Some(code.to_string()) }
    }

    /// An entry for a success, with these fields after its status.
    pub(crate) fn ok(
        key: String,
        code: i32,
        fields: impl IntoIterator<Item = (&'static str, Json)>,
    ) -> Self {
        let mut entry: Vec<(Cow<'static, str>, Json)> = Vec::with_capacity(4);
        entry.push(("status".into(), Json::text("OK")));
        entry.push(("status_code".into(), Json::Number(code.into())));
        entry.extend(fields.into_iter().map(|(name, value)| (name.into(), value)));
        Self { key, json: Json::Map(entry), line: None }
    }

    pub(crate) fn line(mut self, line: impl Into<String>) -> Self {
        self.line = Some(line.into());
        self
    }
}

impl Reply {
    /// A reply to a request that was carried out.
    pub(crate) fn ok() -> Self {
        Self {
            code: 100,
            ok: true,
            of_code_call: false,
            rows: None,
            fields: Vec::new(),
            head: vec!["100".to_owned()],
            tail: Vec::new(),
        }
    }

    /// A reply to a request that was refused as a whole.
    pub(crate) fn refused(code: i32) -> Self {
        Self { code, ok: false, head: vec![code.to_string()], ..Self::ok() }
    }

    pub(crate) fn field(mut self, name: &'static str, value: Json) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Adds a list. With `quirks` an empty list is omitted, as by the live server.
    pub(crate) fn list<'a>(
        self,
        name: &'static str,
        items: impl ExactSizeIterator<Item = &'a str> + Clone,
        quirks: bool,
    ) -> Self {
        let omitted = quirks && items.len() == 0;
        let reply = items.clone().fold(self, Self::line);
        if omitted {
            reply
        } else {
            reply.field(name, Json::List(items.map(|item| Json::text(item.to_owned())).collect()))
        }
    }

    pub(crate) fn rows(mut self, rows: Vec<Row>) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Adds a line of plain text at the end.
    pub(crate) fn line(mut self, line: impl Into<String>) -> Self {
        self.tail.push(line.into());
        self
    }

    /// Removes the code of the request from the plain text.
    pub(crate) fn without_first_line(mut self) -> Self {
        self.head.clear();
        self
    }

    /// Makes it a reply of `code/call`.
    pub(crate) fn of_code_call(mut self) -> Self {
        self.of_code_call = true;
        self
    }

    /// Removes the last `missing` recipients.
    pub(crate) fn without_last(&mut self, missing: usize) {
        if let Some(rows) = &mut self.rows {
            rows.truncate(rows.len().saturating_sub(missing));
        }
    }

    /// Renders the content type and the body.
    pub(crate) fn render(self, json: bool) -> (&'static str, String) {
        if json || self.of_code_call {
            ("application/json; charset=utf-8", self.into_json().document())
        } else {
            ("text/plain; charset=utf-8", self.into_lines().join("\n"))
        }
    }

    fn into_json(self) -> Json {
        let status = if self.ok { "OK" } else { "ERROR" };
        let mut document = vec![("status".into(), Json::text(status))];
        if !(self.ok && self.of_code_call) {
            document.push(("status_code".into(), Json::Number(self.code.into())));
        }
        if !self.ok {
            document.push(("status_text".into(), Json::text(status_text::refusal(self.code))));
        }
        if let Some(rows) = self.rows {
            let entries = rows.into_iter().map(|row| (row.key.into(), row.json)).collect();
            document.push(("sms".into(), Json::Map(entries)));
        }
        document.extend(self.fields.into_iter().map(|(name, value)| (name.into(), value)));
        Json::Map(document)
    }

    fn into_lines(self) -> Vec<String> {
        let rows = self.rows.unwrap_or_default().into_iter().filter_map(|row| row.line);
        self.head.into_iter().chain(rows).chain(self.tail).collect()
    }
}
