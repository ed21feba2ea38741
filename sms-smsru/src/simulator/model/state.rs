//! All that changes while the simulator runs, behind one lock.

use std::collections::HashMap;

use sms_core::Money;

use crate::simulator::callbacks::queue::{Callbacks, Record};
use crate::simulator::config::SimulatorConfig;
use crate::simulator::delivery::{self, Delivery};
use crate::simulator::fault::Faults;
use crate::simulator::log::Call;
use crate::simulator::methods::auth::Tokens;
use crate::simulator::methods::callcheck::Checks;
use crate::simulator::methods::stoplist::StopList;
use crate::simulator::model::account::Account;
use crate::simulator::model::clock::Zone;
use crate::simulator::model::limits::{NumberHistory, NumberLimits};
use crate::simulator::model::messages::{Agenda, Due, Ids, Messages};

/// The moment a request is carried out at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) ms: i64,
    pub(crate) day: i64,
    pub(crate) week: u32,
    pub(crate) zone: Zone,
}

impl Now {
    pub(crate) fn new(ms: i64, zone: Zone) -> Self {
        Self { ms, day: zone.day(ms), week: zone.week(ms), zone }
    }
}

/// What changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) account: Account,
    pub(crate) stoplist: StopList,
    pub(crate) messages: Messages,
    pub(crate) agenda: Agenda,
    pub(crate) ids: Ids,
    pub(crate) delivery: Delivery,
    pub(crate) deliveries: HashMap<u64, Delivery>,
    /// Numbers that are refused whatever they are sent.
    pub(crate) refused: HashMap<u64, i32>,
    pub(crate) number_limits: NumberLimits,
    pub(crate) history: NumberHistory,
    pub(crate) checks: Checks,
    pub(crate) callbacks: Callbacks,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) calls: Vec<Call>,
    pub(crate) luck: fastrand::Rng,
}

impl State {
    pub(crate) fn new(config: &SimulatorConfig) -> Self {
        Self {
            account: Account::new(config),
            stoplist: StopList::default(),
            messages: Messages::default(),
            agenda: Agenda::default(),
            ids: Ids::default(),
            delivery: config.delivery.clone(),
            deliveries: HashMap::new(),
            refused: HashMap::new(),
            number_limits: config.number_limits,
            history: NumberHistory::default(),
            checks: Checks::default(),
            callbacks: Callbacks::default(),
            tokens: Tokens::default(),
            faults: Faults::default(),
            calls: Vec::new(),
            luck: fastrand::Rng::with_seed(config.seed),
        }
    }

    /// As it was in the beginning, but that no id is given again.
    pub(crate) fn reset(&mut self, config: &SimulatorConfig) {
        let (ids, callbacks) = (std::mem::take(&mut self.ids), self.callbacks.renewed());
        *self = Self { ids, callbacks, ..Self::new(config) };
    }

    /// Lets everything happen whose time has come.
    pub(crate) fn run(&mut self, config: &SimulatorConfig, now_ms: i64) {
        while let Some((at_ms, due)) = self.agenda.next(now_ms) {
            match due {
                Due::Step { message, step } => self.step(config, at_ms, message, step),
                Due::Expire { message } => self.expire(config, at_ms, message),
                Due::CallCheck { number } => self.expire_check(at_ms, number),
            }
        }
        self.callbacks.beat(now_ms, config.callback_heartbeat);
    }

    fn step(&mut self, config: &SimulatorConfig, at_ms: i64, place: usize, step: usize) {
        let Some(message) = self.messages.log.get(place).filter(|message| !message.expired) else {
            return;
        };
        let (code, more) = (message.steps.get(step).copied(), step + 1 < message.steps.len());
        if let Some(code) = code {
            self.enter(config, at_ms, place, code);
        }
        if more {
            // Planned from the moment this one was due, not from now: the clock may have been moved
            // over both.
            let next_ms = at_ms.saturating_add(delivery::delay_ms(&config.delays, step + 1));
            self.agenda.plan(next_ms, Due::Step { message: place, step: step + 1 });
        }
    }

    fn expire(&mut self, config: &SimulatorConfig, at_ms: i64, place: usize) {
        let Some(message) = self.messages.log.get_mut(place) else {
            return;
        };
        if !delivery::is_final(message.accepted.status) {
            message.expired = true;
            self.enter(config, at_ms, place, 104);
        }
    }

    /// Brings a message into a state, with what follows from it.
    fn enter(&mut self, config: &SimulatorConfig, at_ms: i64, place: usize, code: i32) {
        let Some(message) = self.messages.log.get_mut(place) else {
            return;
        };
        message.accepted.status = code;
        // sms.ru keeps the price of an undelivered message with a ttl.
        let refund =
            delivery::is_failure(code) && message.accepted.ttl.is_none() && !message.refunded;
        if refund {
            message.refunded = true;
            self.account.add(message.accepted.cost);
        }
        let told = delivery::is_final(code) || config.callback_intermediate;
        if told && !message.accepted.test && self.callbacks.any() {
            self.callbacks.tell(&Record::sms_status(&message.accepted.sms_id, code, at_ms));
        }
    }

    /// What becomes of the next message to this number.
    pub(crate) fn steps_of(&mut self, number: u64) -> std::borrow::Cow<'static, [i32]> {
        self.deliveries.get(&number).unwrap_or(&self.delivery).steps(&mut self.luck)
    }

    /// Plans the way of a message from the moment it leaves.
    pub(crate) fn plan(
        &mut self,
        config: &SimulatorConfig,
        place: usize,
        send_at_ms: i64,
        ttl: Option<u32>,
    ) {
        let first_ms = send_at_ms.saturating_add(delivery::delay_ms(&config.delays, 0));
        self.agenda.plan(first_ms, Due::Step { message: place, step: 0 });
        if let Some(minutes) = ttl {
            let ends_ms = send_at_ms.saturating_add(i64::from(minutes) * 60_000);
            self.agenda.plan(ends_ms, Due::Expire { message: place });
        }
    }
}

/// So many times a price.
pub(crate) fn times(price: Money, parts: usize) -> Money {
    Money::from_micros(price.micros().saturating_mul(i64::try_from(parts).unwrap_or(i64::MAX)))
}
