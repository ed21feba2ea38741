//! The event log as a stream of server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use futures_util::stream::{self, StreamExt as _};
use tokio::time::sleep;

use super::feed::Feed;
use super::query::EventsQuery;
use crate::app::App;
use crate::http::problem::Problem;
use crate::keys::Principal;

/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";
/// Tells nginx to hand on each event as it comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Interval of the checks of the key. With the three seconds for which a key is cached this is less
/// than the 5 s in which a revocation is promised.
const KEY_INTERVAL: Duration = Duration::from_secs(1);

/// Tells whether the client accepts a stream.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

/// Opens a stream. It ends with its client, its key or the server, or when the client is too slow.
///
/// # Errors
///
/// `streams_too_many`.
pub(super) async fn open(
    app: App,
    caller: Principal,
    query: EventsQuery,
) -> Result<Response, Problem> {
    let permit = app.0.streams.take(&caller.client)?;
    let end = ended(app.clone(), caller.clone());
    let feed = Feed::open(app, caller, query).await?;
    let chunks = stream::unfold((feed, permit), async |(mut feed, permit)| {
        let chunk = feed.next().await?;
        Some((Ok::<_, Infallible>(chunk), (feed, permit)))
    });
    let mut response = Response::new(Body::from_stream(chunks.take_until(Box::pin(end)).boxed()));
    response.headers_mut().extend([
        (header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ]);
    Ok(response)
}

/// Returns when the server shuts down, or the key or the session is no longer valid.
async fn ended(app: App, caller: Principal) {
    let revoked = async {
        loop {
            sleep(KEY_INTERVAL).await;
            // While the registry is away nothing is sent either: it is in the store.
            if let Ok(false) = app.is_valid(&caller).await {
                return;
            }
        }
    };
    app.0.shutdown.run_until_cancelled(revoked).await;
}
