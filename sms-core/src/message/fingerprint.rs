//! Fingerprints: the definition of "the same content" under an idempotency key.
//!
//! The hash covers the names and values of the fields of a prepared message: the phone number in
//! E.164, the policy of the class filled in. Fields with their default are left out, so that a
//! field of a later version does not change the fingerprint of a message that does not use it.
//! **The values in the tests below must never change** while stores contain messages with keys: a
//! repeat after an update must still be a replay of the first message.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::class::Class;
use super::route::Route;
use super::stored::{Fingerprint, NewMessage};

/// Version of the hashed content. Raised only for a change that is not just another field.
const VERSION: u8 = 1;

/// Hash of the content that the caller asked for.
pub(super) fn fingerprint(message: &NewMessage) -> Fingerprint {
    let NewMessage { to, text, from, class, route, reference, metadata, options, send_at, .. } =
        message;
    let policy = class.policy();
    let mut content = Content::new();
    content.add("to", &to.digits().to_be_bytes());
    content.add("text", text.as_bytes());
    content.add_some("from", from.as_ref());
    content.add_other("class", *class != Class::default(), class.as_str().as_bytes());
    content.add_other("route", *route != Route::DEFAULT, route.as_str().as_bytes());
    content.add_some("reference", reference.as_ref());
    if !metadata.is_empty() {
        content.add("metadata", metadata.canonical().as_bytes());
    }
    content.add_other("translit", options.translit, &[1]);
    content.add_other("daytime", options.daytime != policy.daytime, &[u8::from(options.daytime)]);
    content.add_other("pass_deadline", options.pass_deadline, &[1]);
    content.add_some("end_user_ip", options.end_user_ip.map(|ip| ip.to_string()).as_ref());
    if let Some(at) = send_at {
        content.add("send_at", &at.unix_timestamp_nanos().to_be_bytes());
    }
    let deadline = message.deadline;
    content.add_other("deadline", deadline != policy.deadline, &deadline.as_nanos().to_be_bytes());
    let attempts = message.max_attempts;
    content.add_other("max_attempts", attempts != policy.max_attempts, &attempts.to_be_bytes());
    let on_unknown = message.on_unknown;
    content.add_other(
        "on_unknown",
        on_unknown != policy.on_unknown,
        on_unknown.as_str().as_bytes(),
    );
    content.add_some("resend_of", message.resend.as_ref().map(|it| it.of.to_string()).as_ref());
    content.hash()
}

impl NewMessage {
    /// Returns true if its content is that of the stored message with this fingerprint.
    pub fn is_content_of(&self, stored: &Fingerprint) -> bool {
        // The first comparison nearly always decides; repeats with different content are rare.
        self.key.as_ref().is_some_and(|key| key.fingerprint == *stored)
            || self.route == Route::DEFAULT && positional(self) == *stored
    }
}

/// Hash of the earlier version, which had no names of fields. It covered only the fields that the
/// caller had set; fields with their default count as not set. Keys of that version are kept for 72
/// hours after an update; this function is not needed afterwards.
fn positional(message: &NewMessage) -> Fingerprint {
    fn other<T: Copy + PartialEq>(value: T, default: T) -> Option<T> {
        Some(value).filter(|value| *value != default)
    }
    let (options, policy) = (&message.options, message.class.policy());
    let stated = json!([
        message.to.to_string(),
        message.text,
        message.from,
        message.class,
        message.send_at.map(|at| at.unix_timestamp_nanos().to_string()),
        other(message.deadline, policy.deadline).map(|deadline| deadline.as_millis().to_string()),
        message.reference,
        serde_json::from_str::<Value>(message.metadata.as_json()).unwrap_or_default(),
        options.translit,
        other(options.daytime, policy.daytime),
        options.pass_deadline,
        options.end_user_ip,
        other(message.on_unknown, policy.on_unknown),
        other(message.max_attempts, policy.max_attempts),
    ]);
    first_half(&Sha256::digest(stated.to_string()))
}

fn first_half(digest: &[u8]) -> Fingerprint {
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&digest[..16]);
    fingerprint
}

/// Names and values, each preceded by its length, so that different content never gives the same
/// bytes.
struct Content(Sha256);

impl Content {
    fn new() -> Self {
        Self(Sha256::new_with_prefix([VERSION]))
    }

    fn add(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    fn add_some(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.add(name, value.as_bytes());
        }
    }

    /// Adds a value that is not the default.
    fn add_other(&mut self, name: &str, is_other: bool, value: &[u8]) {
        if is_other {
            self.add(name, value);
        }
    }

    fn hash(self) -> Fingerprint {
        first_half(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;
    use crate::message::OnUnknown;
    use crate::message::{Message, Metadata};

    fn hex(message: &Message) -> String {
        let prepared = message.clone().key("k").prepare().expect("valid");
        let key = prepared.key.expect("a key");
        format!("{:032x}", u128::from_be_bytes(key.fingerprint))
    }

    fn good() -> Message {
        Message::new("+79251234567", "Код 1234")
    }

    /// Each optional field by itself, and all at once.
    fn golden() -> Vec<(&'static str, Message, &'static str)> {
        let metadata =
            Metadata::parse(r#"{"b":1.10,"a":["ё",40817810099910004312]}"#).expect("valid");
        let at = datetime!(2026-11-26 12:00:00.5 +3);
        let all = good()
            .from("Acme")
            .class(Class::Marketing)
            .reference("order-7")
            .metadata(metadata.clone())
            .translit(true)
            .daytime(false)
            .pass_deadline(true)
            .end_user_ip("192.0.2.7")
            .send_at(at)
            .deadline(Duration::from_mins(10))
            .max_attempts(2)
            .on_unknown(OnUnknown::ResendOnce);
        vec![
            ("nothing but the text", good(), "0bc5b73e21a57366cc7fc87d919f69da"),
            (
                "another number",
                Message::new("+79251234568", "Код 1234"),
                "d2c9389781c4eac8428c28d7f195ac6a",
            ),
            (
                "another text",
                Message::new("+79251234567", "Код 1235"),
                "2002ce0fe4d346da72866077f4818dbd",
            ),
            ("from", good().from("Acme"), "561cabb92b208eab5771f07219760a0f"),
            ("class", good().class(Class::Otp), "5faf488f5d8aaf9889e44a31d3d7aa6a"),
            ("route", good().route("sandbox"), "099cda15ab5d05117fe588e81405d0a6"),
            ("reference", good().reference("order-7"), "b63e4890d04ce9a9aba9092ee78c302c"),
            ("metadata", good().metadata(metadata), "49070489ee378fa3ee86d13eb0430262"),
            ("translit", good().translit(true), "232f5db62ee01b22ad616fa8f4208542"),
            ("daytime", good().daytime(true), "b48ab6ef99e0034476b0447121b87152"),
            ("pass_deadline", good().pass_deadline(true), "f06064046fbe55db83524391b64d8800"),
            ("end_user_ip", good().end_user_ip("2001:db8::1"), "2f07214b3254c734deb8ac010a56f822"),
            ("send_at", good().send_at(at), "1d0b17563d1db836c0ac2ce9229396be"),
            (
                "deadline",
                good().deadline(Duration::from_mins(10)),
                "4bbb10aaa4055078b4c63e985e7a799f",
            ),
            ("max_attempts", good().max_attempts(2), "3a60489178f752bba4790e6c9056e1fd"),
            (
                "on_unknown",
                good().on_unknown(OnUnknown::ResendOnce),
                "25c33bd409bd0c5dd3fcaa261ecc8937",
            ),
            ("everything", all, "2d124582bfc87a6ee39f828bb5eebc39"),
        ]
    }

    #[test]
    fn a_repeat_after_an_update_of_the_program_is_still_the_first_message() {
        let wrong: Vec<_> = golden()
            .into_iter()
            .map(|(what, message, expected)| (what, hex(&message), expected))
            .filter(|(_, found, expected)| found != expected)
            .collect();
        assert!(wrong.is_empty(), "every repeat of the last 72 hours would be refused: {wrong:#?}");
    }

    #[test]
    fn a_repeat_of_a_message_from_before_the_names_is_still_the_first_message() {
        let metadata = Metadata::parse(r#"{"b":1.5,"a":["ё",1]}"#).expect("valid");
        let (_, all, _) = golden().pop().expect("everything");
        for (message, stored) in [
            (good(), 0xce82_c39d_b951_ec52_7b79_7081_9c6b_bb8f_u128),
            (good().max_attempts(5), 0xce82_c39d_b951_ec52_7b79_7081_9c6b_bb8f_u128),
            (all.metadata(metadata), 0xc712_a166_b57f_1c9d_cc01_444a_68f6_4d8c_u128),
        ] {
            let prepared = message.key("k").prepare().expect("valid");
            assert!(prepared.is_content_of(&stored.to_be_bytes()));
            assert!(!prepared.is_content_of(&(stored + 1).to_be_bytes()));
            // No message had a route then.
            let routed = NewMessage { route: "sandbox".parse().expect("valid"), ..prepared };
            assert!(!routed.is_content_of(&stored.to_be_bytes()));
        }
    }

    #[test]
    fn a_default_that_is_stated_is_the_same_as_one_left_out() {
        let (otp, marketing) = (good().class(Class::Otp), good().class(Class::Marketing));
        for (stated, bare) in [
            (
                good()
                    .max_attempts(5)
                    .class(Class::Service)
                    .daytime(false)
                    .on_unknown(OnUnknown::Hold),
                good(),
            ),
            (
                good()
                    .deadline(Duration::from_hours(24))
                    .translit(false)
                    .metadata(serde_json::Map::new()),
                good(),
            ),
            (otp.clone().deadline(Duration::from_mins(5)).on_unknown(OnUnknown::ResendOnce), otp),
            (good().route("default"), good()),
            (marketing.clone().daytime(true).deadline(Duration::from_hours(72)), marketing),
        ] {
            assert_eq!(hex(&stated), hex(&bare));
        }
    }

    #[test]
    fn the_same_moment_in_another_zone_and_the_same_number_in_another_spelling_are_the_same() {
        let at = datetime!(2026-11-26 12:00 +3);
        assert_eq!(
            hex(&good().send_at(at)),
            hex(&good().send_at(at.to_offset(time::UtcOffset::UTC)))
        );
        assert_eq!(hex(&good()), hex(&Message::new("8 (925) 123-45-67", "Код 1234")));
    }

    #[test]
    fn a_value_is_never_taken_for_that_of_another_field() {
        assert_ne!(hex(&good().from("A").reference("B")), hex(&good().from("B").reference("A")));
        assert_ne!(hex(&good().from("Acme")), hex(&good().reference("Acme")));
    }
}
