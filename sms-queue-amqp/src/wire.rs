//! Encoding of a job as a RabbitMQ message: the message id as text, so that an operator can read a
//! dead letter. The lane is not in it, since each lane has a queue.

use lapin::BasicProperties;
use sms_core::MessageId;

/// Delivery mode of a message that is on disk before it is confirmed.
const PERSISTENT: u8 = 2;

pub(crate) fn encode(id: MessageId) -> String {
    id.to_string()
}

/// Message id in this body; `None` when the body is something else.
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
