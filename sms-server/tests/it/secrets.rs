//! The secret key of the real program.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sms_smsru::simulator::{Simulator, SimulatorConfig};

use crate::process::{SECRET_KEY, Server, command};

const NEW_KEY: &str = "another-secret-key-for-tests-32-letters";
const FILE: &str = "data/sms.db.secret";

/// Runs a command with these settings; what it prints, or its error.
fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Result<String, String> {
    let mut command = command(folder, arguments);
    let output = command.envs(settings.iter().copied()).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The address for callbacks, with its secret part, as it is registered at the provider.
fn address(folder: &Path, settings: &[(&str, &str)]) -> Result<String, String> {
    let printed = run(folder, &["callback", "add", "https://example.org"], settings)?;
    Ok(printed.lines().last().expect("an address").to_owned())
}

/// Every byte of the store.
fn stored(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder.join("data")).expect("a folder");
    let files = files.map(|file| file.expect("a file").path());
    let of_store = files.filter(|path| path.extension().is_none_or(|it| it != "secret"));
    of_store.flat_map(|path| std::fs::read(path).expect("a file")).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_on_sqlite_makes_a_key_that_a_rotation_replaces() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let smsru = Simulator::start(SimulatorConfig::default()).await.expect("a simulator");
    let url = smsru.url();
    let provider = [("SMS_PROVIDER", url.as_str())];
    let server = Server::start(folder, &provider);
    let file = folder.join(FILE);
    let key = std::fs::read_to_string(&file).expect("a key");
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let before = address(folder, &provider).expect("registered");
    let token = before.rsplit('/').next().expect("a token");
    assert!(token.len() > 20, "{before}");
    assert!(!holds(&stored(folder), token), "the secret part is in the store");
    let printed = run(folder, &["secrets", "rotate"], &provider).expect("rotated");
    assert!(printed.starts_with("secrets encrypted with the new key: 1"), "{printed}");
    let new = std::fs::read_to_string(&file).expect("a key");
    assert!(new != key && new.trim().len() == key.trim().len(), "one other key");
    assert_eq!(address(folder, &provider).as_ref(), Ok(&before));
    let log = server.log.lock().expect("the log").clone();
    assert!(![token, key.trim(), new.trim()].iter().any(|secret| log.contains(secret)), "{log}");
    drop(server);

    // The old key is of no use, and without a key nothing starts or is overwritten.
    std::fs::write(&file, key).expect("written");
    let refused = address(folder, &provider).expect_err("another key");
    assert!(refused.contains("the key in data/sms.db.secret: is not the key"), "{refused}");
    std::fs::remove_file(&file).expect("removed");
    let refused = run(folder, &["serve"], &provider).expect_err("no key");
    assert!(refused.contains("data/sms.db.secret is missing"), "{refused}");
    assert!(!file.exists());
    std::fs::write(&file, new).expect("written");
    assert_eq!(address(folder, &provider), Ok(before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_the_configuration_goes_before_the_file_and_is_changed_by_a_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let smsru = Simulator::start(SimulatorConfig::default()).await.expect("a simulator");
    let (url, both) = (smsru.url(), format!("{NEW_KEY}, {SECRET_KEY}"));
    let with = |key| [("SMS_PROVIDER", url.as_str()), ("SMS_SECRET_KEY", key)];
    let before = address(folder, &with(SECRET_KEY)).expect("registered");
    assert!(!folder.join(FILE).exists());
    let refused = run(folder, &["secrets", "rotate"], &with(SECRET_KEY)).expect_err("one key");
    assert!(refused.contains("SMS_SECRET_KEY: must hold the new key and the old one"), "{refused}");
    assert_eq!(address(folder, &with(&both)).as_ref(), Ok(&before));
    run(folder, &["secrets", "rotate"], &with(&both)).expect("rotated");
    assert_eq!(address(folder, &with(NEW_KEY)), Ok(before));
    for (wrong, said) in [
        (SECRET_KEY, "SMS_SECRET_KEY: is not the key with which"),
        ("CANARY", "SMS_SECRET_KEY: must be at least 32 characters long"),
    ] {
        let refused = address(folder, &with(wrong)).expect_err("refused");
        assert!(refused.contains(said) && !refused.contains(wrong), "{refused}");
    }
}

#[cfg(all(feature = "pg", feature = "redis", feature = "amqp"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_the_key_is_required_and_the_same_on_every_node() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let postgres = sms_testkit::instances::Postgres::start_with(&[("fsync", "off")]).await;
    let smsru = Simulator::start(SimulatorConfig::default()).await.expect("a simulator");
    let url = smsru.url();
    let (store, provider) = (("SMS_STORE", postgres.url()), ("SMS_PROVIDER", url.as_str()));
    // The sandbox has nothing to keep secret.
    drop(Server::start(folder, &[store]));
    let refused = run(folder, &["serve"], &[store, provider]).expect_err("no key");
    assert!(refused.contains("SMS_SECRET_KEY: is required with PostgreSQL"), "{refused}");
    let first = [store, provider, ("SMS_SECRET_KEY", SECRET_KEY)];
    drop(Server::start(folder, &first));
    let refused =
        run(folder, &["serve"], &[store, ("SMS_SECRET_KEY", NEW_KEY)]).expect_err("another");
    assert!(refused.contains("SMS_SECRET_KEY: is not the key with which"), "{refused}");
    let refused = run(folder, &["serve"], &[store, provider]).expect_err("no key");
    assert!(refused.contains("SMS_SECRET_KEY: is required: the secrets"), "{refused}");
    drop(Server::start(folder, &first));
}
