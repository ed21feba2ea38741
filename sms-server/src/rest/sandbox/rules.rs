//! `GET` and `PUT /v1/sandbox/rules`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use sms_core::{NumberReader, SandboxAction};
use utoipa::ToSchema;

use super::partition::PartitionKey;
use crate::app::App;
use crate::app::sandbox_rules::{RuleList, SandboxRule};
use crate::http::auth::Caller;
use crate::http::fields::Fields;
use crate::http::params::Params;
use crate::http::problem::{FieldProblem, Problem};
use crate::keys::KeyScope;

/// Name of the list of rules.
const RULES: &str = "rules";
/// Rules of a partition at most.
const MAX_RULES: usize = 100;
/// One more, which tells that there are too many.
const TOO_MANY: usize = MAX_RULES + 1;
/// The largest code, and the longest delay in seconds: half of the time for which the sandbox is
/// asked for receipts.
const MAX_CODE: u32 = 999_999;
const MAX_DELAY: u32 = 1_800;

/// The rules of a partition. The first one that matches a message decides its end.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RulesBody {
    #[schema(max_items = 100)]
    rules: Vec<RuleBody>,
}

/// A rule. Without `to` and `share` it matches every message.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RuleBody {
    /// The recipient, in any spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The share of the messages to match, drawn at random when a message is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    share: Option<f64>,
    action: RuleAction,
    /// The provider's code, only with `undelivered`, `fail` and `defer`. Defaults to 104, 202 and
    /// 220: those of sms.ru.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 999_999)]
    code: Option<u32>,
    /// The seconds until the delivery, only with `delay`. Defaults to 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1800)]
    seconds: Option<u32>,
}

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RuleAction {
    /// It is delivered, whatever its number.
    Deliver,
    /// It is delivered later.
    Delay,
    /// It is accepted and not delivered.
    Undelivered,
    /// It is refused for good.
    Fail,
    /// It is refused once for the time being, then accepted and delivered.
    Defer,
    /// The answer is lost: the outcome is unknown.
    Lose,
    /// It is accepted, and nothing is ever reported.
    Silent,
}

impl RuleAction {
    const ALL: [(&str, Self); 7] = [
        ("deliver", Self::Deliver),
        ("delay", Self::Delay),
        ("undelivered", Self::Undelivered),
        ("fail", Self::Fail),
        ("defer", Self::Defer),
        ("lose", Self::Lose),
        ("silent", Self::Silent),
    ];
    const RULE: &str = "must be deliver, delay, undelivered, fail, defer, lose or silent";

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, action)| (known == name).then_some(action))
    }

    /// The code that is given without one; `None` where the end has no code.
    const fn default_code(self) -> Option<u32> {
        match self {
            Self::Undelivered => Some(104),
            Self::Fail => Some(202),
            Self::Defer => Some(220),
            Self::Deliver | Self::Delay | Self::Lose | Self::Silent => None,
        }
    }

    /// The same for the seconds.
    const fn default_seconds(self) -> Option<u32> {
        if matches!(self, Self::Delay) { Some(30) } else { None }
    }
}

/// `GET /v1/sandbox/rules`.
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    params: Params,
) -> Result<Json<RulesBody>, Problem> {
    let caller = caller.with(KeyScope::Read)?;
    let partition = PartitionKey::read(params)?.owner(&app, &caller).await?;
    Ok(Json(RulesBody::of(&app.0.sandbox_rules.get(&partition).await?)))
}

/// `PUT /v1/sandbox/rules`: replaces the rules of a partition.
pub(crate) async fn replace(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RulesBody>, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let partition = PartitionKey::read(params)?;
    let body = app.0.bodies.read(&caller.client, body).await?;
    let rules = read(Fields::read(&headers, &body)?, app.0.store.numbers())?;
    let partition = partition.owner(&app, &caller).await?;
    app.0.sandbox_rules.put(&partition, &rules).await?;
    tracing::info!(by = caller.by(), "rules of the sandbox set");
    Ok(Json(RulesBody::of(&rules)))
}

fn read(mut fields: Fields<'_>, numbers: NumberReader) -> Result<RuleList, Problem> {
    fields.require(RULES);
    let items = fields.list::<TOO_MANY>(RULES);
    fields.finish()?;
    let items = items.ok_or_else(|| Problem::missing(RULES))?;
    if items.len() == TOO_MANY {
        let error = FieldProblem::field(RULES, "rules_too_many", "must hold at most 100 rules");
        return Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, vec![error]));
    }
    let rule = |(index, item)| {
        let rule = RuleBody::read(item).and_then(|rule| rule.into_rule(numbers));
        rule.map_err(|problem| problem.in_item(RULES, index))
    };
    let rules: Result<Vec<_>, _> = items.into_iter().enumerate().map(rule).collect();
    Ok(RuleList(rules?.into()))
}

impl RulesBody {
    fn of(rules: &RuleList) -> Self {
        Self { rules: rules.0.iter().map(RuleBody::of).collect() }
    }
}

impl RuleBody {
    fn read(item: &RawValue) -> Result<Self, Problem> {
        const CODE: &str = "must be a whole number from 1 to 999999";
        const SECONDS: &str = "must be a whole number from 1 to 1800";
        let mut fields = Fields::of_item(item)?;
        fields.require("action");
        let action = fields.one_of("action", RuleAction::RULE, RuleAction::from_name);
        let to = fields.string("to");
        let share = fields.number_in("share", 0.0..=1.0, "must be a number from 0 to 1");
        let code = fields.number_in("code", 1..=MAX_CODE, CODE);
        let seconds = fields.number_in("seconds", 1..=MAX_DELAY, SECONDS);
        fields.finish()?;
        let action = action.ok_or_else(|| Problem::missing("action"))?;
        Ok(Self { to, share, action, code, seconds })
    }

    /// The rule, with the defaults filled in.
    fn into_rule(self, numbers: NumberReader) -> Result<SandboxRule, Problem> {
        let Self { to, share, action, code, seconds } = self;
        let mut wrong = Vec::new();
        let to = to.map(|to| numbers.read(&to)).transpose().unwrap_or_else(|error| {
            wrong.extend(error.fields().iter().map(FieldProblem::from));
            None
        });
        if code.is_some() && action.default_code().is_none() {
            let rule = "must not be given with this action, which has no code";
            wrong.push(FieldProblem::field("code", "rule_invalid", rule));
        }
        if seconds.is_some() && action.default_seconds().is_none() {
            let rule = "must not be given with this action, only with delay";
            wrong.push(FieldProblem::field("seconds", "rule_invalid", rule));
        }
        if !wrong.is_empty() {
            return Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, wrong));
        }
        let code = code.or(action.default_code()).and_then(|code| code.try_into().ok());
        let (code, seconds) =
            (code.unwrap_or_default(), seconds.or(action.default_seconds()).unwrap_or_default());
        let action = match action {
            RuleAction::Deliver => SandboxAction::Deliver,
            RuleAction::Delay => SandboxAction::Delay { seconds },
            RuleAction::Undelivered => SandboxAction::Undelivered { code },
            RuleAction::Fail => SandboxAction::Fail { code },
            RuleAction::Defer => SandboxAction::Defer { code },
            RuleAction::Lose => SandboxAction::Lose,
            RuleAction::Silent => SandboxAction::Silent,
        };
        Ok(SandboxRule { to, share, action })
    }

    fn of(rule: &SandboxRule) -> Self {
        let (action, code, seconds) = match rule.action {
            SandboxAction::Delay { seconds } => (RuleAction::Delay, None, Some(seconds)),
            SandboxAction::Undelivered { code } => (RuleAction::Undelivered, Some(code), None),
            SandboxAction::Fail { code } => (RuleAction::Fail, Some(code), None),
            SandboxAction::Defer { code } => (RuleAction::Defer, Some(code), None),
            SandboxAction::Lose => (RuleAction::Lose, None, None),
            SandboxAction::Silent => (RuleAction::Silent, None, None),
            // An action of a later version is shown as the end of most messages.
            SandboxAction::Deliver | _ => (RuleAction::Deliver, None, None),
        };
        let code = code.and_then(|code| code.try_into().ok());
        Self { to: rule.to.map(|to| to.to_string()), share: rule.share, action, code, seconds }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The rules as they are shown after they were read, or the problems with their places.
    fn written(rules: &Value) -> Result<Value, Vec<String>> {
        let body = json!({ "rules": rules }).to_string();
        let fields = Fields::of_body(body.as_bytes()).expect("an object");
        let list = read(fields, NumberReader::default()).map_err(|problem| {
            let document = serde_json::to_value(problem.document(None)).expect("JSON");
            let errors = document["errors"].as_array().expect("errors");
            let place = |it: &Value| format!("{} {}", it["pointer"], it["code"]).replace('"', "");
            errors.iter().map(place).collect::<Vec<_>>()
        })?;
        Ok(serde_json::to_value(RulesBody::of(&list)).expect("JSON")["rules"].clone())
    }

    #[test]
    fn each_action_has_its_fields_with_defaults_and_no_others() {
        for (name, action) in RuleAction::ALL {
            assert_eq!(serde_json::to_value(action).expect("JSON"), name);
            let mut whole = json!({"to": "+79251234567", "share": 0.25, "action": name});
            let mut minimal = json!({"action": name});
            for (field, default) in
                [("code", action.default_code()), ("seconds", action.default_seconds())]
            {
                let mut more = minimal.clone();
                more[field] = json!(7);
                let taken = written(&json!([more]));
                match default {
                    Some(default) => {
                        assert_eq!(taken, Ok(json!([more])), "{name}");
                        whole[field] = json!(default);
                        minimal[field] = json!(default);
                    }
                    None => assert_eq!(
                        taken,
                        Err(vec![format!("/rules/0/{field} rule_invalid")]),
                        "{name}"
                    ),
                }
            }
            assert_eq!(written(&json!([{"action": name}])), Ok(json!([minimal])));
            assert_eq!(written(&json!([whole])), Ok(json!([whole])));
        }
    }

    #[test]
    fn every_wrong_rule_is_named_with_its_place() {
        let good = json!({"action": "lose"});
        for (wrong, expected) in [
            (json!({}), "/rules/1/action field_missing"),
            (json!({"action": null}), "/rules/1/action field_missing"),
            (json!({"action": "explode"}), "/rules/1/action field_type"),
            (json!({"action": "lose", "share": 1.01}), "/rules/1/share field_type"),
            (json!({"action": "lose", "share": -0.1}), "/rules/1/share field_type"),
            (json!({"action": "lose", "share": "0.1"}), "/rules/1/share field_type"),
            (json!({"action": "fail", "code": 0}), "/rules/1/code field_type"),
            (json!({"action": "fail", "code": 1_000_000}), "/rules/1/code field_type"),
            (json!({"action": "delay", "seconds": 0}), "/rules/1/seconds field_type"),
            (json!({"action": "delay", "seconds": 1801}), "/rules/1/seconds field_type"),
            (json!({"action": "lose", "to": "12"}), "/rules/1/to phone_invalid"),
            (json!({"action": "lose", "number": "1"}), "/rules/1/number field_unknown"),
            (json!(7), "/rules/1 field_type"),
        ] {
            assert_eq!(written(&json!([good, wrong])), Err(vec![expected.to_owned()]), "{wrong}");
        }
        let many = vec![good.clone(); MAX_RULES + 1];
        assert_eq!(written(&json!(many)), Err(vec!["/rules rules_too_many".to_owned()]));
        assert!(written(&json!(many[1..])).is_ok());
        assert_eq!(written(&json!([])), Ok(json!([])));
        assert_eq!(written(&json!("none")), Err(vec!["/rules field_type".to_owned()]));
        assert_eq!(written(&Value::Null), Err(vec!["/rules field_missing".to_owned()]));
    }
}
