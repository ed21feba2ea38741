//! Settings in a TOML file. Errors name a place and never quote the line, which may hold a secret.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use toml::de::{DeTable, DeValue};

use super::keys::{Key, nearest};
use super::setting::{Setting, Source, Value};

/// The longest name that errors show: a longer one may be a secret in the wrong place.
const MAX_NAME: usize = 32;

/// Reads the file. `named_by` is the flag or variable that named it.
pub(super) fn read(path: &Path, named_by: &str) -> anyhow::Result<BTreeMap<Key, Setting>> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("{named_by}: cannot read {}", path.display()))?;
    parse(path, text.trim_start_matches('\u{feff}'))
}

fn parse(path: &Path, text: &str) -> anyhow::Result<BTreeMap<Key, Setting>> {
    let table = DeTable::parse(text).map_err(|error| malformed(path, text, &error))?;
    let mut settings = BTreeMap::new();
    for (name, value) in table.get_ref() {
        let (line, _) = place(text, name.span().start);
        let Some(key) = Key::from_name(name.get_ref()) else {
            bail!("{}, line {line}: {}", path.display(), unknown(name.get_ref()));
        };
        let source = Source::File { path: path.to_owned(), line };
        settings.insert(key, Setting { value: read_value(value.get_ref()), source });
    }
    Ok(settings)
}

fn read_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.trim().to_owned()),
        DeValue::Integer(number) => {
            u64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other, Value::Number)
        }
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Array(items) => {
            let text = |item: &DeValue<'_>| item.as_str().map(str::to_owned);
            items
                .iter()
                .map(|item| text(item.get_ref()))
                .collect::<Option<_>>()
                .map_or(Value::Other, Value::List)
        }
        _ => Value::Other,
    }
}

/// The error of a file that is not TOML. That of the parser is not used: it ends with the line.
fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let (path, at) = (path.display(), error.span().map_or(0, |span| span.start));
    let (line, column) = place(text, at);
    let name = text
        .lines()
        .nth(line - 1)
        .and_then(|line| line.split_once('='))
        .map(|(name, _)| name.trim());
    let key = name
        .and_then(Key::from_name)
        .map_or_else(String::new, |key| format!(" (`{}`)", key.name()));
    anyhow!("{path}, line {line}, column {column}{key}: not TOML: {}", error.message())
}

/// The line and the column of a byte, counted from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

fn unknown(name: &str) -> String {
    if name.len() > MAX_NAME || !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    {
        return "unknown key".to_owned();
    }
    match nearest(name, Key::ALL.map(Key::name)) {
        Some(meant) => format!("unknown key `{name}`; did you mean `{meant}`?"),
        None => format!("unknown key `{name}`; known are {}", Key::ALL.map(Key::name).join(", ")),
    }
}
