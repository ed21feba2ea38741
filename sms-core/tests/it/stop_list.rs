//! A worker and the stop-list.

use std::sync::Arc;

use sms_core::stop_list::{NewStop, StopList as _};
use sms_core::{Message, PhoneNumber, Status};

use crate::support::{Reply, World, accept, start};

#[tokio::test(start_paused = true)]
async fn a_message_to_a_stopped_number_fails_without_a_call_and_the_others_of_its_batch_go_out() {
    let world = World::new();
    let witness = world.witness(|_, batch| Reply::Now(accept(batch)));
    let stopped = world.send(Message::new("+79251112233", "hi")).await;
    let others = world.send_many(5).await;
    let number = PhoneNumber::parse("+79251112233").expect("a number");
    world.memory.add(&[NewStop::new(number, "complained", "olga")]).await.expect("added");
    let worker = start(world.worker(Arc::clone(&witness)));
    world.becomes(stopped, Status::Failed).await;
    world.all_become(&others, Status::Sent).await;
    assert_eq!(witness.times(stopped), 0);
    let state = world.state(stopped).await;
    assert_eq!(state.reason.as_deref(), Some("the recipient is on the stop-list"));
    assert_eq!((state.code, state.attempts), (None, 1));
    worker.stop().await;
}
