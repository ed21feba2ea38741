//! A simulator of sms.ru on loopback, for tests of clients in any language.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use sms_core::{Error, ErrorKind, Money, Result};
use sms_smsru::simulator::{NumberLimits, Simulator, SimulatorConfig};
use tokio::signal::unix::{SignalKind, signal};

/// Simulates sms.ru on loopback: all methods of its HTTP API, delivery, callbacks and injected
/// faults
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Address to listen on, on loopback; port 0 chooses a free port
    #[arg(long, default_value = "127.0.0.1:9000", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// API id of the account [default: a fixed UUID]
    #[arg(long, value_name = "UUID")]
    api_id: Option<String>,
    /// Login of the account, its phone number in digits; requires --password
    #[arg(long, requires = "password", value_name = "PHONE")]
    login: Option<String>,
    /// Password of the account
    #[arg(long, requires = "login")]
    password: Option<String>,
    /// Money on the account
    #[arg(long, default_value = "1000", value_parser = money, value_name = "AMOUNT")]
    balance: Money,
    /// Price of one part of a message
    #[arg(long, default_value = "0.50", value_parser = money, value_name = "AMOUNT")]
    price: Money,
    /// Maximum of messages per day, else 206 [default: no limit]
    #[arg(long, value_name = "MESSAGES")]
    daily_limit: Option<u32>,
    /// Approved sender name; can be given more than once
    #[arg(long = "sender", value_name = "NAME")]
    senders: Vec<String>,
    /// Refuse every recipient with 221 while the account has no sender name
    #[arg(long)]
    sender_required: bool,
    /// Maximum of messages to a number per day, else 230 [default: no limit]
    #[arg(long, value_name = "MESSAGES")]
    number_per_day: Option<u32>,
    /// Maximum of identical messages to a number per minute, else 231 [default: no limit]
    #[arg(long, value_name = "MESSAGES")]
    identical_per_minute: Option<u32>,
    /// Maximum of identical messages to a number per day, else 232 [default: no limit]
    #[arg(long, value_name = "MESSAGES")]
    identical_per_day: Option<u32>,
    /// Duration of each of the states 100, 101 and 102
    #[arg(long, default_value_t = 100, value_name = "MILLISECONDS")]
    delay_ms: u64,
    /// Number of the first record of a callback, 0 or 1
    #[arg(
        long,
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(0..=1),
        value_name = "NUMBER"
    )]
    callback_index_base: u32,
    /// Delay before a callback is repeated after a reply other than 100
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    callback_retry_seconds: u64,
    /// Send callbacks for the states 101 and 102 as well
    #[arg(long)]
    callback_intermediate: bool,
    /// Reply as documented, without the oddities of recorded replies
    #[arg(long)]
    no_quirks: bool,
    /// Seed of random choices
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

impl Cli {
    fn config(self) -> SimulatorConfig {
        let limits = NumberLimits {
            per_day: self.number_per_day,
            identical_per_minute: self.identical_per_minute,
            identical_per_day: self.identical_per_day,
        };
        let mut config = SimulatorConfig::default()
            .listen(self.listen)
            .balance(self.balance)
            .price(self.price)
            .daily_limit(self.daily_limit)
            .senders(self.senders)
            .sender_required(self.sender_required)
            .number_limits(limits)
            .delays([Duration::from_millis(self.delay_ms); 3])
            .callback_index_base(self.callback_index_base)
            .callback_retry(Duration::from_secs(self.callback_retry_seconds))
            .callback_intermediate(self.callback_intermediate)
            .quirks(!self.no_quirks)
            .seed(self.seed);
        if let Some(api_id) = self.api_id {
            config = config.api_id(api_id);
        }
        if let (Some(login), Some(password)) = (self.login, self.password) {
            config = config.login(login, password);
        }
        config
    }
}

fn money(text: &str) -> Result<Money, &'static str> {
    Money::parse(text).ok_or("must be an amount such as 100.50")
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the user sees why the program failed")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            eprintln!("error: {error}{}", cause.unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

/// Serves until SIGTERM or SIGINT.
async fn run(cli: Cli) -> Result<()> {
    let failed =
        |error| Error::new(ErrorKind::Internal, "cannot listen for signals").with_source(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let simulator = Simulator::start(cli.config()).await?;
    announce(&simulator);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulator.shutdown().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the user sees the address")]
fn announce(simulator: &Simulator) {
    let (address, api_id) = (simulator.address(), simulator.api_id());
    println!("sms.ru simulator: http://{address}");
    println!("  api_id:     {api_id}");
    println!("  clients:    in place of https://sms.ru use http://{address}");
    println!("  sms-smsru:  {}", simulator.url());
    let query = format!("api_id={api_id}&to=79255070602&msg=hello&json=1");
    println!("  try:        curl 'http://{address}/sms/send?{query}'");
    println!("  control:    curl http://{address}/simulator");
}
