//! Pushes that RabbitMQ has not confirmed yet.

use std::collections::HashMap;

use lapin::Confirmation;
use sms_core::{Error, ErrorKind, Result};
use tokio::sync::oneshot;

use crate::error::Failure;

/// The pushes with jobs to be confirmed, by number.
#[derive(Debug, Default)]
pub(crate) struct Unconfirmed {
    pushes: HashMap<u64, Push>,
    last_number: u64,
}

#[derive(Debug)]
struct Push {
    reply: oneshot::Sender<Result<()>>,
    /// Number of jobs that are not confirmed.
    jobs: usize,
    refused: bool,
}

impl Unconfirmed {
    /// Adds a push of so many jobs, and returns its number.
    pub(crate) fn add(&mut self, jobs: usize, reply: oneshot::Sender<Result<()>>) -> u64 {
        self.last_number += 1;
        self.pushes.insert(self.last_number, Push { reply, jobs, refused: false });
        self.last_number
    }

    /// Notes that RabbitMQ confirmed or refused one job of this push. Answers the push if it was
    /// the last job.
    ///
    /// # Errors
    ///
    /// `Unroutable` if the lane has no queue. The client attaches a returned message to any
    /// confirmation, so the push that it belongs to is not known.
    pub(crate) fn confirm(
        &mut self,
        number: u64,
        confirmation: Confirmation,
    ) -> Result<(), Failure> {
        let refused = confirmation.is_nack();
        if confirmation.take_message().is_some() {
            return Err(Failure::Unroutable);
        }
        let Some(push) = self.pushes.get_mut(&number) else { return Ok(()) };
        push.refused |= refused;
        push.jobs -= 1;
        if push.jobs == 0
            && let Some(Push { reply, refused, .. }) = self.pushes.remove(&number)
        {
            let full =
                || Error::new(ErrorKind::Unavailable, "a lane of the RabbitMQ queue is full");
            // An error means that the caller has given up.
            let _ = reply.send(if refused { Err(full()) } else { Ok(()) });
        }
        Ok(())
    }

    /// Reply channels of the pushes that are left.
    pub(crate) fn into_replies(self) -> impl Iterator<Item = oneshot::Sender<Result<()>>> {
        self.pushes.into_values().map(|push| push.reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_is_answered_with_its_last_confirm_and_fails_when_one_was_refused() {
        let mut unconfirmed = Unconfirmed::default();
        for refused in [false, true] {
            let (reply, mut answer) = oneshot::channel();
            let number = unconfirmed.add(2, reply);
            let first = if refused { Confirmation::Nack(None) } else { Confirmation::Ack(None) };
            unconfirmed.confirm(number, first).expect("nothing was returned");
            assert!(answer.try_recv().is_err(), "one is still to be confirmed");
            unconfirmed.confirm(number, Confirmation::Ack(None)).expect("nothing was returned");
            assert_eq!(answer.try_recv().expect("an answer").is_err(), refused);
        }
        assert_eq!(unconfirmed.into_replies().count(), 0);
    }
}
