//! What goes wrong on demand.

use std::time::Duration;

/// Something that goes wrong with a request.
///
/// What happens below is done to the next request of `sms/send`, once. [`times`](Self::times),
/// [`forever`](Self::forever), [`on`](Self::on) and [`after_accept`](Self::after_accept) change
/// that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Carries the request out and never answers.
    SilentAfterAccept,
    /// Never answers, and does nothing.
    SilentBeforeAccept,
    /// Resets the connection, and does nothing.
    ResetBefore,
    /// Carries the request out and resets the connection in place of an answer.
    ResetAfter,
    /// Answers with an HTML page of status 200, and does nothing.
    Html,
    /// Carries the request out and answers with the first half of the document, as a whole HTTP
    /// response.
    Truncated,
    /// Carries the request out and breaks the connection off in the middle of the body.
    Broken,
    /// Answers with nothing, under status 200, and does nothing.
    Empty,
    /// Answers with this HTTP status and an HTML page, and does nothing.
    Status(u16),
    /// Carries the request out and answers with so many bytes of spaces after the document.
    Huge(usize),
    /// Carries the request out; the body of the answer takes this long to come, bit by bit.
    Slow(Duration),
    /// Carries the request out and answers after this time.
    DelayReply(Duration),
    /// Carries the request out and leaves the last so many recipients out of the answer.
    Missing(usize),
    /// Refuses the whole request with this code.
    Refuse(i32),
    /// Refuses this number with this code, in a request that has it.
    RefuseRecipient(String, i32),
}

impl Fault {
    /// For this many requests.
    pub fn times(self, times: u32) -> Injection {
        Injection::from(self).times(times)
    }

    /// For all requests, until the faults are cleared.
    pub fn forever(self) -> Injection {
        Injection::from(self).forever()
    }

    /// For requests of this method: `sms/status`, or `*` for any.
    pub fn on(self, method: impl Into<String>) -> Injection {
        Injection::from(self).on(method)
    }

    /// Carries the request out before [`Html`](Self::Html), [`Empty`](Self::Empty) or
    /// [`Status`](Self::Status) hides it. The other faults say themselves whether they do.
    pub fn after_accept(self) -> Injection {
        Injection::from(self).after_accept()
    }
}

/// A [`Fault`], and which requests it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    pub(crate) fault: Fault,
    pub(crate) method: String,
    /// How many requests are left; `None` for all.
    pub(crate) left: Option<u32>,
    pub(crate) after_accept: bool,
}

impl From<Fault> for Injection {
    fn from(fault: Fault) -> Self {
        Self { fault, method: "sms/send".to_owned(), left: Some(1), after_accept: false }
    }
}

impl Injection {
    /// For this many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// For all requests, until the faults are cleared.
    pub fn forever(mut self) -> Self {
        self.left = None;
        self
    }

    /// For requests of this method: `sms/status`, or `*` for any.
    pub fn on(mut self, method: impl Into<String>) -> Self {
        self.method = method.into();
        self
    }

    /// See [`Fault::after_accept`].
    pub fn after_accept(mut self) -> Self {
        self.after_accept = true;
        self
    }

    /// Whether the request is carried out.
    pub(crate) const fn accepts(&self) -> bool {
        use Fault::{Empty, Html, Refuse, ResetBefore, SilentBeforeAccept, Status};
        match self.fault {
            Html | Empty | Status(_) => self.after_accept,
            SilentBeforeAccept | ResetBefore | Refuse(_) => false,
            _ => true,
        }
    }
}

/// The faults that wait for their requests, in the order they were injected.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Injection>);

/// What one request gets: refusals of recipients, and at most one fault of another kind.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) fault: Option<Injection>,
    pub(crate) refusals: Vec<(u64, i32)>,
}

impl Faults {
    pub(crate) fn add(&mut self, injection: Injection) {
        self.0.push(injection);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> &[Injection] {
        &self.0
    }

    /// Takes the faults of a request of this method with these numbers.
    pub(crate) fn take(&mut self, method: &str, numbers: &[u64]) -> Plan {
        let mut plan = Plan::default();
        for injection in &mut self.0 {
            if injection.left == Some(0) || (injection.method != method && injection.method != "*")
            {
                continue;
            }
            if let Fault::RefuseRecipient(to, code) = &injection.fault {
                let Some(number) = crate::simulator::phone::Phone::read(to)
                    .number
                    .filter(|to| numbers.contains(to))
                else {
                    continue;
                };
                plan.refusals.push((number, *code));
            } else if plan.fault.is_none() {
                plan.fault = Some(injection.clone());
            } else {
                continue;
            }
            injection.left = injection.left.map(|left| left - 1);
        }
        self.0.retain(|injection| injection.left != Some(0));
        plan
    }
}
