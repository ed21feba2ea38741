//! The columns of new messages that many of them share.

use std::collections::HashMap;
use std::time::Duration;

use sms_core::NewMessage;
use sms_core::message::Resend;

/// The columns that many messages of a batch share.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Common<'m> {
    pub(crate) owner: Option<&'m str>,
    pub(crate) sender: Option<&'m str>,
    pub(crate) class: i16,
    pub(crate) encoding: i16,
    pub(crate) parts: i16,
    pub(crate) deadline: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) on_unknown: i16,
    pub(crate) lane: i16,
    pub(crate) route: &'m str,
    pub(crate) resend: Option<&'m Resend>,
}

impl<'m> Common<'m> {
    fn of(message: &'m NewMessage) -> Self {
        Self {
            owner: message.owner.as_deref(),
            sender: message.from.as_deref(),
            class: message.class.number().into(),
            encoding: message.encoding.number().into(),
            parts: message.parts.into(),
            deadline: message.deadline,
            max_attempts: message.max_attempts,
            on_unknown: message.on_unknown.number().into(),
            lane: message.lane().number().into(),
            route: message.route.as_str(),
            resend: message.resend.as_deref(),
        }
    }
}

/// Each combination of shared columns once, and the index of each message's combination.
/// PostgreSQL counts from 1.
pub(crate) fn commons<'m>(messages: &[&'m NewMessage]) -> (Vec<Common<'m>>, Vec<i32>) {
    let (mut commons, mut known) = (Vec::new(), HashMap::new());
    let mut place = |message: &&'m NewMessage| {
        let common = Common::of(message);
        *known.entry(common).or_insert_with(|| {
            commons.push(common);
            i32::try_from(commons.len()).unwrap_or(i32::MAX)
        })
    };
    let places = messages.iter().map(&mut place).collect();
    (commons, places)
}
