use std::fs;
use std::os::unix::ffi::OsStringExt;

use super::*;

fn load(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> anyhow::Result<Config> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("sms.toml");
    fs::write(&path, file)?;
    let environment: Vec<_> =
        environment.iter().map(|(k, v)| (OsString::from(k), OsString::from(v))).collect();
    let flags = flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    Config::load(Some(&path), environment, &flags)
}

fn refusal(file: &str, environment: &[(&str, &str)]) -> String {
    format!("{:#}", load(file, environment, &[]).expect_err("must be refused"))
}

#[test]
fn flags_go_before_environment_before_file_before_defaults() {
    let file = "listen = '127.0.0.1:1'\nlog = 'debug'\nroles = ['api']";
    let environment = [("SMS_LISTEN", "127.0.0.1:2"), ("SMS_ROLES", "api,worker")];
    let config = load(file, &environment, &[("listen", "127.0.0.1:3")]).expect("valid");
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.roles, [Role::Api, Role::Worker]);
    assert_eq!(config.log.to_string(), "debug");
    assert_eq!(config.provider.expose_secret(), "sandbox:");
}

#[test]
fn every_value_tells_its_source() {
    let environment = [("SMS_ROLES", "api,worker")];
    let config =
        load("\nlog = 'debug'", &environment, &[("listen", "127.0.0.1:3")]).expect("valid");
    let sources =
        [Key::Listen, Key::Roles, Key::Log, Key::Store].map(|key| config.source(key).to_string());
    assert_eq!(sources[0], "--listen");
    assert_eq!(sources[1], "SMS_ROLES");
    assert!(sources[2].ends_with("sms.toml, line 2"), "{}", sources[2]);
    assert_eq!(sources[3], "default");
}

#[test]
fn an_unknown_key_is_named() {
    assert!(refusal("lissten = '127.0.0.1:1'", &[]).contains("lissten"));
    assert!(refusal("", &[("SMS_LISSTEN", "x")]).contains("SMS_LISSTEN"));
    assert!(refusal("roles = ['api', 'cook']", &[]).contains("cook"));
}

#[test]
fn what_a_container_platform_injects_is_passed_over() {
    for (variable, value) in [
        ("SMS_PORT", "tcp://10.0.0.1:8080"),
        ("SMS_PORT", "udp://10.0.0.1:8080"),
        ("SMS_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("SMS_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("SMS_PORT_8080_TCP_PORT", "8080"),
        ("SMS_PORT_8080_TCP_PROTO", "tcp"),
        ("SMS_PORT_5353_UDP_ADDR", "10.0.0.1"),
        ("SMS_SERVICE_HOST", "10.0.0.1"),
        ("SMS_SERVICE_PORT", "8080"),
        ("SMS_SERVICE_PORT_HTTP", "8080"),
        ("SMS_STORE_PORT", "tcp://10.0.0.1:5432"),
        ("SMS_STORE_PORT_5432_TCP", "tcp://10.0.0.1:5432"),
        ("SMS_STORE_SERVICE_HOST", "10.0.0.1"),
        ("SMS_STORE_SERVICE_PORT", "5432"),
        ("SMS_QUEUE_SERVICE_PORT_AMQP_TLS", "5671"),
        ("SMS_WEB_API_PORT_80_TCP_PROTO", "tcp"),
        ("SMS_NAME", "/web/sms"),
        ("SMS_ENV_PATH", "/bin"),
        ("SMS_STORE_NAME", "/web/sms_store"),
        // What our own client reads, and tests.
        ("SMS_URL", "http://sms:8080"),
        ("SMS_KEY", "sms_live_x"),
        ("SMS_TEST_PG_URL", "postgres://h/db"),
        // Not ours at all.
        ("SMSX", "1"),
        ("sms_store", "1"),
    ] {
        let config = load("", &[(variable, value)], &[]);
        let config = config.unwrap_or_else(|error| panic!("{variable}={value}: {error:#}"));
        assert_eq!(config.store.expose_secret(), "sqlite:data/sms.db", "{variable}");
    }
}

#[test]
fn what_only_looks_as_if_a_platform_had_injected_it_is_refused() {
    for (variable, value) in [
        ("SMS_PORT", "8080"),
        ("SMS_STORE_PORT", "5432"),
        ("SMS_PORT_TCP", "8080"),
        ("SMS_PORT_8080", "x"),
        ("SMS_NAME", "shop"),
        ("SMS_SERVICE", "x"),
        ("SMS_HOST", "10.0.0.1"),
    ] {
        assert!(refusal("", &[(variable, value)]).starts_with(variable), "{variable}={value}");
    }
    assert!(refusal("", &[("SMS_PORT", "8080")]).contains("SMS_LISTEN"));
}

#[test]
fn a_near_miss_of_a_key_is_an_error_that_suggests_the_key() {
    for (wrong, meant) in [
        ("SMS_STOER", "SMS_STORE?"),
        ("SMS_STORES", "SMS_STORE?"),
        ("SMS_ADMINKEY", "SMS_ADMIN_KEY?"),
        ("SMS_ADMIN_KEY_FIEL", "SMS_ADMIN_KEY_FILE?"),
        ("SMS_PROVIDERS", "SMS_PROVIDER?"),
        ("SMS_LOGFORMAT", "SMS_LOG_FORMAT?"),
        ("SMS_CONFG", "SMS_CONFIG?"),
        ("SMS_Store", "SMS_STORE?"),
        ("SMS_RETENTION_DAY", "SMS_RETENTION_DAYS?"),
    ] {
        let said = refusal("", &[(wrong, "x")]);
        assert!(said.starts_with(wrong) && said.contains(meant), "{said}");
    }
    assert!(refusal("stoer = 'x'", &[]).contains("`store`?"));
    let said = refusal("", &[("SMS_BALANCE", "x")]);
    assert!(
        said.starts_with("SMS_BALANCE: unknown") && said.contains("SMS_PROVIDER_FILE"),
        "{said}"
    );
}

#[test]
fn a_variable_that_is_not_utf8_is_an_error_and_never_a_default() {
    let broken = || OsString::from_vec(vec![b's', b'q', 0xff]);
    for variable in ["SMS_STORE", "SMS_LOG"] {
        let refused = Config::load(None, [(variable.into(), broken())], &BTreeMap::new());
        let said = format!("{:#}", refused.expect_err("must be refused"));
        assert_eq!(said, format!("{variable}: is not UTF-8"));
    }
    let name = OsString::from_vec(b"SMS_STOR\xff".to_vec());
    let refused = Config::load(None, [(name, "x".into())], &BTreeMap::new());
    assert!(format!("{:#}", refused.expect_err("must be refused")).contains("SMS_STORE?"));
    let others = [("PATH".into(), broken()), (OsString::from_vec(vec![0xff]), broken())];
    Config::load(None, others, &BTreeMap::new()).expect("what is not ours does not matter");
}

#[test]
fn values_are_trimmed() {
    let environment = [
        ("SMS_STORE", " sqlite:a.db\n"),
        ("SMS_CONCURRENCY", " 9 "),
        ("SMS_LISTEN", "\t127.0.0.1:2 "),
        ("SMS_ROLES", " api , worker "),
        ("SMS_LOG", " warn "),
        ("SMS_LOG_FORMAT", " json "),
        ("SMS_REGION", " KZ "),
    ];
    let config =
        load("provider = ' sandbox: '", &environment, &[("queue", " memory: ")]).expect("valid");
    assert_eq!(config.store.expose_secret(), "sqlite:a.db");
    assert_eq!(config.queue.expose_secret(), "memory:");
    assert_eq!(config.provider.expose_secret(), "sandbox:");
    assert_eq!((config.concurrency.get(), config.listen.port()), (9, 2));
    assert_eq!((config.log_format, config.region.to_string().as_str()), (LogFormat::Json, "KZ"));
}

#[test]
fn values_are_not_converted() {
    for number in ["true", "yes", "8.0", "1e3", "0x10", "", "-4", "8 days"] {
        let said = refusal("", &[("SMS_CONCURRENCY", number)]);
        assert!(said.starts_with("SMS_CONCURRENCY: must be"), "`{number}`: {said}");
        assert!(refusal("", &[("SMS_RETENTION_DAYS", number)]).contains("must be"), "`{number}`");
    }
    for file in ["concurrency = true", "concurrency = '8'", "concurrency = 8.0", "concurrency = -8"]
    {
        assert!(
            refusal(file, &[]).contains("line 1: concurrency must be a whole number"),
            "{file}"
        );
    }
    for file in
        ["store = 1", "store = true", "log = ['info']", "log_format = {}", "region = 2026-01-01"]
    {
        assert!(refusal(file, &[]).contains("must be a text in quotes"), "{file}");
    }
    assert!(refusal("roles = [1]", &[]).contains("list of texts"));
    assert!(load("concurrency = 9\nretention_days = 30", &[], &[]).is_ok());
}

#[test]
fn a_value_that_breaks_a_rule_is_named_by_its_variable_and_the_rule() {
    for (variable, value, said) in [
        ("SMS_LOG_FORMAT", "xml", "must be text or json"),
        ("SMS_LISTEN", "localhost", "must be an IP address and a port"),
        ("SMS_LISTEN", "8080", "must be an IP address and a port"),
        ("SMS_REGION", "RUS", "two letters"),
        ("SMS_RETENTION_DAYS", "2", "at least 3"),
        ("SMS_RETENTION_DAYS", "99999999999", "too large"),
        ("SMS_CONCURRENCY", "0", "at least 1"),
        ("SMS_ADMIN_KEY", "short", "16 characters"),
        ("SMS_ROLES", "", "must name api, worker or both"),
        ("SMS_ROLES", "ui", "must name api, worker or both"),
        ("SMS_STORE", "", "is empty"),
        ("SMS_ADMIN_KEY", "", "is empty"),
    ] {
        let error = refusal("", &[(variable, value)]);
        assert!(error.starts_with(variable) && error.contains(said), "{error}");
    }
}

#[test]
fn a_word_of_the_log_filter_that_is_no_level_and_no_known_crate_is_refused() {
    for (words, said) in [
        ("inof", "did you mean info"),
        ("verbose", "must be levels"),
        ("info,sms_croe=debug", "did you mean sms_core"),
        ("info,postgres=debug", "unknown crate"),
        ("sms_core=loud", "must be levels"),
        ("sms_core", "must be levels"),
        ("info,", "must be levels"),
        ("lapin=trace", "password of RabbitMQ"),
        ("lapin::io_loop=trace", "password of RabbitMQ"),
        ("rlibphonenumber=trace", "unknown crate"),
        ("[request{id=7}]=debug", "unknown crate"),
    ] {
        let error = refusal("", &[("SMS_LOG", words)]);
        assert!(error.starts_with("SMS_LOG") && error.contains(said), "`{words}`: {error}");
    }
    for words in [
        "off",
        "INFO",
        "info,sms_core=debug",
        "warn, sms_core::worker=trace",
        "hyper=debug,lapin=debug",
    ] {
        load("", &[("SMS_LOG", words)], &[]).unwrap_or_else(|error| panic!("`{words}`: {error:#}"));
    }
}

#[test]
fn a_secret_can_stand_in_a_file_and_not_in_both_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    fs::write(&path, "0123456789abcdef\n").expect("written");
    let path = path.to_str().expect("UTF-8");
    let config = load("", &[("SMS_ADMIN_KEY_FILE", path)], &[]).expect("valid");
    assert_eq!(config.admin_key.as_ref().expect("read").expose_secret(), "0123456789abcdef");
    let both = [("SMS_ADMIN_KEY", "0123456789abcdef"), ("SMS_ADMIN_KEY_FILE", path)];
    assert!(refusal("", &both).contains("set twice"));
}

#[test]
fn no_error_holds_a_secret_whatever_is_wrong_with_it() {
    for file in [
        "provider = 'smsru://CANARY@sms.ru",
        "provider = smsru://CANARY@sms.ru",
        "provider = \"\\CANARY\"",
        "provider = \"smsru://\\uCANARY\"",
        "admin_key = CANARY",
        "admin_key = 'CANARY'",
        "admin_key = 'a'\nadmin_key = 'CANARY'",
        "CANARY",
        "smsru://CANARY@sms.ru = 1",
        "'smsru://CANARY@sms.ru' = 1",
        "store = ['CANARY']",
        "[CANARY]",
        "log = 'CANARY-CANARY-CANARY'",
        "listen = 'CANARY'",
        "region = 'CANARY'",
        "store = '''\nCANARY",
    ] {
        let said = refusal(file, &[]);
        let is_named = ["[CANARY]"].contains(&file) || file == "CANARY";
        assert!(is_named || !said.contains("CANARY"), "{file}: {said}");
        assert!(said.contains("sms.toml, line "), "{file}: {said}");
    }
    let said = refusal("", &[("SMS_PROVIDER_FILE", "smsru://CANARY@sms.ru")]);
    assert!(said.starts_with("SMS_PROVIDER_FILE: the file") && !said.contains("CANARY"), "{said}");
}

#[test]
fn a_mistake_in_the_file_is_named_by_line_column_and_key() {
    let said = refusal("log = 'info'\nprovider = smsru://X@sms.ru", &[]);
    assert!(said.contains("sms.toml, line 2, column 12 (`provider`): not TOML: "), "{said}");
}

#[test]
fn a_byte_order_mark_before_the_file_is_dropped() {
    assert_eq!(load("\u{feff}log = 'debug'", &[], &[]).expect("valid").log.to_string(), "debug");
}

#[test]
fn debug_shows_no_secret() {
    let config = load("provider = 'smsru://CANARY@sms.ru'", &[], &[]).expect("valid");
    assert!(!format!("{config:?}").contains("CANARY"));
}

#[test]
fn addresses_are_shown_without_their_secrets() {
    for (address, shown) in [
        ("sqlite:data/sms.db?readers=2", "sqlite:data/sms.db?readers=2"),
        ("memory:", "memory:"),
        ("sandbox", "sandbox"),
        ("1B2C3D4E-AAAA-BBBB-CCCC-0123456789AB", "[redacted]"),
        (
            "postgres://sms:CANARY@db:5432/app?schema=s&sslmode=require",
            "postgres://sms:[redacted]@db:5432/app?schema=s&sslmode=require",
        ),
        ("postgres://sms@db/app", "postgres://sms@db/app"),
        ("redis://:CANARY@h:6379/0?prefix=p", "redis://:[redacted]@h:6379/0?prefix=p"),
        ("redis://:CAN/ARY@h/0", "redis://:[redacted]@h/0"),
        (
            "redis+sentinel://a,b/0?master=m&sentinel_password=CANARY",
            "redis+sentinel://a,b/0?master=m&sentinel_password=[redacted]",
        ),
        ("amqp://u:CANARY@h:5672/%2f", "amqp://u:[redacted]@h:5672/%2f"),
        (
            "smsru://CANARY@sms.ru?from=Acme&callback_api_id=CANARY",
            "smsru://[redacted]@sms.ru?from=Acme&callback_api_id=[redacted]",
        ),
        ("smsru://79251234567:CANARY@sms.ru", "smsru://[redacted]@sms.ru"),
    ] {
        assert_eq!(redacted(address), shown);
    }
}

#[test]
fn the_sample_file_is_valid_and_names_every_setting_with_its_default() {
    let sample = include_str!("../../../deploy/sms.toml.example");
    let (config, default) = (load(sample, &[], &[]).expect("valid"), Config::default());
    for key in Key::ALL {
        let is_there = sample
            .lines()
            .any(|line| line.trim_start_matches("# ").starts_with(&format!("{} = ", key.name())));
        assert!(is_there, "{}", key.name());
        assert_eq!(config.shown(key), default.shown(key), "{}", key.name());
    }
}
