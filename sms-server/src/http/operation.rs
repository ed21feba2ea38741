//! Operations of the doors that programs call: a method and a path with the handler, and what the
//! API document says about them.

use std::time::Duration;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::{Value, json};
use tower_http::limit::RequestBodyLimitLayer;
use utoipa::ToSchema;

use super::body::MAX_BODY;
use super::layers::{REQUEST_TIMEOUT, time_limit};
use crate::app::App;
use crate::keys::KeyScope;

const JSON: &str = "application/json";

/// An operation: a method of a path.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The path, with the names of its parameters in braces.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) docs: Docs,
    handler: MethodRouter<App>,
    max_body: usize,
    time_limit: Duration,
}

/// The key that an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// None.
    Public,
    /// Any valid key.
    AnyKey,
    /// A key with this scope.
    Scope(KeyScope),
    /// A session of the web UI.
    Session,
}

/// Documentation of an operation.
#[derive(Debug, Default)]
pub(crate) struct Docs {
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Body>,
    pub(crate) replies: Vec<Reply>,
    /// Codes of the problems that only some operations have.
    pub(crate) problems: Vec<&'static str>,
    /// The schemas that body and replies refer to, by their names.
    pub(crate) schemas: Vec<(String, Value)>,
}

/// A parameter of the query, or a header.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// `query` or `header`.
    pub(crate) place: &'static str,
    pub(crate) description: &'static str,
    pub(crate) schema: Value,
    pub(crate) example: &'static str,
}

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Body {
    /// The media type.
    pub(crate) media_type: &'static str,
    pub(crate) schema: Value,
    pub(crate) example: Value,
    pub(crate) is_required: bool,
}

impl Body {
    /// True for a body of fields, with their errors.
    pub(crate) fn is_json(&self) -> bool {
        self.media_type == JSON
    }
}

/// A reply that is no problem.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) description: &'static str,
    /// The media type of the body.
    pub(crate) media_type: &'static str,
    /// The schema and an example; `None` for a reply without a body.
    pub(crate) content: Option<(Value, Value)>,
    pub(crate) has_location: bool,
    /// An example of the same as a stream, if it can be one.
    pub(crate) stream: Option<&'static str>,
}

impl Operation {
    fn new<H, T>(filter: MethodFilter, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let handler = on(filter, handler);
        let (access, docs) = (Access::AnyKey, Docs::default());
        Self {
            method,
            path,
            access,
            docs,
            handler,
            max_body: MAX_BODY,
            time_limit: REQUEST_TIMEOUT,
        }
    }

    pub(crate) fn get<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::GET, Method::GET, path, handler)
    }

    pub(crate) fn post<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::POST, Method::POST, path, handler)
    }

    pub(crate) fn put<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::PUT, Method::PUT, path, handler)
    }

    pub(crate) fn patch<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::PATCH, Method::PATCH, path, handler)
    }

    pub(crate) fn delete<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::DELETE, Method::DELETE, path, handler)
    }

    /// Sets the scope that the handler checks.
    pub(crate) fn needs(mut self, scope: KeyScope) -> Self {
        self.access = Access::Scope(scope);
        self
    }

    /// Opens the operation to requests without a key.
    pub(crate) fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    /// Opens the operation to people who have signed in to the web UI, and to no key.
    pub(crate) fn for_sessions(mut self) -> Self {
        self.access = Access::Session;
        self
    }

    /// Sets the largest body, in bytes.
    pub(crate) fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the time that a request waits for something to happen, in addition to the usual limit.
    pub(crate) fn waits(mut self, time: Duration) -> Self {
        self.time_limit = REQUEST_TIMEOUT + time;
        self
    }

    /// Describes the operation: a line, and more.
    pub(crate) fn about(mut self, summary: &'static str, description: &'static str) -> Self {
        (self.docs.summary, self.docs.description) = (summary, description);
        self
    }

    /// Describes a parameter of the query.
    pub(crate) fn query(
        self,
        name: &'static str,
        schema: Value,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        self.parameter(Parameter { name, place: "query", description, schema, example })
    }

    /// Describes a header of the request.
    pub(crate) fn header(
        self,
        name: &'static str,
        schema: Value,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        self.parameter(Parameter { name, place: "header", description, schema, example })
    }

    fn parameter(mut self, parameter: Parameter) -> Self {
        self.docs.parameters.push(parameter);
        self
    }

    /// Describes the body, with an example that the operation accepts.
    pub(crate) fn body<T: ToSchema>(self, example: Value) -> Self {
        self.body_of::<T>(example, true)
    }

    /// The same for a body that may be empty.
    pub(crate) fn optional_body<T: ToSchema>(self, example: Value) -> Self {
        self.body_of::<T>(example, false)
    }

    fn body_of<T: ToSchema>(mut self, example: Value, is_required: bool) -> Self {
        let schema = self.docs.refer::<T>();
        self.docs.body = Some(Body { media_type: JSON, schema, example, is_required });
        self
    }

    /// Describes a body that is a file, with the beginning of one.
    pub(crate) fn file_body(mut self, media_type: &'static str, example: &str) -> Self {
        let (schema, example) = (json!({"type": "string"}), json!(example));
        self.docs.body = Some(Body { media_type, schema, example, is_required: true });
        self
    }

    /// Describes a reply, with an example of it. The first one is what the examples of the request
    /// lead to.
    pub(crate) fn reply<T: ToSchema>(
        mut self,
        status: StatusCode,
        description: &'static str,
        example: Value,
    ) -> Self {
        let content = Some((self.docs.refer::<T>(), example));
        self.add_reply(status, description, JSON, content)
    }

    /// Describes a reply that is a text and no JSON.
    pub(crate) fn text_reply(
        self,
        status: StatusCode,
        description: &'static str,
        media_type: &'static str,
        example: &str,
    ) -> Self {
        let content = Some((json!({"type": "string"}), json!(example)));
        self.add_reply(status, description, media_type, content)
    }

    /// Adds the header `Location` to the last reply.
    pub(crate) fn with_location(mut self) -> Self {
        if let Some(reply) = self.docs.replies.last_mut() {
            reply.has_location = true;
        }
        self
    }

    /// Describes the last reply as a stream of server-sent events, too.
    pub(crate) fn or_stream(mut self, example: &'static str) -> Self {
        if let Some(reply) = self.docs.replies.last_mut() {
            reply.stream = Some(example);
        }
        self
    }

    /// Describes a reply without a body.
    pub(crate) fn empty_reply(self, status: StatusCode, description: &'static str) -> Self {
        self.add_reply(status, description, JSON, None)
    }

    fn add_reply(
        mut self,
        status: StatusCode,
        description: &'static str,
        media_type: &'static str,
        content: Option<(Value, Value)>,
    ) -> Self {
        let reply =
            Reply { status, description, media_type, content, has_location: false, stream: None };
        self.docs.replies.push(reply);
        self
    }

    /// Names the problems that this operation has and others do not.
    pub(crate) fn problems(mut self, codes: &[&'static str]) -> Self {
        self.docs.problems.extend_from_slice(codes);
        self
    }

    /// Adds the operation to a router.
    pub(crate) fn add_to(self, router: Router<App>) -> Router<App> {
        let limits = (RequestBodyLimitLayer::new(self.max_body), time_limit(self.time_limit));
        router.route(self.path, self.handler.layer(limits))
    }
}

impl Docs {
    /// A reference to the schema of this type, which it adds to the schemas.
    fn refer<T: ToSchema>(&mut self) -> Value {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        // A schema of utoipa is always JSON.
        let written = |schema| any_of(serde_json::to_value(schema).unwrap_or_default());
        self.schemas.extend(schemas.into_iter().map(|(name, schema)| (name, written(schema))));
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }
}

/// The same schema with `anyOf` in place of each `oneOf`. utoipa writes `oneOf` for an enum of
/// several forms, but a value may fit more than one: a whole message has the fields of an outline.
fn any_of(schema: Value) -> Value {
    let rename = |(name, value)| match name {
        name if name == "oneOf" => ("anyOf".to_owned(), any_of(value)),
        name => (name, any_of(value)),
    };
    match schema {
        Value::Object(fields) => fields.into_iter().map(rename).collect(),
        Value::Array(items) => items.into_iter().map(any_of).collect(),
        other => other,
    }
}
