//! Events for one stream: from the log until it has caught up, then as they come.

use std::fmt::Write as _;
use std::time::Duration;

use sms_core::Event;
use sms_core::store::EventsRequest;
use tokio::time::{Instant, sleep, timeout_at};

use super::cursor::Cursor;
use super::log;
use super::query::EventsQuery;
use super::view::EventView;
use crate::app::App;
use crate::app::event_hub::Subscription;
use crate::http::problem::Problem;
use crate::keys::Principal;

/// Interval of heartbeats while no event comes.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Pause after a read that failed.
const RETRY: Duration = Duration::from_secs(1);
/// Number of events per read while the stream catches up.
const PAGE: usize = 200;
/// The time after which a browser connects again, in milliseconds.
const RECONNECT_MS: u32 = 2000;

/// The events of one stream, as text.
#[derive(Debug)]
pub(super) struct Feed {
    app: App,
    caller: Principal,
    query: EventsQuery,
    /// Position up to which the client has everything.
    cursor: Cursor,
    /// Set at the end of the log.
    subscription: Option<Subscription>,
    opening: Option<String>,
    heartbeat_at: Instant,
}

impl Feed {
    /// Begins after the position of the query, or at the end of the log.
    pub(super) async fn open(
        app: App,
        caller: Principal,
        query: EventsQuery,
    ) -> Result<Self, Problem> {
        let from = query.after.filter(|after| !after.is_older_than(app.0.site.retention));
        let cursor = match from {
            Some(cursor) => cursor,
            None => Cursor::at_end(log::end(&app).await?),
        };
        let subscription = None;
        let heartbeat_at = Instant::now() + HEARTBEAT;
        let mut feed =
            Self { app, caller, query, cursor, subscription, opening: None, heartbeat_at };
        let is_gone = feed.query.after.is_some() && from.is_none();
        let first = if is_gone { feed.resync() } else { feed.heartbeat() };
        feed.opening = Some(format!("retry: {RECONNECT_MS}\n{first}"));
        if from.is_none() {
            feed.subscribe();
        }
        Ok(feed)
    }

    /// The next text for the client; `None` when it is too slow, to go on with another stream.
    pub(super) async fn next(&mut self) -> Option<String> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        loop {
            let caught_up_to = self.cursor.position;
            let live = self.subscription.as_mut().filter(|live| live.since <= caught_up_to);
            let text = match live {
                None => self.catch_up().await,
                Some(live) => {
                    if let Ok(batch) = timeout_at(self.heartbeat_at, live.next()).await {
                        self.write(&batch?)
                    } else {
                        let position = live.position();
                        if let Some(position) = position.filter(|it| *it >= caught_up_to) {
                            self.cursor = Cursor::at_end(position);
                        }
                        self.heartbeat()
                    }
                }
            };
            if !text.is_empty() {
                self.heartbeat_at = Instant::now() + HEARTBEAT;
                return Some(text);
            }
        }
    }

    /// Reads a page of the log. At its end the stream subscribes first, and reads what came in
    /// between with one more page.
    async fn catch_up(&mut self) -> String {
        let request = EventsRequest::new(self.cursor.position, PAGE);
        let request = request.scope(self.caller.scope()).kinds(self.query.kinds.clone());
        let page = match log::read(&self.app, &self.caller, request).await {
            Ok(Some(page)) => page,
            Ok(None) => return self.restart_at_end().await,
            Err(_) => return self.wait().await,
        };
        let is_at_end = page.read_to == self.cursor.position;
        let next = self.cursor.after_page(&page);
        let text = self.write(&page.events);
        self.cursor = next;
        match &self.subscription {
            None if is_at_end => self.subscribe(),
            // Nothing is left of what came before the subscription.
            Some(live) if is_at_end => self.cursor.position = live.since.max(next.position),
            _ => {}
        }
        text
    }

    /// Goes on at the end of a log that never had the position of the client.
    async fn restart_at_end(&mut self) -> String {
        let Ok(end) = log::end(&self.app).await else { return self.wait().await };
        self.cursor = Cursor::at_end(end);
        self.subscribe();
        self.resync()
    }

    async fn wait(&self) -> String {
        sleep(RETRY).await;
        self.heartbeat()
    }

    fn subscribe(&mut self) {
        let (hub, scope) = (&self.app.0.hub, self.caller.scope());
        self.subscription = Some(hub.subscribe(&scope, self.cursor.position));
    }

    /// The events that the client does not have yet and has asked for.
    fn write(&mut self, events: &[Event]) -> String {
        let (mut text, known) = (String::new(), self.cursor.position);
        for event in events.iter().filter(|event| event.seq > known) {
            let (kind, kinds) = (event.kind, &self.query.kinds);
            let view = EventView::new(event.clone(), &self.app);
            self.cursor = view.cursor;
            if (kinds.is_empty() || kinds.contains(&kind))
                && let Ok(data) = serde_json::to_string(&view)
            {
                // Writing to a string does not fail.
                let (id, kind) = (view.cursor, kind.as_str());
                let _ = write!(text, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
            }
        }
        text
    }

    /// A comment, and the position: a client without events of its own need not read the log from
    /// an old one when it connects again.
    fn heartbeat(&self) -> String {
        format!(":\nid: {}\n\n", self.cursor)
    }

    /// Tells the client that events may be missing before this one.
    fn resync(&self) -> String {
        format!("id: {}\nevent: resync\ndata: {{}}\n\n", self.cursor)
    }
}
