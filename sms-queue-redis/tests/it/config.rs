//! Tests of addresses and options.

use std::time::Duration;

use sms_core::ErrorKind;
use sms_queue_redis::{RedisConfig, RedisQueue};

fn refusal(url: &str) -> String {
    let error = RedisConfig::from_url(url).expect_err(url);
    assert_eq!(error.kind(), ErrorKind::Config, "{url}");
    error.to_string()
}

#[test]
fn parameters_set_their_options() {
    let url = "redis://me:pass@h:7000/3?prefix=a&lease_seconds=30&capacity=5&connect_timeout_ms=6\
               &timeout_ms=7&forget_seconds=8";
    let built = RedisConfig::new("h", 7000)
        .username("me")
        .password("pass")
        .database(3)
        .prefix("a")
        .lease(Duration::from_secs(30))
        .capacity(5)
        .connect_timeout(Duration::from_millis(6))
        .timeout(Duration::from_millis(7))
        .forget_after(Duration::from_secs(8));
    let read = RedisConfig::from_url(url).expect("valid");
    assert_eq!(format!("{read:?}"), format!("{built:?}"));
}

#[test]
fn the_usual_spellings_name_the_server() {
    for (url, host) in [
        ("redis://h", "(\"h\", 6379)"),
        ("redis://h:1/", "(\"h\", 1)"),
        ("redis://user:p%40ss@h:1/0", "(\"h\", 1)"),
        ("redis://:p@ss@h", "(\"h\", 6379)"),
        ("redis://[::1]:7", "(\"::1\", 7)"),
        ("redis://[::1]", "(\"::1\", 6379)"),
    ] {
        let debug = format!("{:?}", RedisConfig::from_url(url).expect(url));
        assert!(debug.contains(&format!("hosts: [{host}]")), "{debug}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (url, part) in [
        ("amqp://h", "must start with redis://"),
        ("h:6379", "must start with redis://"),
        ("redis://", "host name"),
        ("redis://h:0", "host name"),
        ("redis://h:port", "host name"),
        ("redis://h,i", "several hosts"),
        ("redis://h/x", "database number"),
        ("redis://user@h", "needs a password"),
        ("redis://h?prefx=a", "unknown parameter prefx; known are prefix, lease_seconds, "),
        ("redis://h?capacity=many", "the parameter capacity must be a whole number"),
        ("redis://h?capacity=0", "capacity must be"),
        ("redis://h?lease_seconds=0", "lease_seconds must be"),
        ("redis://h?timeout_ms=0", "timeout_ms must be"),
        ("redis://h?connect_timeout_ms=300001", "connect_timeout_ms must be"),
        ("redis://h?forget_seconds=0", "forget_seconds must be"),
        ("redis://h?prefix=", "prefix must be"),
        ("redis://h?prefix=%7Ba%7D", "prefix must be"),
        ("redis://h?master=m", "redis+sentinel:// only"),
    ] {
        let refusal = refusal(url);
        assert!(refusal.contains(part), "{url}: {refusal}");
    }
}

#[test]
#[cfg(feature = "tls")]
fn what_is_wrong_with_certificates_is_named() {
    for (url, part) in [
        ("redis://h?ca_file=/etc/hostname", "certificates need TLS"),
        ("rediss://h?ca_file=/nowhere", "the file of the parameter ca_file cannot be read"),
        ("rediss://h?cert_file=/etc/hostname", "need each other"),
    ] {
        let refusal = refusal(url);
        assert!(refusal.contains(part), "{url}: {refusal}");
    }
    let broken = RedisConfig::new("h", 1)
        .tls(true)
        .root_certificate("-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n");
    assert_eq!(RedisQueue::connect(broken).expect_err("no certificate").kind(), ErrorKind::Config);
}

#[test]
#[cfg(feature = "sentinel")]
fn sentinels_need_the_name_of_their_master() {
    assert!(refusal("redis+sentinel://a,b:1/0").contains("master"));
    let url = "redis+sentinel://:p@a,b:1/2?master=m&sentinel_username=u&sentinel_password=s";
    let read = RedisConfig::from_url(url).expect("valid");
    let built = RedisConfig::sentinel(["a", "b:1"], "m").expect("valid").password("p").database(2);
    let built = built.sentinel_credentials(Some("u".to_owned()), "s");
    assert_eq!(format!("{read:?}"), format!("{built:?}"));
}

#[test]
#[cfg(feature = "cluster")]
fn a_cluster_has_one_database() {
    assert!(refusal("redis+cluster://a,b:1/2").contains("no database but 0"));
    let read = RedisConfig::from_url("redis+cluster://a,b:1").expect("valid");
    assert_eq!(
        format!("{read:?}"),
        format!("{:?}", RedisConfig::cluster(["a", "b:1"]).expect("valid"))
    );
}

#[test]
fn an_address_whose_feature_is_off_is_refused() {
    for (on, url, feature) in [
        (cfg!(feature = "tls"), "rediss://h", "tls"),
        (cfg!(feature = "sentinel"), "redis+sentinel://h?master=m", "sentinel"),
        (cfg!(feature = "cluster"), "redis+cluster://h", "cluster"),
    ] {
        if on {
            RedisQueue::from_url(url).expect(url);
        } else {
            assert!(refusal(url).contains(feature), "{url}");
        }
    }
}

#[test]
fn no_password_is_shown() {
    let url = "redis://me:canary-1@h?timeout_ms=5";
    let config = RedisConfig::from_url(url).expect("valid");
    let queue = RedisQueue::connect(config.clone()).expect("a queue");
    for shown in [format!("{config:?}"), format!("{queue:?}")] {
        assert!(!shown.contains("canary") && shown.contains("[redacted]"), "{shown}");
    }
    for url in [
        "redis://me:canary-1@h:port",
        "redis://me:canary-1@h?x=y",
        "redis:/me:canary-1@h",
        "rediz://:canary-1@h",
    ] {
        let error = RedisConfig::from_url(url).expect_err(url);
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
