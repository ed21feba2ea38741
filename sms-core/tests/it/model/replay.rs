//! Replay of the path to every state of the model in a real store: both must reach the same state.

use std::sync::Arc;
use std::time::Duration;

use sms_core::message::prepare::MAX_DEADLINE;
use sms_core::store::{
    Archive, BeginRequest, ExpireRequest, InsertRequest, MessageRequest, RescueRequest, Settlement,
};
use sms_core::{
    ManualClock, MemoryStore, Message, MessageId, OnUnknown, OutcomeClass, Status, Store,
};

use super::{Action, Attempt, MAX_ATTEMPTS, Model, Mutation, State, explore, outcome};

const LEASE: Duration = Duration::from_hours(1);
/// Longer than any delay before a retry or a resend.
const WAIT: Duration = Duration::from_mins(1);

/// A worker as the store knows it.
#[derive(Default)]
struct Hand {
    lives: usize,
    batch: u64,
    begun: Option<Attempt>,
    class: Option<OutcomeClass>,
}

struct Replay {
    model: Model,
    clock: Arc<ManualClock>,
    store: MemoryStore,
    id: MessageId,
    hands: [Hand; 2],
}

impl Replay {
    async fn new(model: Model) -> Self {
        let clock = ManualClock::new(crate::support::START_MS);
        let store = MemoryStore::new().clock(clock.clone());
        let message = Message::new("+79251234567", "hi").on_unknown(model.policy);
        let messages =
            [message.max_attempts(MAX_ATTEMPTS).deadline(MAX_DEADLINE).prepare().unwrap()];
        store.insert(InsertRequest::new(&messages)).await.unwrap();
        Self { model, clock, store, id: messages[0].id, hands: Default::default() }
    }

    async fn step(&mut self, action: Action) {
        match action {
            Action::Offer | Action::Lose | Action::Double => {}
            Action::Deadline => self.clock.advance(MAX_DEADLINE),
            Action::Expire => {
                assert_eq!(self.store.expire(ExpireRequest::new(10)).await.unwrap(), [self.id]);
            }
            Action::Rescue => {
                self.clock.advance(LEASE);
                assert_eq!(self.store.rescue(RescueRequest::new(10)).await.unwrap(), [self.id]);
            }
            Action::Pull(worker) => self.hands[worker].batch += 1,
            Action::Begin(worker, answered) => self.begin(worker, answered).await,
            Action::Submit(worker, class, _) => self.hands[worker].class = Some(class),
            Action::Settle(worker, _) => self.settle(worker).await,
            Action::Crash(worker) => self.hands[worker].lives += 1,
        }
    }

    async fn begin(&mut self, worker: usize, answered: bool) {
        self.clock.advance(WAIT);
        let hand = &mut self.hands[worker];
        let name = format!("worker-{worker}-{}", hand.lives);
        let ids = [self.id];
        let request = BeginRequest::new(&ids, &name, hand.batch, "model", LEASE);
        let begun = self.store.begin(request).await.unwrap();
        if answered {
            hand.begun = begun.first().map(|begun| Attempt {
                fence: usize::try_from(begun.fence).unwrap(),
                counted: begun.attempt.attempt,
                resends: begun.attempt.resends,
            });
        }
    }

    async fn settle(&mut self, worker: usize) {
        let Hand { begun: Some(attempt), class: Some(class), .. } = self.hands[worker] else {
            panic!("the model settles what the store never began")
        };
        let settlement = Settlement::new(
            self.id,
            u32::try_from(attempt.fence).unwrap(),
            "model".to_owned(),
            outcome(class),
            self.model.verdict(attempt, class),
        );
        self.store.settle(&[settlement]).await.unwrap();
    }

    /// Guard of `begin`: no other worker can begin a message that is not queued.
    async fn assert_no_stranger_begins(&self) {
        let ids = [self.id];
        let request = BeginRequest::new(&ids, "stranger", 1, "model", LEASE);
        assert_eq!(self.store.begin(request).await.unwrap(), []);
    }

    async fn assert_is(&self, state: &State) {
        let real = self.store.get(&MessageRequest::new(self.id)).await.unwrap().unwrap().state;
        let real = (real.status, usize::try_from(real.fence).unwrap(), real.attempts, real.resends);
        assert_eq!(real, (state.status, state.fence, state.counted, state.resends), "{state:?}");
    }
}

#[tokio::test]
async fn the_model_and_the_store_come_to_the_same_states() {
    for policy in [OnUnknown::Hold, OnUnknown::ResendOnce] {
        let model = Model { policy, mutation: Mutation::None };
        let explored = explore(model).unwrap_or_else(|why| panic!("{why}"));
        // Every path is the beginning of the path to a leaf, and each step is compared.
        for state in explored.leaves() {
            let mut replay = Replay::new(model).await;
            for (action, after) in explored.path(&state) {
                replay.step(action).await;
                if after.status != Status::Queued {
                    replay.assert_no_stranger_begins().await;
                }
                replay.assert_is(&after).await;
            }
        }
    }
}
