//! Settings in the environment, and the variables of others there with the same prefix.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::keys::{FILE_VARIABLE, Key, PREFIX, nearest, variable};
use super::setting::{Setting, Source, Value};

/// The beginning of variables for tests.
const FOR_TESTS: &str = "TEST_";
/// Variables for clients: the server's address and a key.
const OF_CLIENTS: [&str; 2] = ["URL", "KEY"];
/// The end of a variable that names a file with the value.
const IN_FILE: &str = "_FILE";

/// The variables of this server.
#[derive(Default)]
pub(super) struct Environment {
    /// The path of the configuration file.
    pub(super) file: Option<PathBuf>,
    pub(super) settings: BTreeMap<Key, Setting>,
}

/// Reads the variables that begin with `SMS_`.
pub(super) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<Environment> {
    let mut environment = Environment::default();
    for (variable, value) in variables {
        // A name that is not UTF-8 keeps its prefix, and errors show it with replacement
        // characters.
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

/// The setting of a variable, and whether the variable names a file. Names are upper case, as in
/// `--help`.
fn key_of(name: &str) -> Option<(Key, bool)> {
    let by_name = |name: &str| Key::ALL.into_iter().find(|key| key.name().to_uppercase() == name);
    let in_file = || by_name(name.strip_suffix(IN_FILE)?).filter(|key| key.is_secret());
    by_name(name).map(|key| (key, false)).or_else(|| in_file().map(|key| (key, true)))
}

fn text<'a>(variable: &str, value: &'a OsStr) -> anyhow::Result<&'a str> {
    value.to_str().with_context(|| format!("{variable}: is not UTF-8"))
}

/// Reads a value from a file. Errors do not show the path: it may be a secret in the wrong place.
fn from_file(variable: &str, path: &OsStr) -> anyhow::Result<String> {
    let read = fs::read_to_string(path);
    let read = read.with_context(|| format!("{variable}: the file it names cannot be read"))?;
    Ok(read.trim_start_matches('\u{feff}').to_owned())
}

/// Recognizes variables of others: of tests, of clients, and of a platform that sets the addresses
/// of services in every container. The variables of a Kubernetes Service named `sms` begin with
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
    // …_SERVICE_PORT_HTTP ends with the name of the port, which may be any words.
    let is_service_port = words.windows(2).any(|words| words == ["SERVICE", "PORT"]);
    let is_link = (ends(&["NAME"]) && value.starts_with('/')) || name.starts_with("ENV_");
    ends(&["SERVICE", "HOST"])
        || is_service_port
        || is_port
        || (ends(&["PORT"]) && is_address)
        || is_link
}

/// The error of an unknown variable: with the one that was probably meant, or with all of them.
fn unknown(name: &str) -> String {
    let settings = || Key::ALL.into_iter().map(variable);
    let in_files = Key::ALL.into_iter().filter(|key| key.is_secret());
    let mut known: Vec<String> = settings().chain([FILE_VARIABLE.to_owned()]).collect();
    known.extend(in_files.map(|key| variable(key) + IN_FILE));
    // The port and the host are parts of the address.
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
