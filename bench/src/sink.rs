//! The stand-in for sms.ru: it accepts everything at once, and counts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::clock::micros;
use crate::percentiles::Spread;
use crate::text;

/// What the stand-in has seen since it was last asked to begin anew.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Requests to send.
    pub(crate) calls: u64,
    /// Messages in them.
    pub(crate) messages: u64,
    /// Different ones among them.
    pub(crate) different: u64,
    /// When the first call came, in microseconds since 1970.
    pub(crate) first: u64,
    /// From the moment a message was asked for to the moment its call came here.
    pub(crate) latency: Spread,
    /// The same of urgent messages, of which each goes alone.
    pub(crate) urgent: Spread,
}

#[derive(Debug, Default)]
struct Book {
    calls: u64,
    messages: u64,
    different: u64,
    first: Option<u64>,
    /// A bit for each number of a message.
    numbers: Vec<u64>,
    latencies: Vec<u64>,
    urgent: Vec<u64>,
    delay: Duration,
    /// The last id given out; they begin with the time and live through a new beginning, since no
    /// id comes twice.
    id: u64,
}

type Shared = Arc<Mutex<Book>>;

/// Serves until it is killed.
pub(crate) async fn serve(port: u16) -> anyhow::Result<()> {
    let routes = Router::new()
        .route("/sms/send", post(send))
        .route("/sms/status", post(status))
        .route("/bench/messages", get(messages))
        .route("/bench/seen", get(seen))
        .route("/bench/anew/{delay_ms}", post(anew))
        .with_state(Arc::new(Mutex::new(Book { id: micros(), ..Book::default() })));
    let listener =
        TcpListener::bind(("127.0.0.1", port)).await.context("the port of the stand-in")?;
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn send(State(book): State<Shared>, form: String) -> String {
    let now = micros();
    let (answer, delay) = {
        let mut book = lock(&book);
        book.calls += 1;
        book.first.get_or_insert(now);
        (book.answer(&form, now), book.delay)
    };
    if !delay.is_zero() {
        sleep(delay).await;
    }
    answer
}

/// All of them are still under way: no receipt comes while something is measured.
async fn status(form: String) -> String {
    let ids = url::form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "sms_id");
    let ids = ids.map(|(_, ids)| ids.into_owned()).unwrap_or_default();
    let states: Vec<_> = ids
        .split(',')
        .map(|id| {
            format!(r#""{id}":{{"status":"OK","status_code":102,"cost":"0.50","status_text":"On the way"}}"#)
        })
        .collect();
    format!(
        r#"{{"status":"OK","status_code":100,"balance":4122.56,"sms":{{{}}}}}"#,
        states.join(",")
    )
}

async fn messages(State(book): State<Shared>) -> String {
    lock(&book).messages.to_string()
}

async fn seen(State(book): State<Shared>) -> axum::Json<Seen> {
    let book = lock(&book);
    axum::Json(Seen {
        calls: book.calls,
        messages: book.messages,
        different: book.different,
        first: book.first.unwrap_or_default(),
        latency: Spread::new(book.latencies.clone()),
        urgent: Spread::new(book.urgent.clone()),
    })
}

async fn anew(State(book): State<Shared>, Path(delay_ms): Path<u64>) {
    let mut book = lock(&book);
    *book = Book { delay: Duration::from_millis(delay_ms), id: book.id, ..Book::default() };
}

fn lock(book: &Shared) -> std::sync::MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Book {
    /// Accepts all messages of a form.
    fn answer(&mut self, form: &str, now: u64) -> String {
        let mut answer = String::with_capacity(form.len() * 2);
        answer.push_str(r#"{"status":"OK","status_code":100,"sms":{"#);
        // One message comes as a number and a text, several come as a map.
        let mut alone = None;
        for (name, value) in url::form_urlencoded::parse(form.as_bytes()) {
            if name == "to" {
                alone = Some(value);
            } else if let Some(to) = alone.as_ref().filter(|_| name == "msg") {
                self.accept(to, &value, now, &mut answer);
            } else if let Some(to) =
                name.strip_prefix("to[").and_then(|name| name.strip_suffix(']'))
            {
                self.accept(to, &value, now, &mut answer);
            }
        }
        answer.push_str(r#"},"balance":4122.56}"#);
        answer
    }

    fn accept(&mut self, to: &str, text: &str, now: u64, answer: &mut String) {
        use std::fmt::Write as _;
        let separator = if answer.ends_with('{') { "" } else { "," };
        self.messages += 1;
        self.id += 1;
        // Writing to a string cannot fail.
        let _ = write!(
            answer,
            r#"{separator}"{to}":{{"status":"OK","status_code":100,"sms_id":"202648-{}","cost":"0.50"}}"#,
            self.id
        );
        self.note(text, now);
    }

    fn note(&mut self, text: &str, now: u64) {
        let Some(text::Read { is_urgent, asked, number }) = text::read(text) else { return };
        let (word, bit) = (number / 64, 1 << (number % 64));
        if self.numbers.len() <= word {
            self.numbers.resize(word + 1, 0);
        }
        self.different += u64::from(self.numbers[word] & bit == 0);
        self.numbers[word] |= bit;
        if asked > 0 {
            let latencies = if is_urgent { &mut self.urgent } else { &mut self.latencies };
            latencies.push(now.saturating_sub(asked));
        }
    }
}
