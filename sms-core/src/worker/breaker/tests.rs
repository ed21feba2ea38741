use super::state::{BAD, FIRST_PAUSE, URGENT_PATIENCE, WINDOW};
use super::*;
use crate::error::{ErrorKind, Result};
use crate::provider::failover::Failover;
use crate::provider::recording::RecordingProvider;
use crate::provider::{AccountInfo, Limits, Submission};

/// The code that the account below looks at, and one that it does not.
const COVERED: i32 = 201;
const OTHER: i32 = 999;
const HOUR: Duration = Duration::from_hours(1);

/// A provider with an account that is in order or not, and takes its time to say so.
#[derive(Debug, Default)]
struct WithAccount {
    error: Mutex<Option<&'static str>>,
    takes: Duration,
}

impl WithAccount {
    fn broken() -> Arc<Self> {
        Arc::new(Self { error: Mutex::new(Some("no money")), ..Self::default() })
    }

    fn mend(&self) {
        *self.error.lock().unwrap() = None;
    }
}

#[async_trait::async_trait]
impl Provider for WithAccount {
    fn name(&self) -> &'static str {
        "with account"
    }
    fn limits(&self) -> Limits {
        Limits::new(1, FIRST_PAUSE)
    }
    async fn submit(&self, _: &[Submission]) -> Vec<Outcome> {
        Vec::new()
    }
    fn account(&self) -> Option<&dyn Account> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Account for WithAccount {
    async fn check(&self) -> Result<()> {
        tokio::time::sleep(self.takes).await;
        let error = *self.error.lock().unwrap();
        error.map_or(Ok(()), |reason| Err(Error::new(ErrorKind::Unavailable, reason)))
    }
    fn covers(&self, code: i32) -> bool {
        code == COVERED
    }
    async fn info(&self) -> Result<AccountInfo> {
        self.check().await.map(|()| AccountInfo::default())
    }
}

fn plain() -> Breaker {
    Breaker::new(RecordingProvider::new())
}

/// One that was refused with this code.
fn refused(provider: impl Provider, code: i32) -> Breaker {
    let breaker = Breaker::new(provider);
    breaker.record(&[Outcome::blocked(code, "refused")]);
    breaker
}

/// Does what a worker does while this takes its time.
async fn tended<T>(breaker: &Breaker, work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = work => done,
        () = breaker.tend() => unreachable!("it never ends"),
    }
}

/// Waits for a trial and starts it.
async fn trial(breaker: &Breaker) {
    assert_eq!(tended(breaker, breaker.admit()).await, Admission::One);
    assert!(breaker.start(Admission::One, false).await);
}

fn unknowns(count: usize) -> Vec<Outcome> {
    vec![Outcome::unknown("timeout"); count]
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_unknown_each_for_itself_pause_nothing_and_end_a_trial() {
    let breaker = Breaker::new(RecordingProvider::new());
    let lost = Outcome::unknown("as it was asked to").isolated(true);
    breaker.record(&vec![lost.clone(); 2 * WINDOW]);
    assert!(breaker.pause_reason().is_none());
    breaker.record(&vec![Outcome::unknown("no answer"); WINDOW]);
    assert!(breaker.pause_reason().is_some());
    breaker.retry_now();
    assert_eq!(breaker.admit().await, Admission::One);
    breaker.record(&[lost]);
    assert_eq!(breaker.admit().await, Admission::All);
}

#[tokio::test(start_paused = true)]
async fn one_blocked_answer_pauses_and_one_good_trial_resumes() {
    let breaker = refused(RecordingProvider::new(), COVERED);
    assert_eq!(breaker.pause_reason().map(|pause| pause.code), Some(Some(COVERED)));
    let before = Instant::now();
    trial(&breaker).await;
    assert!(before.elapsed() >= FIRST_PAUSE);
    breaker.record(&[Outcome::accepted("1")]);
    assert_eq!((breaker.admit().await, breaker.pause_reason()), (Admission::All, None));
}

#[tokio::test(start_paused = true)]
async fn half_of_the_last_twenty_unanswered_pauses_and_fewer_do_not() {
    let breaker = plain();
    breaker.record(&unknowns(BAD - 1));
    breaker.record(&vec![Outcome::accepted("1"); WINDOW]);
    breaker.record(&unknowns(BAD - 1));
    assert_eq!(breaker.pause_reason(), None);
    breaker.record(&unknowns(1));
    assert!(breaker.pause_reason().is_some());
}

#[tokio::test(start_paused = true)]
async fn failed_trials_make_pauses_longer_up_to_the_longest() {
    let breaker = refused(RecordingProvider::new(), OTHER);
    let mut lengths = Vec::new();
    for _ in 0..7 {
        let before = Instant::now();
        trial(&breaker).await;
        lengths.push(before.elapsed().as_secs());
        breaker.record(&unknowns(1));
    }
    assert_eq!(lengths, [2, 4, 8, 16, 32, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn no_message_is_spent_while_the_account_check_fails() {
    let breaker = refused(WithAccount::broken(), COVERED);
    assert!(timeout(HOUR, tended(&breaker, breaker.admit())).await.is_err());
    assert_eq!(breaker.pause_reason().map(|pause| pause.reason).as_deref(), Some("no money"));
}

#[tokio::test(start_paused = true)]
async fn a_check_of_the_account_ends_a_pause_within_a_minute_although_nothing_waits_to_be_sent() {
    let provider = WithAccount::broken();
    let breaker = refused(Arc::clone(&provider), COVERED);
    let _ = timeout(HOUR, tended(&breaker, std::future::pending::<()>())).await;
    assert_eq!(breaker.pause_reason().map(|pause| pause.ends_by), Some(EndsBy::AccountCheck));
    provider.mend();
    let _ = timeout(Duration::from_secs(31), tended(&breaker, std::future::pending::<()>())).await;
    assert_eq!((breaker.pause_reason(), breaker.is_unproven()), (None, false));
    assert_eq!(breaker.admit().await, Admission::One, "the first message goes alone");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_only_a_message_can_end_says_so_when_its_time_is_over() {
    for breaker in [plain(), Breaker::new(WithAccount::default())] {
        breaker.record(&[Outcome::blocked(OTHER, "why ever")]);
        let _ = timeout(HOUR, tended(&breaker, std::future::pending::<()>())).await;
        let pause = breaker.pause_reason().expect("still paused");
        assert_eq!((pause.ends_by, pause.until), (EndsBy::NextMessage, None));
    }
}

#[tokio::test(start_paused = true)]
async fn the_account_that_is_checked_is_that_of_the_provider_that_refused() {
    let second = WithAccount::broken();
    let failover = Failover::new(RecordingProvider::new()).then(Arc::clone(&second));
    let breaker = Breaker::new(failover);
    let mut outcome = Outcome::blocked(COVERED, "refused");
    outcome.provider = Some("with account".to_owned());
    breaker.record(&[outcome]);
    let pause = breaker.pause_reason().expect("paused");
    assert_eq!(
        (pause.ends_by, pause.provider.as_deref()),
        (EndsBy::AccountCheck, Some("with account"))
    );
    assert!(
        timeout(HOUR, tended(&breaker, breaker.admit())).await.is_err(),
        "its account is not in order"
    );
    second.mend();
    trial(&breaker).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_pauses_as_silence_does_and_a_refusal_of_one_message_does_not() {
    let (breaker, deferred) = (plain(), Outcome::deferred(220, "busy"));
    breaker.record(&vec![deferred.clone(); WINDOW]);
    assert_eq!(breaker.pause_reason(), None);
    breaker.record(&vec![deferred.outage(true); BAD]);
    assert_eq!(breaker.pause_reason().map(|pause| pause.code), Some(Some(220)));
}

#[tokio::test(start_paused = true)]
async fn a_held_provider_gets_nothing_until_it_is_resumed() {
    let breaker = plain();
    breaker.pause_by("olga", "works at the operator's");
    let pause = breaker.pause_reason().expect("held");
    assert_eq!((pause.by.as_deref(), pause.ends_by), (Some("olga"), EndsBy::Person));
    assert!(!breaker.still_admits(Admission::All) && !breaker.start(Admission::All, true).await);
    assert!(timeout(HOUR, breaker.admit()).await.is_err());
    let (admission, ()) = tokio::join!(breaker.admit(), async { breaker.retry_now() });
    assert_eq!(admission, Admission::All);
}

#[tokio::test(start_paused = true)]
async fn a_persons_resume_ends_the_pause_at_once_and_says_that_nothing_is_proven() {
    let breaker = refused(WithAccount::broken(), COVERED);
    breaker.retry_now();
    assert_eq!((breaker.pause_reason(), breaker.is_unproven()), (None, true));
    let before = Instant::now();
    trial(&breaker).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    breaker.record(&[Outcome::accepted("1")]);
    assert!(!breaker.is_unproven());
}

#[tokio::test(start_paused = true)]
async fn a_success_elsewhere_ends_a_pause_that_began_before_and_no_other() {
    for code in [COVERED, OTHER] {
        let breaker = refused(WithAccount::broken(), code);
        let _ = timeout(HOUR, tended(&breaker, std::future::pending::<()>())).await;
        let at = breaker.pause_reason().expect("paused").at;
        breaker.served_elsewhere(at);
        assert!(breaker.pause_reason().is_some(), "the success came before the refusal");
        breaker.served_elsewhere(at + Duration::from_millis(1));
        assert_eq!((breaker.pause_reason(), breaker.is_unproven()), (None, false));
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_call_is_waited_for_and_no_other_is() {
    let breaker = plain();
    assert!(breaker.start(Admission::All, false).await);
    let second = timeout(Duration::from_secs(10), breaker.start(Admission::All, false)).await;
    assert!(second.is_err(), "a second call was let through before the outcome of the first");
    assert!(timeout(Duration::from_secs(10), breaker.admit()).await.is_err());
    breaker.record(&[Outcome::accepted("1")]);
    assert!(timeout(Duration::ZERO, breaker.start(Admission::All, false)).await.expect("no wait"));
}

#[tokio::test(start_paused = true)]
async fn an_urgent_call_waits_a_second_for_the_first_one_and_no_refusal_is_asked_for_twice() {
    for breaker in [plain(), refused(RecordingProvider::new(), OTHER)] {
        tended(&breaker, breaker.admit()).await;
        assert!(breaker.start(Admission::One, false).await);
        let before = Instant::now();
        assert!(!breaker.admits_urgent());
        assert!(breaker.start(Admission::One, true).await);
        assert_eq!(before.elapsed(), URGENT_PATIENCE);
        assert!(breaker.still_admits(Admission::One));
        breaker.record(&[Outcome::blocked(OTHER, "refused")]);
        assert!(!breaker.still_admits(Admission::One), "it had not been submitted yet");
        assert!(!breaker.start(Admission::One, true).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_does_not_wait_for_an_account_that_takes_its_time_to_answer() {
    let slow = WithAccount { takes: Duration::from_secs(15), ..WithAccount::default() };
    let breaker = refused(slow, COVERED);
    let urgent = async {
        while !breaker.admits_urgent() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        breaker.start(Admission::One, true).await
    };
    let before = Instant::now();
    assert!(tended(&breaker, urgent).await);
    assert!(before.elapsed() <= FIRST_PAUSE + URGENT_PATIENCE + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_did_not_take_place_leaves_its_turn_to_the_next() {
    let breaker = plain();
    assert!(breaker.start(Admission::All, false).await);
    breaker.call_off(Admission::All);
    assert!(timeout(Duration::ZERO, breaker.start(Admission::All, false)).await.expect("no wait"));
}

#[tokio::test(start_paused = true)]
async fn a_late_success_of_a_call_begun_before_does_not_end_the_pause() {
    let breaker = plain();
    breaker.record(&[Outcome::blocked(201, "no money"), Outcome::accepted("1")]);
    assert!(breaker.pause_reason().is_some());
}
