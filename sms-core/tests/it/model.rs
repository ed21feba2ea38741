//! A small exhaustive model: one message, two workers, a queue that loses and duplicates jobs,
//! leases that end at any time, crashes at any step. Every reachable state keeps the guarantees,
//! and each of six mutations breaks one.
//!
//! The model follows the code: verdicts are those of [`decide`], transitions are looked up in
//! [`TRANSITIONS`], and the path to every state is replayed in a
//! [`MemoryStore`](sms_core::MemoryStore) too (see [`replay`]).

mod replay;

use std::collections::{HashMap, HashSet, VecDeque};

use sms_core::store::decision::{AttemptState, Verdict, decide};
use sms_core::store::status::{Actor, TRANSITIONS};
use sms_core::{OnUnknown, Outcome, OutcomeClass, RetryPolicy, Status};

/// Two counted attempts, and one resend or one blocked attempt: no run needs more.
const MAX_ATTEMPTS: u32 = 2;
const FENCES: usize = 3;

/// Progress of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Work {
    Idle,
    /// It has the id from the queue and no answer of `begin` yet.
    Pulled,
    /// It may submit this attempt.
    Begun(Attempt),
    /// It has the outcome and must record it.
    Answered(Attempt, OutcomeClass),
}

/// Answer of `begin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Attempt {
    fence: usize,
    counted: u32,
    resends: u32,
}

/// State of the whole model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    status: Status,
    fence: usize,
    counted: u32,
    resends: u32,
    /// The worker that began the attempt in its current batch.
    owner: Option<usize>,
    /// The recorded outcome of each attempt.
    recorded: [Option<OutcomeClass>; FENCES],
    past_deadline: bool,
    /// Copies of the id in the queue.
    queue: u8,
    workers: [Work; 2],
    /// Number of acceptances by the provider.
    accepted: u32,
}

/// One step of any actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Offer,
    Lose,
    Double,
    Deadline,
    Expire,
    Rescue,
    Pull(usize),
    /// With its answer or without.
    Begin(usize, bool),
    /// The outcome that the worker gets, and true if the provider has accepted the message.
    Submit(usize, OutcomeClass, bool),
    Settle(usize, bool),
    Crash(usize),
}

/// A wrong design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    None,
    RescuerPutsSendingBackToQueued,
    SendBeforeRecording,
    TimeoutIsTreatedAsRetry,
    NoCaretaker,
    BeginWithoutCompareAndSet,
    SettleWithoutFence,
}

/// A policy and a design.
#[derive(Clone, Copy, Debug)]
struct Model {
    policy: OnUnknown,
    mutation: Mutation,
}

impl State {
    const START: Self = Self {
        status: Status::Queued,
        fence: 0,
        counted: 0,
        resends: 0,
        owner: None,
        recorded: [None; FENCES],
        past_deadline: false,
        queue: 1,
        workers: [Work::Idle; 2],
        accepted: 0,
    };

    fn is_visible_end(&self) -> bool {
        !matches!(self.status, Status::Queued | Status::Sending)
    }

    fn attempt(&self) -> Attempt {
        Attempt { fence: self.fence, counted: self.counted, resends: self.resends }
    }

    fn record_answer(&mut self, worker: usize, class: OutcomeClass, accepted: bool) {
        let Work::Begun(attempt) = self.workers[worker] else { unreachable!("nothing was begun") };
        self.accepted += u32::from(accepted);
        self.set_worker(worker, Work::Answered(attempt, class));
    }

    fn set_worker(&mut self, worker: usize, work: Work) {
        self.workers[worker] = work;
        if work == Work::Idle && self.owner == Some(worker) {
            // Its next batch has another number, and its successor another name.
            self.owner = None;
        }
    }
}

/// The outcome of this class, as the provider gives it.
fn outcome(class: OutcomeClass) -> Outcome {
    match class {
        OutcomeClass::Accepted => Outcome::accepted("1"),
        OutcomeClass::Rejected => Outcome::rejected(202, "bad number"),
        OutcomeClass::Deferred => Outcome::deferred(220, "busy"),
        OutcomeClass::Blocked => Outcome::blocked(201, "no money"),
        OutcomeClass::NotSent => Outcome::not_sent("refused"),
        OutcomeClass::Unknown => Outcome::unknown("timeout"),
    }
}

impl Model {
    fn is(self, mutation: Mutation) -> bool {
        self.mutation == mutation
    }

    fn verdict(self, attempt: Attempt, class: OutcomeClass) -> Verdict {
        let Attempt { counted, resends, .. } = attempt;
        let state = AttemptState::new(counted, MAX_ATTEMPTS, resends, self.policy);
        let retried = self.is(Mutation::TimeoutIsTreatedAsRetry) && class == OutcomeClass::Unknown;
        let class = if retried { OutcomeClass::NotSent } else { class };
        decide(state, &outcome(class), &RetryPolicy::default(), 0.0)
    }

    /// Every step that is possible here.
    fn actions(self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut may = |action, possible| {
            if possible {
                actions.push(action);
            }
        };
        let caretaker = !self.is(Mutation::NoCaretaker);
        let queued = state.status == Status::Queued;
        may(Action::Offer, caretaker && queued && state.queue < 2);
        may(Action::Expire, caretaker && queued && state.past_deadline);
        may(Action::Rescue, caretaker && state.status == Status::Sending);
        may(Action::Deadline, !state.past_deadline);
        may(Action::Lose, state.queue > 0);
        may(Action::Double, state.queue == 1);
        for (worker, work) in state.workers.into_iter().enumerate() {
            may(Action::Pull(worker), work == Work::Idle && state.queue > 0);
            for answered in [true, false] {
                may(Action::Begin(worker, answered), work == Work::Pulled);
                may(Action::Settle(worker, answered), matches!(work, Work::Answered(..)));
            }
            if let Work::Begun(attempt) = work {
                self.actions_of_provider(worker, attempt, &mut may);
            }
        }
        // Crashes come last: if a step and a crash lead to the same state, the replay uses the
        // step.
        for (worker, work) in state.workers.into_iter().enumerate() {
            may(Action::Crash(worker), work != Work::Idle);
        }
        actions
    }

    /// Possible reactions of the provider to an attempt, with the outcomes that the worker gets.
    fn actions_of_provider(
        self,
        worker: usize,
        attempt: Attempt,
        may: &mut impl FnMut(Action, bool),
    ) {
        let answers = [
            (OutcomeClass::Accepted, true),
            (OutcomeClass::Unknown, true),
            (OutcomeClass::Unknown, false),
            (OutcomeClass::NotSent, false),
            (OutcomeClass::Rejected, false),
        ];
        for (class, accepted) in answers {
            may(Action::Submit(worker, class, accepted), true);
        }
        // A blocked attempt is not counted. Once, and under one policy, keeps the model small.
        let blocked = attempt.fence == 1 && self.policy == OnUnknown::Hold;
        may(Action::Submit(worker, OutcomeClass::Blocked, false), blocked);
    }

    /// The state after this step, and its actor.
    fn step(self, mut state: State, action: Action) -> (State, Option<Actor>) {
        let mut actor = None;
        match action {
            Action::Offer | Action::Double => state.queue += 1,
            Action::Lose => state.queue -= 1,
            Action::Deadline => state.past_deadline = true,
            Action::Expire => {
                state.status = if state.resends > 0 { Status::Unknown } else { Status::Expired };
                actor = Some(Actor::Caretaker);
            }
            Action::Rescue => {
                self.rescue(&mut state);
                actor = Some(Actor::Caretaker);
            }
            Action::Pull(worker) => {
                state.queue -= 1;
                state.set_worker(worker, Work::Pulled);
            }
            Action::Begin(worker, answered) => actor = self.begin(&mut state, worker, answered),
            Action::Submit(worker, class, accepted) => state.record_answer(worker, class, accepted),
            Action::Settle(worker, answered) => actor = self.settle(&mut state, worker, answered),
            Action::Crash(worker) => state.set_worker(worker, Work::Idle),
        }
        (state, actor)
    }

    fn rescue(self, state: &mut State) {
        if self.is(Mutation::RescuerPutsSendingBackToQueued) {
            state.status = Status::Queued;
        } else if state.resends < self.policy.resends() && !state.past_deadline {
            state.status = Status::Queued;
            state.resends += 1;
        } else {
            state.status = Status::Unknown;
        }
    }

    fn begin(self, state: &mut State, worker: usize, answered: bool) -> Option<Actor> {
        let due = state.status == Status::Queued && !state.past_deadline;
        let mut actor = None;
        let begun = if self.is(Mutation::SendBeforeRecording) {
            due
        } else if due || (self.is(Mutation::BeginWithoutCompareAndSet) && state.fence < FENCES) {
            state.status = Status::Sending;
            state.fence += 1;
            state.counted += 1;
            state.owner = Some(worker);
            actor = Some(Actor::Worker);
            true
        } else {
            state.status == Status::Sending && state.owner == Some(worker)
        };
        if answered {
            let work = if begun { Work::Begun(state.attempt()) } else { Work::Idle };
            state.set_worker(worker, work);
        }
        actor
    }

    fn settle(self, state: &mut State, worker: usize, answered: bool) -> Option<Actor> {
        let Work::Answered(attempt, class) = state.workers[worker] else {
            unreachable!("nothing to settle")
        };
        let unfenced = self.is(Mutation::SettleWithoutFence);
        let unrecorded = self.is(Mutation::SendBeforeRecording);
        let known = !unfenced && !unrecorded && state.recorded[attempt.fence - 1] == Some(class);
        let (held, fenced) = if unrecorded {
            (state.status == Status::Queued, true)
        } else {
            (state.status == Status::Sending, unfenced || state.fence == attempt.fence)
        };
        let mut actor = None;
        if !known {
            if !unrecorded {
                state.recorded[attempt.fence - 1] = Some(class);
            }
            if held && fenced {
                apply(state, self.verdict(attempt, class));
                actor = Some(Actor::Owner);
            } else {
                apply_late(state, attempt, class);
                actor = Some(Actor::Late);
            }
        }
        if answered {
            state.set_worker(worker, Work::Idle);
        }
        actor
    }

    /// The guarantee that this state violates, if any.
    fn violation(self, state: &State) -> Option<&'static str> {
        let State { status, accepted, resends, .. } = *state;
        if accepted > 1 + resends {
            Some("accepted more often than its resends explain")
        } else if resends > self.policy.resends() {
            Some("resent more often than the policy allows")
        } else if matches!(status, Status::Failed | Status::Expired) && accepted > 0 {
            Some("accepted, but recorded as not accepted")
        } else {
            None
        }
    }
}

/// Effect of the owner's verdict.
fn apply(state: &mut State, verdict: Verdict) {
    state.status = match verdict {
        Verdict::Sent | Verdict::SentBefore => Status::Sent,
        Verdict::Failed => Status::Failed,
        Verdict::Retry { counted, .. } => {
            state.counted -= u32::from(!counted);
            Status::Queued
        }
        Verdict::Resend { .. } if !state.past_deadline => {
            state.resends += 1;
            Status::Queued
        }
        Verdict::Unknown | Verdict::Resend { .. } => Status::Unknown,
    };
}

/// Effect of a late outcome.
fn apply_late(state: &mut State, attempt: Attempt, class: OutcomeClass) {
    let same = state.fence == attempt.fence;
    if class == OutcomeClass::Accepted {
        state.status = state.status.after_late_acceptance().unwrap_or(state.status);
    } else if class == OutcomeClass::Rejected
        && same
        && state.status == Status::Unknown
        && state.resends == 0
    {
        state.status = Status::Failed;
    }
}

/// All reachable states, each with the step that led to it.
struct Explored {
    came_from: HashMap<State, Option<(State, Action)>>,
    edges: Vec<(State, State)>,
}

impl Explored {
    fn path(&self, to: &State) -> Vec<(Action, State)> {
        let (mut path, mut at) = (Vec::new(), *to);
        while let Some((before, action)) = self.came_from[&at] {
            path.push((action, at));
            at = before;
        }
        path.reverse();
        path
    }

    /// The states that no other state is first reached from.
    fn leaves(&self) -> Vec<State> {
        let inner: HashSet<State> =
            self.came_from.values().flatten().map(|(before, _)| *before).collect();
        self.came_from.keys().filter(|state| !inner.contains(*state)).copied().collect()
    }

    fn way(&self, to: &State) -> Vec<Action> {
        self.path(to).into_iter().map(|(action, _)| action).collect()
    }
}

/// Explores breadth first; ends at the first violation, with the path to it.
fn explore(model: Model) -> Result<Explored, String> {
    let mut explored =
        Explored { came_from: HashMap::from([(State::START, None)]), edges: Vec::new() };
    let mut open = VecDeque::from([State::START]);
    while let Some(state) = open.pop_front() {
        if let Some(why) = model.violation(&state) {
            return Err(format!("{why}: {:?} to {state:?}", explored.way(&state)));
        }
        for action in model.actions(&state) {
            let (next, actor) = model.step(state, action);
            assert!(
                model.mutation != Mutation::None || in_table(&state, &next, actor),
                "{action:?}: {state:?}"
            );
            explored.edges.push((state, next));
            explored.came_from.entry(next).or_insert_with(|| {
                open.push_back(next);
                Some((state, action))
            });
        }
    }
    stuck(&explored).map_or(Ok(explored), Err)
}

/// Returns true if the table has this transition for this actor.
fn in_table(from: &State, to: &State, actor: Option<Actor>) -> bool {
    let listed = |row: &&sms_core::store::status::Transition| {
        row.from == Some(from.status) && row.to == to.status && Some(row.by) == actor
    };
    from.status == to.status || TRANSITIONS.iter().any(|row| listed(&row))
}

/// A state from which no visible end can be reached.
fn stuck(explored: &Explored) -> Option<String> {
    let mut before: HashMap<State, Vec<State>> = HashMap::new();
    for (from, to) in &explored.edges {
        before.entry(*to).or_default().push(*from);
    }
    let mut open: Vec<State> =
        explored.came_from.keys().filter(|state| state.is_visible_end()).copied().collect();
    let mut ends: HashSet<State> = open.iter().copied().collect();
    while let Some(state) = open.pop() {
        let news = before.get(&state).into_iter().flatten().filter(|from| ends.insert(**from));
        open.extend(news);
    }
    let lost = explored.came_from.keys().find(|state| !ends.contains(*state))?;
    Some(format!("stuck: {:?}", explored.way(lost)))
}

#[test]
fn every_reachable_state_keeps_the_guarantees() {
    for (policy, least) in [(OnUnknown::Hold, 1_000), (OnUnknown::ResendOnce, 5_000)] {
        let explored = explore(Model { policy, mutation: Mutation::None })
            .unwrap_or_else(|why| panic!("{why}"));
        assert!(
            explored.came_from.len() > least,
            "{policy:?}: only {} states",
            explored.came_from.len()
        );
    }
}

/// The mutated design must break under this policy.
fn assert_breaks(mutation: Mutation, policy: OnUnknown, how: &str) {
    let why = explore(Model { policy, mutation })
        .err()
        .expect("the mutation does no harm: the model shows nothing");
    assert!(why.starts_with(how), "{why}");
}

#[test]
fn a_rescuer_that_puts_sending_back_to_queued_sends_twice() {
    assert_breaks(Mutation::RescuerPutsSendingBackToQueued, OnUnknown::Hold, "accepted");
}

#[test]
fn sending_before_recording_sends_twice() {
    assert_breaks(Mutation::SendBeforeRecording, OnUnknown::Hold, "accepted");
}

#[test]
fn a_timeout_treated_as_a_retry_sends_twice() {
    assert_breaks(Mutation::TimeoutIsTreatedAsRetry, OnUnknown::Hold, "accepted");
}

#[test]
fn without_a_caretaker_messages_are_stuck() {
    assert_breaks(Mutation::NoCaretaker, OnUnknown::Hold, "stuck");
}

#[test]
fn a_begin_without_compare_and_set_sends_twice() {
    assert_breaks(Mutation::BeginWithoutCompareAndSet, OnUnknown::Hold, "accepted");
}

#[test]
fn a_settle_without_a_fence_sends_twice() {
    assert_breaks(Mutation::SettleWithoutFence, OnUnknown::Hold, "accepted");
}
