//! A job as a message of RabbitMQ: the id as text, so that a person can read what was put aside.
//! The lane is the queue's.

use lapin::BasicProperties;
use sms_core::MessageId;

/// On disk before it is confirmed.
const PERSISTENT: u8 = 2;

pub(crate) fn encode(id: MessageId) -> String {
    id.to_string()
}

/// The id in this body; `None` when somebody else wrote it.
pub(crate) fn decode(body: &[u8]) -> Option<MessageId> {
    std::str::from_utf8(body).ok()?.parse().ok()
}

pub(crate) fn properties() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(PERSISTENT).with_content_type("text/plain".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_way_through_the_queue() {
        let id = MessageId::new();
        assert_eq!(decode(encode(id).as_bytes()), Some(id));
    }

    #[test]
    fn a_body_that_is_no_id_is_none() {
        assert_eq!(decode(b"hello"), None);
        assert_eq!(decode(&[0xff, 0xfe]), None);
        assert_eq!(decode(b""), None);
    }
}
