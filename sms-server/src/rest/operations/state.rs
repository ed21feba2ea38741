//! Figures and states: `/v1/stats`, `/v1/stats/series`, `/v1/queue`, `/v1/workers`,
//! `/v1/provider`, `/v1/receipts/unmatched`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::examples::{AT, limit, receipt, time};
use crate::http::operation::Operation;
use crate::keys::KeyScope::{Admin, Read};
use crate::rest::provider::{ProviderView, ReasonBody};
use crate::rest::queue::QueueView;
use crate::rest::receipts::UnmatchedReceipts;
use crate::rest::series::SeriesView;
use crate::rest::stats::StatsView;
use crate::rest::workers::WorkerList;
use crate::rest::{provider, queue, receipts, series, stats, workers};

pub(super) fn operations() -> Vec<Operation> {
    let reason = json!({"reason": "maintenance"});
    vec![
        unmatched(),
        stats(),
        series(),
        queue(),
        workers(),
        Operation::get("/v1/provider", provider::show)
            .needs(Read)
            .about(
                "Show the provider",
                "Its state, workers and, for `admin`, its account and how long that lasts.",
            )
            .reply::<ProviderView>(StatusCode::OK, "The provider.", provider_view())
            .problems(&["no_such_path"]),
        Operation::post("/v1/provider/pause", provider::pause)
            .needs(Admin)
            .about(
                "Pause the provider",
                "Every worker follows within two seconds, and the pause survives restarts.",
            )
            .optional_body::<ReasonBody>(reason.clone())
            .reply::<ProviderView>(StatusCode::OK, "The provider.", provider_view())
            .problems(&["no_such_path"]),
        Operation::post("/v1/provider/resume", provider::resume)
            .needs(Admin)
            .about(
                "Resume the provider",
                "A provider that paused by itself is tried at once, with one message.",
            )
            .optional_body::<ReasonBody>(reason)
            .reply::<ProviderView>(StatusCode::OK, "The provider.", provider_view())
            .problems(&["no_such_path"]),
    ]
}

fn unmatched() -> Operation {
    const FROM: &str = "First receipt made at this time or later.";
    Operation::get("/v1/receipts/unmatched", receipts::unmatched)
        .needs(Admin)
        .about("List unmatched receipts", "Newest first: receipts with ids that no message has.")
        .query("from_time", time(), FROM, AT)
        .query("to_time", time(), "First receipt made before this time.", AT)
        .query("limit", limit(), "Receipts in the list.", "50")
        .reply::<UnmatchedReceipts>(StatusCode::OK, "The receipts.", json!({ "data": [receipt()] }))
        .problems(&["busy", "query_timeout"])
}

fn stats() -> Operation {
    const FROM: &str = "Accepted at this time or later; by default a day before `to_time`.";
    let counts = json!({
        "queued": 1, "sending": 0, "sent": 0, "delivered": 2, "undelivered": 0, "failed": 0,
        "unknown": 0, "expired": 0, "cancelled": 0,
    });
    Operation::get("/v1/stats", stats::show)
        .needs(Read)
        .about("Count messages by status", "Those of the caller, or all for `admin`.")
        .query("from_time", time(), FROM, AT)
        .query("to_time", time(), "Accepted before this time; by default now.", AT)
        .reply::<StatsView>(
            StatusCode::OK,
            "The numbers.",
            json!({"from_time": AT, "total": 3, "counts": counts}),
        )
        .problems(&["busy", "query_timeout"])
}

fn series() -> Operation {
    const FROM: &str = "In the first point; by default an hour before `to_time`.";
    const STEP: &str = "The distance of the points; by default the shortest that fits.";
    let counts = |sent: u64| {
        json!({
            "accepted": sent, "sent": sent, "delivered": 0, "undelivered": 0, "failed": 1,
            "unknown": 0, "expired": 0, "cancelled": 0, "cost": "3.45",
        })
    };
    let mut point = counts(2);
    point["at"] = json!(AT);
    point["latency_ms"] = json!({"p50": 223, "p99": 447});
    let by_class = json!({"otp": counts(2), "service": counts(0), "marketing": counts(0)});
    let step = json!({"type": "integer", "enum": [60, 300, 3600, 86_400]});
    Operation::get("/v1/stats/series", series::show)
        .needs(Read)
        .about(
            "Count messages over time",
            "Those of the caller, or all for `admin`; at most 1,500 points. Minutes are kept for \
             72 hours, hours for 90 days.",
        )
        .query("from_time", time(), FROM, AT)
        .query("to_time", time(), "The end of the range; by default now.", AT)
        .query("step_seconds", step, STEP, "300")
        .reply::<SeriesView>(
            StatusCode::OK,
            "The points.",
            json!({
                "from_time": AT, "to_time": AT, "step_seconds": 300, "points": [point],
                "by_class": by_class,
                "by_code": [{
                    "code": 202,
                    "meaning": {"en": "wrong number", "ru": "неправильно указан номер"},
                    "undelivered": 0, "failed": 1,
                }],
            }),
        )
        .problems(&["busy", "query_timeout", "no_such_path"])
}

fn queue() -> Operation {
    let lane = |ready, age: Value| json!({"ready": ready, "leased": 0, "oldest_age_ms": age});
    let view = json!({
        "state": "ok", "note": null, "capacity": 20000,
        "lanes": {"urgent": lane(0, Value::Null), "normal": lane(1, json!(12)),
                  "bulk": lane(0, Value::Null)},
    });
    Operation::get("/v1/queue", queue::show)
        .needs(Admin)
        .about("Show the queue", "Jobs that wait and jobs that workers hold, by lane.")
        .reply::<QueueView>(StatusCode::OK, "The queue.", view)
}

fn workers() -> Operation {
    let routes = json!([
        {"route": "default", "provider": "smsru", "in_flight": 3, "paused": false},
        {"route": "sandbox", "provider": "sandbox", "in_flight": 0, "paused": false},
    ]);
    let worker = json!({
        "name": "worker-1", "version": "1.0.0", "started_at": AT, "reported_at": AT, "queue": "ok",
        "routes": routes,
    });
    Operation::get("/v1/workers", workers::list)
        .needs(Read)
        .about("List workers", "Those that have reported in the last 20 s, with their routes.")
        .reply::<WorkerList>(StatusCode::OK, "The workers.", json!({ "data": [worker] }))
        .problems(&["no_such_path"])
}

fn provider_view() -> Value {
    let runway = json!({
        "spent_today": "345.60", "balance_days": 11.9, "daily_limit_reached": false,
        "daily_limit_at": AT,
    });
    json!({
        "name": "smsru", "state": "active",
        "workers": [{"name": "worker-1", "started_at": AT, "reported_at": AT, "in_flight": 0,
                     "paused": false, "queue": "ok"}],
        "account": {"balance": "4122.56", "daily_limit": 100, "used_today": 7,
                    "senders": ["Acme"], "runway": runway},
        "callbacks": {"last_at": AT, "accepted": 12, "refused": 0},
    })
}
