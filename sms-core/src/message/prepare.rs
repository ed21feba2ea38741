//! Preparation of a message for a store: all checks of its content that give the same result at any
//! time.

use std::net::IpAddr;
use std::time::Duration;

use super::Message;
use super::fingerprint::fingerprint;
use super::id::MessageId;
use super::metadata::TOO_DEEP;
use super::options::SendOptions;
use super::phone::NumberReader;
use super::route::Route;
use super::stored::{IdempotencyKey, NewMessage};
use super::{text, translit};
use crate::error::{Error, FieldError, Result};

/// Maximum number of parts of a message. sms.ru refuses longer messages with its code 205.
pub const MAX_PARTS: usize = 8;
/// Longest deadline.
pub const MAX_DEADLINE: Duration = Duration::from_hours(30 * 24);
/// Maximum number of counted attempts that a message may ask for.
pub const MAX_ATTEMPTS: u32 = 20;
/// Maximum length of a sender name: the alphanumeric address of 3GPP TS 23.040 §9.1.2.5 has 11
/// characters, and a number of E.164 has 15 digits.
const MAX_FROM_CHARS: usize = 11;
const MAX_FROM_DIGITS: usize = 15;
/// The rule of [`is_sender_name`], in words.
pub const SENDER_NAME_RULE: &str = "1 to 11 printable ASCII characters, or up to 15 digits";
/// Maximum length of an idempotency key and of a reference, in characters.
const MAX_KEY_CHARS: usize = 255;
const MAX_REFERENCE_CHARS: usize = 255;
/// Maximum length of the reason of a resend, in characters.
const MAX_REASON_CHARS: usize = 500;
/// Maximum size of the metadata, in bytes of JSON.
const MAX_METADATA_BYTES: usize = 4096;

impl Message {
    /// Checks the content, fills in the policy of the class and assigns the id. A phone number is
    /// read as one of Russia, unless the message has a region.
    ///
    /// Equal messages have an equal result at any time, except for the id. The checks that depend
    /// on the time are made [separately](NewMessage::check_at).
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with every field that is wrong.
    pub fn prepare(&self) -> Result<NewMessage> {
        self.prepare_with(NumberReader::default())
    }

    /// As [`prepare`](Self::prepare), with a reader for the phone number of a message without a
    /// region, such as that of the [store](crate::Archive::numbers).
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid), with every field that is wrong.
    pub fn prepare_with(&self, numbers: NumberReader) -> Result<NewMessage> {
        let mut wrong = Vec::new();
        let to = self.region.map_or(numbers, NumberReader::new).read(&self.to);
        let to = to.map_err(|error| wrong.extend_from_slice(error.fields())).ok();
        let counted = if self.translit {
            text::count(&translit::latin(&self.text))
        } else {
            text::count(&self.text)
        };
        self.check_text(counted.parts, &mut wrong);
        self.check_names(&mut wrong);
        self.check_numbers(&mut wrong);
        let end_user_ip = self.parse_ip(&mut wrong);
        let route = self.parse_route(&mut wrong);
        let (Some(to), true) = (to, wrong.is_empty()) else {
            return Err(Error::invalid(wrong));
        };

        let policy = self.class.policy();
        let mut message = NewMessage {
            id: MessageId::new(),
            owner: self.owner.clone(),
            key: None,
            to,
            text: self.text.clone(),
            from: self.from.clone(),
            class: self.class,
            route,
            reference: self.reference.clone(),
            metadata: self.metadata.clone(),
            options: SendOptions {
                translit: self.translit,
                daytime: self.daytime.unwrap_or(policy.daytime),
                pass_deadline: self.pass_deadline,
                end_user_ip,
                sandbox: None,
                traceparent: self.traceparent,
            },
            encoding: counted.encoding,
            parts: u8::try_from(counted.parts).unwrap_or(u8::MAX),
            send_at: self.send_at,
            deadline: self.deadline.unwrap_or(policy.deadline),
            max_attempts: self.max_attempts.unwrap_or(policy.max_attempts),
            on_unknown: self.on_unknown.unwrap_or(policy.on_unknown),
            resend: self.resend.clone(),
        };
        if let Some(key) = &self.key {
            message.key =
                Some(IdempotencyKey { key: key.clone(), fingerprint: fingerprint(&message) });
        }
        Ok(message)
    }

    fn check_text(&self, parts: usize, wrong: &mut Vec<FieldError>) {
        if text::is_blank(&self.text) && !self.text.chars().any(is_forbidden_control) {
            wrong.push(FieldError::new("text", "text_empty", "must contain a visible character"));
        } else if self.text.chars().any(is_forbidden_control) {
            wrong.push(FieldError::new(
                "text",
                "text_control",
                "must not contain control characters except line breaks",
            ));
        } else if parts > MAX_PARTS {
            let message = format!("takes {parts} parts, at most {MAX_PARTS} are allowed");
            wrong.push(FieldError::new("text", "text_too_long", message));
        }
    }

    fn check_names(&self, wrong: &mut Vec<FieldError>) {
        if self.from.as_deref().is_some_and(|from| !is_sender_name(from)) {
            wrong.push(FieldError::new(
                "from",
                "from_invalid",
                format!("must be {SENDER_NAME_RULE}"),
            ));
        }
        if self.key.as_deref().is_some_and(|key| !is_printable(key, MAX_KEY_CHARS)) {
            let rule = "must be 1 to 255 printable ASCII characters";
            wrong.push(FieldError::new("idempotency_key", "idempotency_key_invalid", rule));
        }
        let reference_ok = |value: &str| {
            !value.is_empty()
                && value.chars().count() <= MAX_REFERENCE_CHARS
                && !value.chars().any(char::is_control)
        };
        if self.reference.as_deref().is_some_and(|reference| !reference_ok(reference)) {
            let rule = "must be 1 to 255 characters without control characters";
            wrong.push(FieldError::new("reference", "reference_invalid", rule));
        }
        if self.resend.as_deref().is_some_and(|resend| !is_reason(&resend.reason)) {
            let rule = "must be 1 to 500 characters without control characters";
            wrong.push(FieldError::new("reason", "reason_invalid", rule));
        }
        if self.metadata.as_json().len() > MAX_METADATA_BYTES {
            let rule = "must be at most 4096 bytes of JSON";
            wrong.push(FieldError::new("metadata", "metadata_too_large", rule));
        } else if self.metadata.is_too_deep() {
            wrong.push(FieldError::new("metadata", "metadata_invalid", TOO_DEEP));
        }
    }

    fn check_numbers(&self, wrong: &mut Vec<FieldError>) {
        let seconds = Duration::from_secs(1)..=MAX_DEADLINE;
        if self.deadline.is_some_and(|deadline| !seconds.contains(&deadline)) {
            wrong.push(FieldError::new(
                "deadline_seconds",
                "deadline_invalid",
                "must be 1 to 2592000",
            ));
        }
        if self.max_attempts.is_some_and(|attempts| !(1..=MAX_ATTEMPTS).contains(&attempts)) {
            wrong.push(FieldError::new("max_attempts", "max_attempts_invalid", "must be 1 to 20"));
        }
    }

    fn parse_route(&self, wrong: &mut Vec<FieldError>) -> Route {
        let route = self.route.as_deref().map_or(Ok(Route::DEFAULT), str::parse);
        route.map_err(|error| wrong.extend_from_slice(error.fields())).unwrap_or_default()
    }

    fn parse_ip(&self, wrong: &mut Vec<FieldError>) -> Option<IpAddr> {
        let parsed: Option<IpAddr> = self.end_user_ip.as_deref()?.parse().ok();
        let rule = match parsed {
            None => "not an IPv4 or IPv6 address",
            // sms.ru would refuse the message for this, finally (507).
            Some(ip) if !is_public(ip) => {
                "must be a public address: that of the end user, not of a proxy"
            }
            Some(_) => return parsed,
        };
        wrong.push(FieldError::new("end_user_ip", "end_user_ip_invalid", rule));
        None
    }
}

/// Returns true if a text can be the reason of a resend.
fn is_reason(text: &str) -> bool {
    !text::is_blank(text)
        && text.chars().count() <= MAX_REASON_CHARS
        && !text.chars().any(char::is_control)
}

/// Returns true if an address can be that of a user on the internet: it is not private, loopback,
/// link-local, reserved or multicast.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            // 100.64.0.0/10 is for carrier-grade NAT; 240.0.0.0/4 is reserved.
            let shared = a == 100 && (64..128).contains(&b);
            let local = ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared;
            !(local || a == 0 || a >= 240 || ip.is_multicast())
        }
        IpAddr::V6(ip) => {
            let local = ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback();
            !(local || ip.is_unspecified() || ip.is_multicast())
        }
    }
}

/// Returns true if this is a valid sender name: [`SENDER_NAME_RULE`], without spaces at the ends.
pub fn is_sender_name(name: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let longest = if is_number { MAX_FROM_DIGITS } else { MAX_FROM_CHARS };
    is_printable(name, longest) && name.trim() == name
}

fn is_printable(value: &str, longest: usize) -> bool {
    (1..=longest).contains(&value.len()) && value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// Returns true for control characters that an SMS must not contain: all but the line breaks of GSM
/// 03.38.
fn is_forbidden_control(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\r'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Class, OnUnknown};

    fn codes(message: &Message) -> Vec<(&'static str, &'static str)> {
        let error = message.prepare().expect_err("must be refused");
        error.fields().iter().map(|field| (field.field, field.code)).collect()
    }

    fn good() -> Message {
        Message::new("+79251234567", "Код 1234")
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let message =
            Message::new("123", "").from("far too long a sender").max_attempts(0).route("no route");
        let expected = [
            ("to", "phone_invalid"),
            ("text", "text_empty"),
            ("from", "from_invalid"),
            ("max_attempts", "max_attempts_invalid"),
            ("route", "route_invalid"),
        ];
        assert_eq!(codes(&message), expected);
    }

    #[test]
    fn control_characters_are_refused_and_line_breaks_are_not() {
        assert_eq!(codes(&Message::new("+79251234567", "a\0b")), [("text", "text_control")]);
        assert!(Message::new("+79251234567", "a\r\nb").prepare().is_ok());
    }

    #[test]
    fn eight_parts_pass_and_nine_do_not() {
        let text = |units: usize| "я".repeat(units);
        assert_eq!(
            Message::new("+79251234567", text(8 * 67)).prepare().map(|m| m.parts).ok(),
            Some(8)
        );
        assert_eq!(
            codes(&Message::new("+79251234567", text(8 * 67 + 1))),
            [("text", "text_too_long")]
        );
    }

    #[test]
    fn the_class_sets_the_policy_and_each_knob_can_be_set_by_itself() {
        let otp = good().class(Class::Otp).on_unknown(OnUnknown::Hold).prepare().expect("valid");
        assert_eq!(otp.deadline, Duration::from_mins(5));
        assert_eq!(otp.on_unknown, OnUnknown::Hold);
    }

    #[test]
    fn equal_messages_have_equal_results_at_any_time() {
        let past = time::OffsetDateTime::UNIX_EPOCH;
        let message =
            good().send_at(past).key("k").prepare().expect("what time forbids is not refused here");
        assert!(message.check_at(0).is_ok());
        assert!(message.check_at(9 * 60 * 1000).is_ok());
        let late = message.check_at(11 * 60 * 1000).expect_err("more than ten minutes");
        assert_eq!((late.code(), late.fields()[0].field), ("send_at_invalid", "send_at"));
        let early = message.check_at(-61 * 24 * 3600 * 1000).expect_err("more than sixty days");
        assert_eq!(early.code(), "send_at_invalid");
        assert!(good().prepare().expect("valid").check_at(i64::MAX).is_ok());
    }

    #[test]
    fn an_address_that_nobody_has_on_the_internet_is_refused() {
        for ip in [
            "10.1.2.3",
            "127.0.0.1",
            "169.254.0.1",
            "100.100.0.1",
            "0.0.0.0",
            "240.0.0.1",
            "::1",
            "fd00::1",
            "::ffff:192.168.0.1",
        ] {
            assert_eq!(
                codes(&good().end_user_ip(ip)),
                [("end_user_ip", "end_user_ip_invalid")],
                "{ip}"
            );
        }
        for ip in ["100.128.0.1", "172.32.0.1", "203.0.113.9", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(good().end_user_ip(ip).prepare().is_ok(), "{ip}");
        }
    }

    #[test]
    fn a_sender_name_has_eleven_characters_and_a_number_fifteen_digits() {
        for from in ["ElevenChars", "123456789012345", "a"] {
            assert!(good().from(from).prepare().is_ok(), "{from}");
        }
        for from in ["TwelveChars!", "1234567890123456", "12345678901a", "", " a"] {
            assert_eq!(codes(&good().from(from)), [("from", "from_invalid")], "{from}");
        }
    }

    #[test]
    fn metadata_is_bounded_in_size_and_depth() {
        let nested =
            (0..40).fold(serde_json::json!({}), |inner, _| serde_json::json!({ "a": inner }));
        let map = |value: serde_json::Value| value.as_object().expect("an object").clone();
        assert_eq!(codes(&good().metadata(map(nested))), [("metadata", "metadata_invalid")]);
        let large = serde_json::json!({"a": "a".repeat(4096)});
        assert_eq!(codes(&good().metadata(map(large))), [("metadata", "metadata_too_large")]);
    }

    #[test]
    fn debug_shows_neither_number_nor_text() {
        let shown = format!("{:?} {:?}", good(), good().prepare());
        assert!(!shown.contains("1234"), "{shown}");
    }
}
