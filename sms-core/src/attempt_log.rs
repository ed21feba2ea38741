//! Log lines for each attempt and each receipt, at level `info`.
//!
//! Their targets are `sms_core::attempt` and `sms_core::receipt`, so that a filter can leave them
//! out. A line contains no phone number and no message text.

use crate::provider::receipt::Receipt;
use crate::store::requests::ReceiptEffect;
use crate::store::{Settled, Settlement};

const ATTEMPT: &str = "sms_core::attempt";
const RECEIPT: &str = "sms_core::receipt";

/// Logs attempts with the answers of the provider, after they are recorded. `owners` and `settled`
/// have one entry for each settlement.
pub(crate) fn settled(settlements: &[Settlement], owners: &[Option<String>], settled: &[Settled]) {
    if !tracing::enabled!(target: ATTEMPT, tracing::Level::INFO) {
        return;
    }
    for ((settlement, owner), settled) in settlements.iter().zip(owners).zip(settled) {
        let Settlement { id, fence, provider, outcome, took, traceparent, .. } = settlement;
        let status = match settled {
            Settled::Now(status) | Settled::Late(status) | Settled::Known(status) => {
                Some(status.as_str())
            }
            Settled::Gone => None,
        };
        tracing::info!(
            target: ATTEMPT,
            %id,
            client = owner.as_deref(),
            attempt = fence,
            provider,
            outcome = outcome.class.as_str(),
            code = outcome.code,
            provider_id = outcome.provider_id.as_deref(),
            status,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            traceparent = traceparent.map(tracing::field::display),
            "attempt"
        );
    }
}

/// Logs receipts after they are recorded. `effects` has one entry for each receipt.
pub(crate) fn received(receipts: &[Receipt], effects: &[ReceiptEffect]) {
    if !tracing::enabled!(target: RECEIPT, tracing::Level::INFO) {
        return;
    }
    for (receipt, effect) in receipts.iter().zip(effects) {
        let Receipt { provider, provider_id, state, code, .. } = receipt;
        let id = match effect {
            ReceiptEffect::Applied(id) | ReceiptEffect::CostKnown(id) => {
                Some(tracing::field::display(id))
            }
            ReceiptEffect::Contradicted | ReceiptEffect::Ignored | ReceiptEffect::Parked => None,
        };
        let (effect, state) = (effect.as_str(), state.as_str());
        tracing::info!(target: RECEIPT, id, provider, provider_id, state, code, effect, "receipt");
    }
}
