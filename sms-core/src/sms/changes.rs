//! Notice of new events to those who wait for a message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::event_stream::LogReader;
use crate::error::Result;
use crate::message::MessageId;
use crate::store::{Archive, EventsRequest, LogEndRequest};
use crate::supervise::survive_panic;

/// Number of events per read.
const PAGE: usize = 1000;

/// Notifies of new events of single messages.
///
/// All who wait share one reader of the event log, so that a thousand of them cost no more than
/// one. It runs only while someone waits.
#[derive(Debug)]
pub(super) struct Changes {
    archive: Arc<dyn Archive>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Position up to which the log is read.
    position: u64,
    is_reading: bool,
    waiting: HashMap<MessageId, watch::Sender<()>>,
}

impl Changes {
    /// Begins at the end of the log.
    pub(super) async fn open(archive: Arc<dyn Archive>) -> Result<Arc<Self>> {
        let position = archive.log_end(&LogEndRequest::new()).await?.position;
        let state = State { position, is_reading: false, waiting: HashMap::new() };
        Ok(Arc::new(Self { archive, state: Mutex::new(state) }))
    }

    async fn end(&self) -> Result<u64> {
        Ok(self.archive.log_end(&LogEndRequest::new()).await?.position)
    }

    /// Subscribes to a message: the receiver changes with each event that is logged from now on.
    pub(super) async fn subscribe(self: &Arc<Self>, id: MessageId) -> Result<watch::Receiver<()>> {
        let (is_reading, position) = {
            let state = self.lock();
            (state.is_reading, state.position)
        };
        // What was logged while nobody waited need not be read.
        let position = if is_reading { position } else { self.end().await? };
        let mut state = self.lock();
        state.position = state.position.max(position);
        let sender = state.waiting.entry(id).or_insert_with(|| watch::Sender::new(()));
        let receiver = sender.subscribe();
        if !state.is_reading {
            state.is_reading = true;
            let changes = Arc::clone(self);
            tokio::spawn(async move {
                while survive_panic("read the event log", changes.read()).await.is_none() {}
            });
        }
        Ok(receiver)
    }

    /// Reads the log until nobody waits.
    async fn read(&self) {
        let request = EventsRequest::new(self.lock().position, PAGE);
        let mut reader = LogReader::new(Arc::clone(&self.archive), request);
        loop {
            // After an error the reader repeats its read. The worker, which uses the same store,
            // reports the outage.
            let events = reader.next_page().await.map_or_else(|_| Vec::new(), |page| page.events);
            let mut state = self.lock();
            state.position = state.position.max(reader.position());
            for event in events {
                if let Some(sender) = state.waiting.get(&event.message_id) {
                    sender.send_replace(());
                }
            }
            state.waiting.retain(|_, sender| sender.receiver_count() > 0);
            if state.waiting.is_empty() {
                state.is_reading = false;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
