//! The running simulator and its controls for tests in Rust.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sms_core::{Error, ErrorKind, Money, Result};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::simulator::background;
use crate::simulator::callbacks::post;
use crate::simulator::config::SimulatorConfig;
use crate::simulator::delivery::Delivery;
use crate::simulator::fault::Injection;
use crate::simulator::http::server;
use crate::simulator::log::{Accepted, Call};
use crate::simulator::model::limits::NumberLimits;
use crate::simulator::phone::Phone;
use crate::simulator::shared::Shared;

/// A simulator of sms.ru that serves on loopback until it is dropped.
///
/// ```
/// use sms_core::{MessageId, PhoneNumber, Provider, Submission};
/// use sms_smsru::SmsRu;
/// use sms_smsru::simulator::{Simulator, SimulatorConfig};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let simulator = Simulator::start(SimulatorConfig::default()).await?;
/// let provider = SmsRu::from_url(&simulator.url())?;
/// let to = PhoneNumber::parse("+7 925 507-06-02")?;
/// provider.submit(&[Submission::new(MessageId::new(), to, "Код 1234")]).await;
/// assert_eq!(simulator.accepted()[0].text, "Код 1234");
/// # Ok::<(), sms_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Simulator {
    /// Starts a simulator. Requires a tokio runtime with timers and I/O.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) for an address that is not on loopback,
    /// [`Unavailable`](ErrorKind::Unavailable) for an address that is in use.
    pub async fn start(config: SimulatorConfig) -> Result<Self> {
        if !config.listen.ip().is_loopback() {
            return Err(Error::new(ErrorKind::Config, "the simulator serves on loopback only"));
        }
        let failed =
            |error| Error::unavailable("the simulator cannot listen on its address", error);
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::new(config));
        let tasks = vec![
            tokio::spawn(server::serve(listener, Arc::clone(&shared))),
            tokio::spawn(background::run(Arc::clone(&shared))),
        ];
        Ok(Self { shared, address, tasks })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API id of the account.
    pub fn api_id(&self) -> &str {
        &self.shared.config.api_id
    }

    /// The address for [`SmsRu::from_url`](crate::SmsRu::from_url):
    /// `smsru+http://API_ID@127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        let encoded: String =
            url::form_urlencoded::byte_serialize(self.api_id().as_bytes()).collect();
        // Form encoding writes a space as `+`, but in the address `+` is a plus.
        format!("smsru+http://{}@{}", encoded.replace('+', "%20"), self.address)
    }

    /// Returns all accepted messages in order, also those with a reply that a fault withheld.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.accepted(0)
    }

    /// Returns the accepted messages from this index in the log.
    pub fn accepted_from(&self, from: usize) -> Vec<Accepted> {
        self.shared.accepted(from)
    }

    /// Returns the number of accepted messages.
    pub fn accepted_count(&self) -> usize {
        self.shared.lock().messages.log.len()
    }

    /// Returns all received requests in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls(0)
    }

    /// Counts the received requests of a method: `calls_of("sms/send")`.
    pub fn calls_of(&self, method: &str) -> usize {
        self.shared.lock().calls.iter().filter(|call| call.method == method).count()
    }

    /// Returns the money on the account.
    pub fn balance(&self) -> Money {
        let (state, _) = self.shared.current();
        state.account.balance
    }

    /// Sets the money on the account.
    pub fn set_balance(&self, balance: Money) {
        self.shared.lock().account.balance = balance;
    }

    /// Adds money to the account.
    pub fn add_money(&self, money: Money) {
        self.shared.lock().account.add(money);
    }

    /// Sets the daily limit; see [`SimulatorConfig::daily_limit`].
    pub fn set_daily_limit(&self, limit: Option<u32>) {
        self.shared.lock().account.daily_limit = limit;
    }

    /// Sets the limits per number; see [`SimulatorConfig::number_limits`]. Messages that were sent
    /// without any limit are not counted.
    pub fn set_number_limits(&self, limits: NumberLimits) {
        self.shared.lock().number_limits = limits;
    }

    /// Sets the approved sender names; see [`SimulatorConfig::senders`].
    pub fn set_senders(&self, senders: Vec<String>) {
        self.shared.lock().account.senders = senders;
    }

    /// Sets if a sender name is required; see [`SimulatorConfig::sender_required`].
    pub fn set_sender_required(&self, required: bool) {
        self.shared.lock().account.sender_required = required;
    }

    /// Adds a number to the stop-list: messages to it are refused with 209. Invalid numbers are
    /// ignored.
    pub fn add_to_stop_list(&self, number: &str) {
        if let Some(number) = Phone::read(number).number {
            self.shared.lock().stop_list.add(number, "");
        }
    }

    /// Refuses a number with this code until [`allow`](Self::allow). Invalid numbers are ignored.
    pub fn refuse(&self, number: &str, code: i32) {
        if let Some(number) = Phone::read(number).number {
            self.shared.refuse(number, Some(code));
        }
    }

    /// Ends a [`refuse`](Self::refuse).
    pub fn allow(&self, number: &str) {
        if let Some(number) = Phone::read(number).number {
            self.shared.refuse(number, None);
        }
    }

    /// Injects a [`Fault`](crate::simulator::Fault), also one with modifiers such as
    /// `Fault::Html.times(3).on("sms/status")`.
    pub fn inject(&self, fault: impl Into<Injection>) {
        self.shared.lock().faults.add(fault.into());
    }

    /// Counts the injected faults that are left.
    pub fn faults_left(&self) -> usize {
        self.shared.lock().faults.list().len()
    }

    /// Removes all faults that are left.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Sets the delivery of messages that are accepted from now on.
    pub fn deliver(&self, delivery: Delivery) {
        self.shared.deliver(None, delivery);
    }

    /// Sets the delivery of messages to this number that are accepted from now on. Invalid numbers
    /// are ignored.
    pub fn deliver_to(&self, number: &str, delivery: Delivery) {
        if let Some(number) = Phone::read(number).number {
            self.shared.deliver(Some(number), delivery);
        }
    }

    /// Moves the clock forward. When this returns, all events that became due have happened, and
    /// their callbacks are being sent.
    pub fn advance(&self, by: Duration) {
        self.shared.advance(by);
    }

    /// Returns the time of the simulator in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// Sends every new callback record twice.
    pub fn duplicate_callbacks(&self, duplicates: bool) {
        self.shared.lock().callbacks.duplicates = duplicates;
    }

    /// Sends callback records in random order.
    pub fn shuffle_callbacks(&self, shuffle: bool) {
        self.shared.lock().callbacks.shuffle = shuffle;
    }

    /// Sends all pending callback records at once, and stops for a handler after a failure. Returns
    /// the number of confirmed records.
    pub async fn send_callbacks_now(&self) -> usize {
        post::flush(&self.shared).await
    }

    /// Counts the pending callback records of all handlers.
    pub fn pending_callbacks(&self) -> usize {
        let (state, _) = self.shared.current();
        state.callbacks.pending()
    }

    /// Simulates the call of the user of a `callcheck`. `false` if the check does not wait for a
    /// call.
    pub fn confirm_call(&self, check_id: &str) -> bool {
        self.shared.confirm(check_id)
    }

    /// Restores the initial state, except for the clock. Ids are still not given twice.
    pub fn reset(&self) {
        self.shared.lock().reset(&self.shared.config);
    }

    /// Stops the simulator, closes all connections and waits for the end of its tasks. Dropping it
    /// does the same without waiting.
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            // The error of a task that panicked is of no use here.
            let _ = task.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
