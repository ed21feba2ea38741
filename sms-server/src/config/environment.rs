//! The settings in the environment, and the variables there that are not ours although they begin
//! like ours.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::keys::{FILE_VARIABLE, Key, PREFIX, nearest, variable};
use super::setting::{Setting, Source, Value};

/// Variables that begin like this are for tests, not for the server.
const FOR_TESTS: &str = "TEST_";
/// Variables of clients: the server's address and a key.
const OF_CLIENTS: [&str; 2] = ["URL", "KEY"];
/// The end of the names of variables that name a file with the value.
const IN_FILE: &str = "_FILE";

/// The useful part of the environment.
#[derive(Default)]
pub(super) struct Environment {
    /// The configuration file it names.
    pub(super) file: Option<PathBuf>,
    pub(super) settings: BTreeMap<Key, Setting>,
}

/// Reads the variables that begin with `SMS_`.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<Environment> {
    let mut environment = Environment::default();
    for (variable, value) in variables {
        // A name that is not UTF-8 keeps its beginning, and is shown with replacement characters.
        let variable = variable.to_string_lossy().into_owned();
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        if variable == FILE_VARIABLE {
            environment.file = Some(PathBuf::from(value));
            continue;
        }
        let Some((key, is_file)) = key_of(name) else {
            if is_foreign(name, &value) {
                continue;
            }
            bail!("{}", unknown(&variable));
        };
        let value = if is_file {
            from_file(&variable, &value)?
        } else {
            text(&variable, &value)?.to_owned()
        };
        let value = Value::Plain(value.trim().to_owned());
        let setting = Setting { value, source: Source::Variable(variable.clone()) };
        if environment.settings.insert(key, setting).is_some() {
            bail!("{variable}: set twice, by itself and by the variable with _FILE");
        }
    }
    Ok(environment)
}

/// The setting a variable is about, and whether it names a file. Names are upper case, as `--help`
/// shows them.
fn key_of(name: &str) -> Option<(Key, bool)> {
    let by_name = |name: &str| Key::ALL.into_iter().find(|key| key.name().to_uppercase() == name);
    let in_file = || by_name(name.strip_suffix(IN_FILE)?).filter(|key| key.is_secret());
    by_name(name).map(|key| (key, false)).or_else(|| in_file().map(|key| (key, true)))
}

fn text<'a>(variable: &str, value: &'a OsStr) -> anyhow::Result<&'a str> {
    value.to_str().with_context(|| format!("{variable}: is not UTF-8"))
}

/// The path is not shown: a secret may have been put in its place.
fn from_file(variable: &str, path: &OsStr) -> anyhow::Result<String> {
    let read = fs::read_to_string(path);
    let read = read.with_context(|| format!("{variable}: the file it names cannot be read"))?;
    Ok(read.trim_start_matches('\u{feff}').to_owned())
}

/// Recognises what somebody else has set: tests, our clients, or a platform that tells every
/// container where its services are. The variables of a Kubernetes Service named `sms` begin with
/// `SMS_`, those of one named `sms-store` with `SMS_STORE_`; old Docker links add more.
fn is_foreign(name: &str, value: &OsStr) -> bool {
    if name.starts_with(FOR_TESTS) || OF_CLIENTS.contains(&name) {
        return true;
    }
    let value = value.to_string_lossy();
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let words: Vec<&str> = name.split('_').collect();
    let ends = |end: &[&str]| words.ends_with(end);
    let is_number =
        |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    // …_PORT_8080_TCP and its parts.
    let is_port = words.windows(3).any(|words| {
        words[0] == "PORT" && is_number(&words[1]) && ["TCP", "UDP", "SCTP"].contains(&words[2])
    });
    // …_SERVICE_PORT_HTTP ends with the name of the port, of whatever words.
    let is_service_port = words.windows(2).any(|words| words == ["SERVICE", "PORT"]);
    let is_link = (ends(&["NAME"]) && value.starts_with('/')) || name.starts_with("ENV_");
    ends(&["SERVICE", "HOST"])
        || is_service_port
        || is_port
        || (ends(&["PORT"]) && is_address)
        || is_link
}

/// Says which variable was meant, where that is plain, else all there are.
fn unknown(name: &str) -> String {
    let settings = || Key::ALL.into_iter().map(variable);
    let in_files = Key::ALL.into_iter().filter(|key| key.is_secret());
    let mut known: Vec<String> = settings().chain([FILE_VARIABLE.to_owned()]).collect();
    known.extend(in_files.map(|key| variable(key) + IN_FILE));
    // A port by itself is no address, but the address is where it belongs.
    let meant = if name == "SMS_PORT" || name == "SMS_HOST" {
        Some("SMS_LISTEN")
    } else {
        nearest(name, known.iter().map(String::as_str))
    };
    match meant {
        Some(meant) => format!("{name}: unknown variable; did you mean {meant}?"),
        None => format!("{name}: unknown variable; known are {}", known.join(", ")),
    }
}
