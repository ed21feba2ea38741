use std::time::Duration;

use sms_core::{ErrorKind, Provider};
use sms_smsru::{SmsRu, SmsRuConfig};

fn refusal(url: &str) -> String {
    let error = SmsRu::from_url(url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{url}");
    error.to_string()
}

#[test]
fn an_address_says_everything() {
    let url = "smsru://ID@sms.ru?from=Acme&timeout_seconds=20&connect_timeout_seconds=3&batch=50\
               &test=1&partner_id=7&late_seconds=60&poll_first_seconds=5&callback_api_id=secret";
    let config = SmsRuConfig::from_url(url).unwrap();
    assert_eq!(
        format!("{config:?}"),
        "SmsRuConfig { credentials: [redacted], base_url: \"https://sms.ru/\", \
         from: Some(\"Acme\"), timeout: 20s, connect_timeout: 3s, batch: 50, test: true, \
         partner_id: Some(7), late: 60s, poll_first: 5s, callback_api_id: Some([redacted]), .. }"
    );
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let config = SmsRuConfig::from_url("smsru://ID@sms.ru").unwrap();
    assert_eq!(
        format!("{config:?}"),
        "SmsRuConfig { credentials: [redacted], base_url: \"https://sms.ru/\", from: None, \
         timeout: 15s, connect_timeout: 5s, batch: 100, test: false, partner_id: None, \
         late: 120s, poll_first: 30s, callback_api_id: None, .. }"
    );
    assert_eq!(format!("{:?}", SmsRuConfig::new("ID")), format!("{config:?}"));
}

#[test]
fn a_call_may_take_its_requests_timeout_and_a_little() {
    let limits = SmsRu::from_url("smsru://ID@sms.ru?timeout_seconds=4&batch=7").unwrap().limits();
    assert_eq!((limits.batch, limits.calls_per_second), (7, None));
    assert!(limits.timeout > Duration::from_secs(4) && limits.timeout <= Duration::from_secs(5));
}

#[test]
fn plain_http_goes_to_loopback_only() {
    for host in ["127.0.0.1:9000", "127.9.9.9", "[::1]:9000", "localhost:9000", "LOCALHOST"] {
        SmsRu::from_url(&format!("smsru+http://ID@{host}")).unwrap();
    }
    for host in [
        "sms.ru",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "2130706434.x",
    ] {
        assert!(refusal(&format!("smsru+http://ID@{host}")).contains("unencrypted"), "{host}");
    }
    assert!(SmsRu::new(SmsRuConfig::new("ID").base_url("http://sms.ru")).is_err());
}

#[test]
fn each_mistake_is_named() {
    for (url, named) in [
        ("", "smsru://"),
        ("sms.ru", "smsru://"),
        ("https://ID@sms.ru", "smsru://"),
        ("smsru://sms.ru", "no API id"),
        ("smsru://@sms.ru", "no API id"),
        ("smsru://:secret@sms.ru", "no API id"),
        ("smsru://79250000000:@sms.ru", "password"),
        ("smsru://%zz@sms.ru", "percent-encoded"),
        ("smsru://%f@sms.ru", "percent-encoded"),
        ("smsru://%ff@sms.ru", "percent-encoded"),
        ("smsru://a%0ab@sms.ru", "control"),
        ("smsru://ID@", "cannot be read"),
        ("smsru://ID@sms.ru:port", "cannot be read"),
        ("smsru://ID@sms.ru/sms/send", "path"),
        ("smsru://ID@sms.ru#x", "#"),
        ("smsru://ID@sms.ru?form=Acme", "form"),
        ("smsru://ID@sms.ru?api_id=x", "api_id"),
        ("smsru://ID@sms.ru?from=A&from=B", "from"),
        ("smsru://ID@sms.ru?from=", "from"),
        ("smsru://ID@sms.ru?from=%D0%90", "from"),
        ("smsru://ID@sms.ru?from=sixteencharacter", "from"),
        ("smsru://ID@sms.ru?batch=0", "batch"),
        ("smsru://ID@sms.ru?batch=101", "batch"),
        ("smsru://ID@sms.ru?batch=many", "batch"),
        ("smsru://ID@sms.ru?timeout_seconds=0", "timeout_seconds"),
        ("smsru://ID@sms.ru?timeout_seconds=301", "timeout_seconds"),
        ("smsru://ID@sms.ru?timeout_seconds=1.5", "timeout_seconds"),
        ("smsru://ID@sms.ru?connect_timeout_seconds=0", "connect_timeout_seconds"),
        ("smsru://ID@sms.ru?connect_timeout_seconds=15", "connect_timeout_seconds"),
        ("smsru://ID@sms.ru?test=yes", "test"),
        ("smsru://ID@sms.ru?partner_id=-1", "partner_id"),
        ("smsru://ID@sms.ru?late_seconds=601", "late_seconds"),
        ("smsru://ID@sms.ru?late_seconds=never", "late_seconds"),
        ("smsru://ID@sms.ru?poll_first_seconds=0", "poll_first_seconds"),
        ("smsru://ID@sms.ru?poll_first_seconds=3601", "poll_first_seconds"),
        ("smsru://ID@sms.ru?callback_api_id=", "callback_api_id"),
        ("smsru://ID@sms.ru?callback_api_id=secret%0a", "callback_api_id"),
    ] {
        let message = refusal(url);
        assert!(message.contains(named) && !message.contains("secret"), "{url}: {message}");
    }
}

#[test]
fn a_short_timeout_shortens_the_connect_timeout_by_itself() {
    let config = SmsRuConfig::from_url("smsru://ID@sms.ru?timeout_seconds=4").unwrap();
    assert!(format!("{config:?}").contains("connect_timeout: 2s"));
    let refused = SmsRuConfig::from_url("smsru://ID@sms.ru?costs=yes").unwrap_err();
    assert!(refused.to_string().contains("costs must be 1 or 0"), "{refused}");
}
