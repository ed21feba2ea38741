//! Steps of a timeline as the API shows them.

use serde::Serialize;
use sms_core::store::event::Evidence;
use sms_core::store::timeline::Step;
use sms_core::{EventDetails, EventKind, Money, OutcomeClass, Status};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::rest::meaning::Meaning;
use crate::rest::schema::{AcceptanceEvidence, AttemptOutcome, MessageStatus, StepKind};

/// A step in the life of a message. Fields that do not apply are absent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepView {
    #[serde(with = "crate::http::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    #[schema(value_type = StepKind)]
    kind: EventKind,
    /// The status after the step.
    #[schema(value_type = MessageStatus)]
    status: Status,
    /// The number of the attempt, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AttemptOutcome>)]
    outcome: Option<OutcomeClass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// The provider's id of the message, or of the part that a receipt is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    /// The provider's ids of all parts, if it gave one for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    provider_ids: Vec<String>,
    /// The status of the part that a receipt is about, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MessageStatus>)]
    part_status: Option<Status>,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Meaning>,
    /// The provider's words, or the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The cost of the message, in the step that made it known: a decimal number as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    cost: Option<Money>,
    /// The time of the step by the provider's clock.
    #[serde(with = "crate::http::timestamp::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    provider_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AcceptanceEvidence>)]
    evidence: Option<Evidence>,
    /// Milliseconds that the provider took.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
    /// Milliseconds until the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<u64>,
    /// The message is sent again although the provider may have accepted it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resend: bool,
    /// The name of a worker, or the id of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The id of the job that the step was a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

impl StepView {
    /// A step, with the meaning of its code.
    pub(crate) fn new(step: Step, app: &App) -> Self {
        let view = Self::from(step);
        let explain = |(provider, code)| app.explain(provider, code).map(Meaning::from);
        Self { meaning: view.provider.as_deref().zip(view.code).and_then(explain), ..view }
    }
}

impl From<Step> for StepView {
    fn from(Step { at, kind, status, details }: Step) -> Self {
        // A new detail of an event gets its field here and in `StepView`; a test compares the two.
        let EventDetails {
            attempt,
            outcome,
            provider,
            provider_id,
            provider_ids,
            part_status,
            code,
            text,
            cost,
            provider_at,
            evidence,
            took_ms,
            retry_in_ms,
            resend,
            by,
            job,
            ..
        } = details;
        Self {
            at,
            kind,
            status,
            attempt,
            outcome,
            provider,
            provider_id,
            provider_ids,
            part_status,
            code,
            meaning: None,
            text,
            cost,
            provider_at,
            evidence,
            took_ms,
            retry_in_ms,
            resend,
            by,
            job,
        }
    }
}
