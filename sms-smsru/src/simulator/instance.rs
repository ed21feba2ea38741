//! The running simulator, as tests in Rust hold it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sms_core::{Error, ErrorKind, Money, Result};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::simulator::callbacks::post;
use crate::simulator::config::SimulatorConfig;
use crate::simulator::delivery::Delivery;
use crate::simulator::fault::Injection;
use crate::simulator::http::server;
use crate::simulator::log::{Accepted, Call};
use crate::simulator::model::limits::NumberLimits;
use crate::simulator::phone::Phone;
use crate::simulator::shared::{self, Shared};

/// A stand-in for sms.ru that serves on loopback until it is dropped.
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
    /// Starts to serve. Needs a tokio runtime with timers and I/O.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) for an address that is not on loopback,
    /// [`Unavailable`](ErrorKind::Unavailable) for one that cannot be had.
    pub async fn start(config: SimulatorConfig) -> Result<Self> {
        if !config.listen.ip().is_loopback() {
            return Err(Error::new(ErrorKind::Config, "the simulator serves on loopback only"));
        }
        let taken = |error| Error::unavailable("the simulator's address cannot be had", error);
        let listener = TcpListener::bind(config.listen).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let shared = Arc::new(Shared::new(config));
        let tasks = vec![
            tokio::spawn(server::serve(listener, Arc::clone(&shared))),
            tokio::spawn(shared::drive(Arc::clone(&shared))),
        ];
        Ok(Self { shared, address, tasks })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API id of its account.
    pub fn api_id(&self) -> &str {
        &self.shared.config.api_id
    }

    /// The address for [`SmsRu::from_url`](crate::SmsRu::from_url):
    /// `smsru+http://API_ID@127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        let encoded: String =
            url::form_urlencoded::byte_serialize(self.api_id().as_bytes()).collect();
        // A form writes a space as +, which in an address is a plus.
        format!("smsru+http://{}@{}", encoded.replace('+', "%20"), self.address)
    }

    /// Every message accepted so far, in order, also where the reply was withheld by a fault.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.accepted(0)
    }

    /// The accepted messages from this place in the log on: what came since it had that many.
    pub fn accepted_from(&self, from: usize) -> Vec<Accepted> {
        self.shared.accepted(from)
    }

    /// How many messages were accepted.
    pub fn accepted_count(&self) -> usize {
        self.shared.lock().messages.log.len()
    }

    /// Every request received, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls(0)
    }

    /// How many requests of a method were received: `calls_of("sms/send")`.
    pub fn calls_of(&self, method: &str) -> usize {
        self.shared.lock().calls.iter().filter(|call| call.method == method).count()
    }

    /// The money on the account.
    pub fn balance(&self) -> Money {
        let (state, _) = self.shared.current();
        state.account.balance
    }

    /// Sets the money on the account.
    pub fn set_balance(&self, balance: Money) {
        self.shared.lock().account.balance = balance;
    }

    /// Adds to the money on the account.
    pub fn add_money(&self, money: Money) {
        self.shared.lock().account.add(money);
    }

    /// Sets how many messages a day the account may send; see [`SimulatorConfig::daily_limit`].
    pub fn set_daily_limit(&self, limit: Option<u32>) {
        self.shared.lock().account.daily_limit = limit;
    }

    /// Sets how much one number may get; see [`SimulatorConfig::number_limits`]. What was sent
    /// under no limit is not counted.
    pub fn set_number_limits(&self, limits: NumberLimits) {
        self.shared.lock().number_limits = limits;
    }

    /// Sets the approved sender names; see [`SimulatorConfig::senders`].
    pub fn set_senders(&self, senders: Vec<String>) {
        self.shared.lock().account.senders = senders;
    }

    /// Sets whether a sender name is needed; see [`SimulatorConfig::sender_required`].
    pub fn set_sender_required(&self, required: bool) {
        self.shared.lock().account.sender_required = required;
    }

    /// Puts a number on the stop-list: it gets 209 from now on. What is no number is passed over.
    pub fn stop(&self, number: &str) {
        if let Some(number) = Phone::read(number).number {
            self.shared.lock().stoplist.add(number, "");
        }
    }

    /// Refuses a number with this code, until [`allow`](Self::allow). What is no number is passed
    /// over.
    pub fn refuse(&self, number: &str, code: i32) {
        if let Some(number) = Phone::read(number).number {
            self.shared.refuse(number, Some(code));
        }
    }

    /// Ends what [`refuse`](Self::refuse) began.
    pub fn allow(&self, number: &str) {
        if let Some(number) = Phone::read(number).number {
            self.shared.refuse(number, None);
        }
    }

    /// Lets something go wrong: a [`Fault`], or one with modifiers such as
    /// `Fault::Html.times(3).on("sms/status")`.
    pub fn inject(&self, fault: impl Into<Injection>) {
        self.shared.lock().faults.add(fault.into());
    }

    /// How many injected faults still wait for a request.
    pub fn faults_left(&self) -> usize {
        self.shared.lock().faults.list().len()
    }

    /// Takes back all faults that are left.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// What becomes of messages accepted from now on.
    pub fn deliver(&self, delivery: Delivery) {
        self.shared.deliver(None, delivery);
    }

    /// What becomes of messages to this number accepted from now on. What is no number is passed
    /// over.
    pub fn deliver_to(&self, number: &str, delivery: Delivery) {
        if let Some(number) = Phone::read(number).number {
            self.shared.deliver(Some(number), delivery);
        }
    }

    /// Moves the clock forward. What becomes due has happened when this returns; callbacks are on
    /// their way.
    pub fn advance(&self, by: Duration) {
        self.shared.advance(by);
    }

    /// The simulator's time, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// Sends every callback record from now on twice.
    pub fn duplicate_callbacks(&self, duplicates: bool) {
        self.shared.lock().callbacks.duplicates = duplicates;
    }

    /// Sends callback records from now on in any order.
    pub fn shuffle_callbacks(&self, shuffle: bool) {
        self.shared.lock().callbacks.shuffle = shuffle;
    }

    /// Sends the callback records that wait, without waiting for their time; a handler that refuses
    /// is left at that. How many records were taken.
    pub async fn send_callbacks_now(&self) -> usize {
        post::flush(&self.shared).await
    }

    /// How many callback records wait, over all handlers.
    pub fn pending_callbacks(&self) -> usize {
        let (state, _) = self.shared.current();
        state.callbacks.pending()
    }

    /// The user of a `callcheck` calls. `false` when nobody waits for this call.
    pub fn confirm_call(&self, check_id: &str) -> bool {
        self.shared.confirm(check_id)
    }

    /// Brings everything back to what it was at the start, but the clock, and that no id is given
    /// twice.
    pub fn reset(&self) {
        self.shared.lock().reset(&self.shared.config);
    }

    /// Stops serving and closes all connections. Dropping it does the same, without the wait for
    /// it.
    pub async fn shutdown(mut self) {
        self.shared.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            // A task that panicked has stopped as well.
            let _ = task.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
