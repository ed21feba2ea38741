//! The command of `PostgreSQL` that writes a backup.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

const PROGRAM: &str = "pg_dump";
/// Parameters of the address that are variables of `pg_dump`.
const VARIABLES: [(&str, &str); 4] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// A call of `pg_dump` for the schema of a store.
#[derive(Debug)]
pub(super) struct Dump {
    /// The file to write.
    pub(super) file: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    password: Option<SecretString>,
}

impl Dump {
    /// The call for the store at this address. What the address leaves out, `pg_dump` takes from
    /// the same variables as the server.
    pub(super) fn new(address: &SecretString, schema: &str, file: PathBuf) -> anyhow::Result<Self> {
        // Without the source of the error, which would show the address.
        let url = Url::parse(address.expose_secret());
        let url = url.map_err(|_| anyhow::anyhow!("the address is not a URL"))?;
        let parameter =
            |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value);
        let decoded = |text: &str| percent_decoded(text);
        let host = parameter("host").map(std::borrow::Cow::into_owned);
        let host = host.or_else(|| url.host_str().map(|host| host.trim_matches(['[', ']']).into()));
        let database = url.path().trim_start_matches('/');
        let given = [
            ("host", host.map(|host| decoded(&host))),
            ("port", url.port().map(|port| port.to_string())),
            ("username", Some(decoded(url.username())).filter(|name| !name.is_empty())),
            ("dbname", Some(decoded(database)).filter(|name| !name.is_empty())),
            ("schema", Some(schema.to_owned())),
        ];
        let mut arguments = vec!["--format=custom".to_owned(), "--no-password".to_owned()];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        arguments.extend(given.map(|(name, value)| format!("--{name}={value}")));
        let variables = VARIABLES.into_iter();
        let variables = variables
            .filter_map(|(name, variable)| Some((variable, parameter(name)?.into_owned())));
        let variables = variables.collect();
        let password = url.password().map(|password| decoded(password).into());
        Ok(Self { file, arguments, variables, password })
    }

    /// The command for a shell, without the password.
    pub(super) fn shown(&self) -> String {
        let variables =
            self.variables.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let arguments = self.arguments.iter().map(|argument| quoted(argument));
        let file = format!("--file={}", self.file.display());
        let words: Vec<String> =
            variables.chain([PROGRAM.to_owned()]).chain(arguments).chain([quoted(&file)]).collect();
        let command = words.join(" ");
        match self.password {
            Some(_) => format!(
                "# The password: in PGPASSWORD or ~/.pgpass. `--run` takes that of the address.\n\
                 {command}"
            ),
            None => command,
        }
    }

    /// Runs it. Returns the size of the file.
    pub(super) fn run(self) -> anyhow::Result<u64> {
        let file = self.file.as_path();
        if fs::symlink_metadata(file).is_ok() {
            bail!("{} is there already", file.display());
        }
        let part = Part::create(file)?;
        let mut command = Command::new(PROGRAM);
        command.args(&self.arguments).arg("--file").arg(&part.0);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password.expose_secret());
        }
        let output = command.output().map_err(missing)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{PROGRAM} failed with {}: {}", output.status, said.trim());
        }
        part.keep_as(file).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// The dump under another name, until it is complete. Removed when dropped.
#[derive(Debug)]
struct Part(PathBuf);

impl Part {
    fn create(file: &Path) -> anyhow::Result<Self> {
        let mut path = file.as_os_str().to_owned();
        path.push(format!(".part-{}-{:08x}", std::process::id(), fastrand::u32(..)));
        let path = PathBuf::from(path);
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        created.with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    fn keep_as(self, file: &Path) -> std::io::Result<u64> {
        let dump = File::open(&self.0)?;
        dump.sync_all()?;
        fs::rename(&self.0, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(dump.metadata()?.len())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already if it was kept.
        let _ = fs::remove_file(&self.0);
    }
}

/// Checks that `pg_dump` is there, and not older than the server, given as 150004.
///
/// # Errors
///
/// What is missing.
pub(super) fn check_version(server: u32) -> anyhow::Result<()> {
    let output = Command::new(PROGRAM).arg("--version").output().map_err(missing)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let Some(own) = major_version(&said) else {
        bail!("the version of {PROGRAM} cannot be read: {}", said.trim());
    };
    refuse_older(own, server / 10_000)
}

fn refuse_older(own: u32, server: u32) -> anyhow::Result<()> {
    if own < server {
        bail!(
            "{PROGRAM} has version {own} and the server version {server}: it dumps no newer \
             server; install version {server}"
        );
    }
    Ok(())
}

fn missing(error: std::io::Error) -> anyhow::Error {
    let what = match error.kind() {
        ErrorKind::NotFound => {
            "pg_dump is not installed, or not in PATH (Debian: apt-get install postgresql-client)"
        }
        _ => "pg_dump cannot be run",
    };
    anyhow::Error::new(error).context(what)
}

/// The first number in `pg_dump (PostgreSQL) 15.4 (Debian …)`.
fn major_version(said: &str) -> Option<u32> {
    let version = said.split(") ").nth(1)?;
    let digits = version.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./:@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &str) -> String {
        Dump::new(&address.into(), "sms", "b.dump".into()).unwrap().shown()
    }

    #[test]
    fn the_command_has_everything_but_the_password() {
        let shown = shown("postgres://s%40ms:CANARY%21@db.example:6432/app?sslmode=verify-full");
        let (note, command) = shown.split_once('\n').unwrap();
        assert!(note.starts_with("# The password") && !shown.contains("CANARY"), "{shown}");
        assert_eq!(
            command,
            "PGSSLMODE=verify-full pg_dump --format=custom --no-password --host=db.example \
             --port=6432 --username=s@ms --dbname=app --schema=sms --file=b.dump"
        );
        let address = "postgres://s:CANARY%21@h/app".into();
        let dump = Dump::new(&address, "sms", "b".into()).unwrap();
        assert_eq!(dump.password.as_ref().unwrap().expose_secret(), "CANARY!");
        assert!(!format!("{dump:?}").contains("CANARY"));
    }

    #[test]
    fn what_the_address_leaves_out_is_left_out() {
        assert_eq!(
            shown("postgres:///app?host=/run/post gres&timeout_seconds=3"),
            "pg_dump --format=custom --no-password '--host=/run/post gres' --dbname=app \
             --schema=sms --file=b.dump"
        );
    }

    #[test]
    fn an_older_program_is_refused_with_the_version_to_install() {
        assert_eq!(major_version("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some(15));
        assert_eq!(major_version("pg_dump (PostgreSQL) 17beta1\n"), Some(17));
        assert_eq!(major_version("nonsense"), None);
        refuse_older(15, 15).unwrap();
        refuse_older(17, 15).unwrap();
        let refused = refuse_older(15, 17).unwrap_err().to_string();
        assert!(refused.contains("install version 17"), "{refused}");
    }
}
