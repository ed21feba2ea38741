//! Filter of the log: the value of `SMS_LOG`.

use std::fmt;
use std::str::FromStr;

use super::keys::nearest;

/// Levels, from the one that shows nothing to the one that shows everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// The crates of this workspace: a level without a crate applies to them.
const OWN: [&str; 7] = [
    "sms_core",
    "sms_server",
    "sms_smsru",
    "sms_store_sqlite",
    "sms_store_pg",
    "sms_queue_redis",
    "sms_queue_amqp",
];
/// Dependencies that log: at most at `warn`, unless the filter names them.
const OTHERS: [&str; 12] = [
    "amq_protocol",
    "axum",
    "hyper",
    "hyper_util",
    "lapin",
    "redis",
    "reqwest",
    "rustls",
    "sqlx",
    "tokio_util",
    "tower",
    "tower_http",
];
/// The index of the level of dependencies that the filter does not name, at most.
const OTHERS_AT_MOST: usize = 2;
/// Crates that log secrets from this level on, and the error for it.
const LEAKING: [(&str, usize, &str); 2] = [
    ("lapin", 5, "trace would show the password of RabbitMQ; use lapin=debug"),
    ("amq_protocol", 5, "trace would show the password of RabbitMQ; use amq_protocol=debug"),
];

/// A filter of the log: levels, and levels by crate, such as `info,sms_core=debug`. Defaults to
/// `info`.
///
/// A level without a crate applies to the crates of this workspace. Dependencies log warnings at
/// most, and lapin, which logs each failed call several times, nothing, unless the filter names
/// them. No filter brings a phone number, a text or a secret into the log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogFilter {
    words: String,
    level: usize,
    /// Crates or modules, with their levels.
    targets: Vec<(String, usize)>,
}

impl LogFilter {
    /// The filter in the syntax of `tracing`.
    pub(crate) fn directives(&self) -> String {
        let others = self.level.min(OTHERS_AT_MOST);
        let mut directives = vec![LEVELS[others].to_owned(), "lapin=off".to_owned()];
        directives.extend(OWN.iter().map(|name| format!("{name}={}", LEVELS[self.level])));
        // Of two directives for one crate, the later one counts.
        directives
            .extend(self.targets.iter().map(|(name, level)| format!("{name}={}", LEVELS[*level])));
        // The parser of phone numbers logs the numbers it parses.
        directives.push("rlibphonenumber=off".to_owned());
        directives.join(",")
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self { words: "info".to_owned(), level: 3, targets: Vec::new() }
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(words: &str) -> Result<Self, String> {
        let mut filter = Self { words: words.to_owned(), ..Self::default() };
        for word in words.split(',').map(str::trim) {
            match word.split_once('=') {
                None => filter.level = level(word)?,
                Some((name, word)) => {
                    let (target, level) = (target(name.trim())?, level(word.trim())?);
                    let leaks = |(name, from, _): &&(&str, usize, &str)| {
                        target.starts_with(name) && level >= *from
                    };
                    if let Some((_, _, why)) = LEAKING.iter().find(leaks) {
                        return Err(format!("is refused: {why}"));
                    }
                    filter.targets.push((target, level));
                }
            }
        }
        Ok(filter)
    }
}

fn level(word: &str) -> Result<usize, String> {
    let found = LEVELS.iter().position(|level| word.eq_ignore_ascii_case(level));
    found.ok_or_else(|| match nearest(word, LEVELS) {
        Some(meant) => format!("holds `{word}`, which is no level; did you mean {meant}?"),
        None => {
            format!(
                "must be levels ({}) and levels by crate, such as info,sms_core=debug",
                LEVELS.join(", ")
            )
        }
    })
}

/// Reads a crate, as it is written in code, or a module of it.
fn target(word: &str) -> Result<String, String> {
    let word = word.replace('-', "_");
    let name = word.split("::").next().unwrap_or_default();
    let known = || OWN.into_iter().chain(OTHERS);
    let plain =
        word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':');
    if plain && known().any(|known| known == name) {
        return Ok(word);
    }
    Err(match nearest(name, known()) {
        Some(meant) => format!("names an unknown crate; did you mean {meant}?"),
        None => {
            format!("names an unknown crate; known are {}", known().collect::<Vec<_>>().join(", "))
        }
    })
}
impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogFilter({})", self.words)
    }
}
