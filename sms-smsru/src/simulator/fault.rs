//! Faults that tests inject.

use std::time::Duration;

/// A fault of a request.
///
/// It applies once, to the next request of `sms/send`, unless it is changed by
/// [`times`](Self::times), [`forever`](Self::forever), [`on`](Self::on) or
/// [`after_accept`](Self::after_accept).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Carries the request out and never replies.
    SilentAfterAccept,
    /// Never replies, and does not carry the request out.
    SilentBeforeAccept,
    /// Resets the connection, and does not carry the request out.
    ResetBefore,
    /// Carries the request out and resets the connection instead of a reply.
    ResetAfter,
    /// Replies with an HTML page and status 200, and does not carry the request out.
    Html,
    /// Carries the request out and replies with the first half of the document, as a complete HTTP
    /// response.
    Truncated,
    /// Carries the request out and closes the connection in the middle of the body.
    Broken,
    /// Replies with an empty body and status 200, and does not carry the request out.
    Empty,
    /// Replies with this HTTP status and an HTML page, and does not carry the request out.
    Status(u16),
    /// Carries the request out and replies with this many spaces after the document.
    Huge(usize),
    /// Carries the request out and sends the body of the reply piece by piece over this time.
    Slow(Duration),
    /// Carries the request out and replies after this time.
    DelayReply(Duration),
    /// Carries the request out and omits this many recipients at the end of the reply.
    Missing(usize),
    /// Refuses the whole request with this code.
    Refuse(i32),
    /// Refuses this number with this code, in the next request that contains it.
    RefuseRecipient(String, i32),
}

impl Fault {
    /// Applies the fault to this many requests.
    pub fn times(self, times: u32) -> Injection {
        Injection::from(self).times(times)
    }

    /// Applies the fault to all requests, until the faults are cleared.
    pub fn forever(self) -> Injection {
        Injection::from(self).forever()
    }

    /// Applies the fault to requests of this method, for example `sms/status`; `*` means any
    /// method.
    pub fn on(self, method: impl Into<String>) -> Injection {
        Injection::from(self).on(method)
    }

    /// Carries the request out before [`Html`](Self::Html), [`Empty`](Self::Empty) or
    /// [`Status`](Self::Status). It has no effect on other faults.
    pub fn after_accept(self) -> Injection {
        Injection::from(self).after_accept()
    }
}

/// A [`Fault`] with the requests it applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    pub(crate) fault: Fault,
    pub(crate) method: String,
    /// The number of requests left; `None` for all.
    pub(crate) left: Option<u32>,
    pub(crate) after_accept: bool,
}

impl From<Fault> for Injection {
    fn from(fault: Fault) -> Self {
        Self { fault, method: "sms/send".to_owned(), left: Some(1), after_accept: false }
    }
}

impl Injection {
    /// Applies the fault to this many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// Applies the fault to all requests, until the faults are cleared.
    pub fn forever(mut self) -> Self {
        self.left = None;
        self
    }

    /// Applies the fault to requests of this method, for example `sms/status`; `*` means any
    /// method.
    pub fn on(mut self, method: impl Into<String>) -> Self {
        self.method = method.into();
        self
    }

    /// Carries the request out first; see [`Fault::after_accept`].
    pub fn after_accept(mut self) -> Self {
        self.after_accept = true;
        self
    }

    /// Checks if the request is carried out.
    pub(crate) const fn accepts(&self) -> bool {
        use Fault::{Empty, Html, Refuse, ResetBefore, SilentBeforeAccept, Status};
        match self.fault {
            Html | Empty | Status(_) => self.after_accept,
            SilentBeforeAccept | ResetBefore | Refuse(_) => false,
            _ => true,
        }
    }
}

/// The injected faults that are left, in the order of injection.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Injection>);

/// The faults of one request: refusals of recipients, and at most one other fault.
#[derive(Debug, Default)]
pub(crate) struct RequestFaults {
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

    /// Takes the faults for a request of this method with these numbers.
    pub(crate) fn take(&mut self, method: &str, numbers: &[u64]) -> RequestFaults {
        let mut faults = RequestFaults::default();
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
                faults.refusals.push((number, *code));
            } else if faults.fault.is_none() {
                faults.fault = Some(injection.clone());
            } else {
                continue;
            }
            injection.left = injection.left.map(|left| left - 1);
        }
        self.0.retain(|injection| injection.left != Some(0));
        faults
    }
}
