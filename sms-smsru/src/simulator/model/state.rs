//! The whole state behind one lock, and its changes over time.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::simulator::callbacks::queue::{CallbackQueue, Record};
use crate::simulator::config::SimulatorConfig;
use crate::simulator::delivery::{self, Delivery};
use crate::simulator::fault::Faults;
use crate::simulator::log::Call;
use crate::simulator::model::account::Account;
use crate::simulator::model::call_checks::{CallChecks, Ended};
use crate::simulator::model::clock::Zone;
use crate::simulator::model::limits::{NumberHistory, NumberLimits};
use crate::simulator::model::messages::{Ids, Messages};
use crate::simulator::model::schedule::{Event, Schedule};
use crate::simulator::model::stop_list::StopList;
use crate::simulator::model::tokens::Tokens;
use crate::simulator::phone::is_russian;

/// The time of a request, with its day and week in the zone of the account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) ms: i64,
    pub(crate) day: i64,
    pub(crate) week: u32,
    pub(crate) zone: Zone,
}

impl Moment {
    pub(crate) fn new(ms: i64, zone: Zone) -> Self {
        Self { ms, day: zone.day(ms), week: zone.week(ms), zone }
    }
}

/// The state of the simulator.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) account: Account,
    pub(crate) stop_list: StopList,
    pub(crate) messages: Messages,
    pub(crate) schedule: Schedule,
    pub(crate) ids: Ids,
    pub(crate) delivery: Delivery,
    pub(crate) deliveries: HashMap<u64, Delivery>,
    /// The numbers that are refused on demand, with the code.
    pub(crate) refused: HashMap<u64, i32>,
    pub(crate) number_limits: NumberLimits,
    pub(crate) history: NumberHistory,
    pub(crate) call_checks: CallChecks,
    pub(crate) callbacks: CallbackQueue,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) calls: Vec<Call>,
    pub(crate) rng: fastrand::Rng,
}

impl State {
    pub(crate) fn new(config: &SimulatorConfig) -> Self {
        Self {
            account: Account::new(config),
            stop_list: StopList::default(),
            messages: Messages::default(),
            schedule: Schedule::default(),
            ids: Ids::default(),
            delivery: config.delivery.clone(),
            deliveries: HashMap::new(),
            refused: HashMap::new(),
            number_limits: config.number_limits,
            history: NumberHistory::default(),
            call_checks: CallChecks::default(),
            callbacks: CallbackQueue::default(),
            tokens: Tokens::default(),
            faults: Faults::default(),
            calls: Vec::new(),
            rng: fastrand::Rng::with_seed(config.seed),
        }
    }

    /// Restores the initial state, except that no id is given again.
    pub(crate) fn reset(&mut self, config: &SimulatorConfig) {
        let (ids, callbacks) = (std::mem::take(&mut self.ids), self.callbacks.cleared());
        *self = Self { ids, callbacks, ..Self::new(config) };
    }

    /// Carries out all events up to this time.
    pub(crate) fn run(&mut self, config: &SimulatorConfig, now_ms: i64) {
        while let Some((at_ms, event)) = self.schedule.next_due(now_ms) {
            match event {
                Event::Step { message, step } => self.step(config, at_ms, message, step),
                Event::TtlExpires { message } => self.expire(config, at_ms, message),
                Event::CallCheckExpires { number } => {
                    if let Some(ended) = self.call_checks.expire(number) {
                        self.report_check(ended, at_ms);
                    }
                }
            }
        }
        self.callbacks.add_heartbeats(now_ms, config.callback_heartbeat);
    }

    fn step(&mut self, config: &SimulatorConfig, at_ms: i64, index: usize, step: usize) {
        let Some(message) = self.messages.log.get(index).filter(|message| !message.expired) else {
            return;
        };
        let (code, has_next) = (message.steps.get(step).copied(), step + 1 < message.steps.len());
        if let Some(code) = code {
            self.enter(config, at_ms, index, code);
        }
        if has_next {
            // Relative to the time of this event, because the clock can be past both.
            let next_ms = at_ms.saturating_add(delivery::delay_ms(&config.delays, step + 1));
            self.schedule.add(next_ms, Event::Step { message: index, step: step + 1 });
        }
    }

    fn expire(&mut self, config: &SimulatorConfig, at_ms: i64, index: usize) {
        let Some(message) = self.messages.log.get_mut(index) else {
            return;
        };
        if !delivery::is_final(message.accepted.status) {
            message.expired = true;
            self.enter(config, at_ms, index, 104);
        }
    }

    /// Brings a message into a state, with the refund and the callback that belong to it.
    fn enter(&mut self, config: &SimulatorConfig, at_ms: i64, index: usize, code: i32) {
        let Some(message) = self.messages.log.get_mut(index) else {
            return;
        };
        message.accepted.status = code;
        // sms.ru does not refund an undelivered message with a ttl.
        let refund =
            delivery::is_failure(code) && message.accepted.ttl.is_none() && !message.refunded;
        if refund {
            message.refunded = true;
            self.account.add(message.accepted.cost);
        }
        let is_reported = delivery::is_final(code) || config.callback_intermediate;
        if is_reported && !message.accepted.test && self.callbacks.has_handlers() {
            self.callbacks.push(&Record::sms_status(&message.accepted.sms_id, code, at_ms));
        }
    }

    /// Returns the states of the next message to this number.
    pub(crate) fn steps_for(&mut self, number: u64) -> Cow<'static, [i32]> {
        self.deliveries.get(&number).unwrap_or(&self.delivery).steps(&mut self.rng)
    }

    /// Schedules the states of a message from the time it is sent.
    pub(crate) fn schedule_delivery(
        &mut self,
        config: &SimulatorConfig,
        index: usize,
        send_at_ms: i64,
        ttl: Option<u32>,
    ) {
        let first_ms = send_at_ms.saturating_add(delivery::delay_ms(&config.delays, 0));
        self.schedule.add(first_ms, Event::Step { message: index, step: 0 });
        if let Some(minutes) = ttl {
            let ends_ms = send_at_ms.saturating_add(i64::from(minutes) * 60_000);
            self.schedule.add(ends_ms, Event::TtlExpires { message: index });
        }
    }

    /// Ends a check with the call of the user. `false` if the check does not wait for a call.
    pub(crate) fn confirm_check(&mut self, check_id: &str, now_ms: i64) -> bool {
        let ended = self.call_checks.confirm(check_id);
        ended.map(|ended| self.report_check(ended, now_ms)).is_some()
    }

    fn report_check(&mut self, (id, code): Ended, at_ms: i64) {
        self.callbacks.push(&Record::callcheck_status(&id, code, at_ms));
    }

    /// Returns the code that refuses a number for any message or call.
    pub(crate) fn number_refusal(&self, config: &SimulatorConfig, number: u64) -> Option<i32> {
        if let Some(code) = self.refused.get(&number) {
            return Some(*code);
        }
        if config.russia_only && !is_russian(number) {
            return Some(214);
        }
        self.stop_list.contains(number).then_some(209)
    }
}
