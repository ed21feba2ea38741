//! State of the clients that are being served, by their ids.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// One `T` for each client. It is dropped when a new client comes and no request holds it any more.
#[derive(Debug)]
pub(crate) struct PerClient<T>(Mutex<HashMap<Arc<str>, Arc<T>>>);

impl<T> Default for PerClient<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> PerClient<T> {
    /// The state of this client, which `make` creates if there is none.
    pub(crate) fn of(&self, client: &Arc<str>, make: impl FnOnce() -> T) -> Arc<T> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(client) {
            return Arc::clone(known);
        }
        // Without this the map would grow with every client that was ever served.
        clients.retain(|_, known| Arc::strong_count(known) > 1);
        let state = Arc::new(make());
        clients.insert(Arc::clone(client), Arc::clone(&state));
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_keeps_its_state_while_somebody_holds_it_and_not_longer() {
        let clients = PerClient::default();
        let held = clients.of(&"a".into(), || 1);
        clients.of(&"b".into(), || 2);
        assert_eq!(*clients.of(&"c".into(), || 3), 3);
        assert_eq!(*clients.of(&"a".into(), || 4), *held);
        assert_eq!(clients.0.lock().unwrap().len(), 2, "b has gone");
    }
}
