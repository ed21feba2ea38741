//! The door with the documentation of the API: `/openapi.json` and, for people, `/docs`. No key is
//! needed: the replies are the same for every caller.

pub(crate) mod document;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::http::layers;

/// Only files of this server, no script in the page itself, and no other page around it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// A browser asks each time, since the files change with the program.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The door, with this document.
pub(crate) fn routes(document: &Bytes) -> Router<App> {
    let document = document.clone();
    let routes = Router::new()
        .route("/openapi.json", get(async move || reply("application/json", document)))
        .route("/docs", get(async || page()))
        .route(
            "/docs/start.js",
            get(async || reply("text/javascript", &include_bytes!("swagger-ui/start.js")[..])),
        )
        .route(
            "/docs/swagger-ui-bundle.js",
            get(async || {
                let script = include_bytes!("swagger-ui/swagger-ui-bundle.js.gz");
                compressed("text/javascript", script)
            }),
        )
        .route(
            "/docs/swagger-ui.css",
            get(async || compressed("text/css", include_bytes!("swagger-ui/swagger-ui.css.gz"))),
        );
    layers::problems(routes)
}

fn page() -> Response {
    let policy = [(header::CONTENT_SECURITY_POLICY, POLICY)];
    let page = &include_bytes!("swagger-ui/index.html")[..];
    (policy, reply("text/html; charset=utf-8", page)).into_response()
}

fn reply(content_type: &'static str, content: impl Into<Bytes>) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, REVALIDATE),
    ];
    (headers, content.into()).into_response()
}

/// The reply with a file that is in the program in its compressed form. Every browser reads that.
fn compressed(content_type: &'static str, content: &'static [u8]) -> Response {
    let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
    (encoding, reply(content_type, content)).into_response()
}
