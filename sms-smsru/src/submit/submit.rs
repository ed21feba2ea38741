//! The way messages of a worker take.

use std::time::Duration;

use sms_core::{
    Account, Explanation, LateAnswers, Limits, Outcome, Provider, Receipts, Submission, async_trait,
};
use tokio::time::{Instant, timeout_at};

use crate::SmsRu;
use crate::client::http::unanswered;
use crate::client::session::withdraw_shared_ids;
use crate::code::{self, Level};
use crate::submit::late::Call;
use crate::wire::send_request as request;

/// What receipts and messages bear.
pub(crate) const NAME: &str = "smsru";
/// What a call may take beyond its requests, which end by themselves: to divide, read and compare.
const MARGIN: Duration = Duration::from_secs(1);

#[async_trait]
impl Provider for SmsRu {
    fn name(&self) -> &'static str {
        NAME
    }

    fn limits(&self) -> Limits {
        Limits::new(self.config().batch, self.config().timeout + MARGIN)
    }

    async fn submit(&self, batch: &[Submission]) -> Vec<Outcome> {
        let deadline = Instant::now() + self.config().timeout;
        let mut outcomes =
            vec![Outcome::unknown("the code that sends failed during the call"); batch.len()];
        // All are on their way before the first is waited for: one after the other they would take
        // the timeout of each.
        for (group, mut call) in self.calls(batch) {
            let read = match timeout_at(deadline, call.answer()).await {
                Ok(Some(answer)) => self.line.read(answer, call.messages()),
                // A panic there leaves its messages unknown, and those of the other requests with
                // their outcomes.
                Ok(None) => continue,
                // The call, dropped, is listened to further.
                Err(_) => vec![unanswered(); group.len()],
            };
            for (index, outcome) in group.into_iter().zip(read) {
                outcomes[index] = outcome;
            }
        }
        withdraw_shared_ids(&mut outcomes);
        outcomes
    }

    fn receipts(&self) -> Option<&dyn Receipts> {
        Some(self)
    }

    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }

    fn explain(&self, code: i32) -> Option<Explanation> {
        let row = code::of_sending(code, Level::Recipient)
            .or_else(|| code::find(code, Level::Delivery))?;
        Some(Explanation { en: row.en, ru: row.ru })
    }

    fn late(&self) -> Option<&dyn LateAnswers> {
        (!self.config().late.is_zero()).then_some(&self.late)
    }
}

impl SmsRu {
    /// Divides a batch into requests, each with the indices of its messages, and puts all of them
    /// on their way.
    fn calls<'a>(&'a self, batch: &'a [Submission]) -> Vec<(Vec<usize>, Call<'a>)> {
        let (config, now_ms) = (self.config(), self.config().clock.now_ms());
        let start = |group: Vec<usize>| {
            let messages: Vec<&Submission> = group.iter().map(|index| &batch[*index]).collect();
            let form = request::form(&messages, config, now_ms);
            (group, self.late.start(form, messages))
        };
        self.groups(batch, now_ms).into_iter().map(start).collect()
    }

    fn groups(&self, batch: &[Submission], now_ms: i64) -> Vec<Vec<usize>> {
        let mut apart = self.line.apart();
        let groups = request::group(batch, self.config(), now_ms, |id| apart.contains(id));
        for submission in batch {
            apart.remove(&submission.id);
        }
        groups
    }
}
