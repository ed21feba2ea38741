//! `/v1/workers`.

use axum::http::StatusCode;
use serde_json::json;
use sms_core::worker::control::WorkerReport;

use crate::app::{App, PROVIDER};

#[tokio::test]
async fn a_worker_is_shown_once_with_all_its_routes_and_the_calls_that_it_holds() {
    let app = App::new().await;
    let report = async |name: &str, provider: &str, route: &str, in_flight| {
        let mut report = WorkerReport::new(provider, time::OffsetDateTime::UNIX_EPOCH);
        (report.route, report.in_flight) = (route.to_owned(), in_flight);
        app.control.report(name, &report).await.expect("reported");
    };
    report("w2", PROVIDER, "default", 0).await;
    report("w1/sandbox", "sandbox", "sandbox", 1).await;
    report("w1", PROVIDER, "default", 3).await;
    let reply = app.get("/v1/workers").await;
    assert_eq!(reply.status, StatusCode::OK);
    let workers = reply.body["data"].as_array().expect("a list");
    let names: Vec<_> = workers.iter().map(|worker| &worker["name"]).collect();
    assert_eq!(names, ["w1", "w2"]);
    assert_eq!(
        workers[0]["routes"],
        json!([
            {"route": "default", "provider": PROVIDER, "in_flight": 3, "paused": false},
            {"route": "sandbox", "provider": "sandbox", "in_flight": 1, "paused": false},
        ])
    );
    assert_eq!(workers[0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(workers[0]["started_at"], "1970-01-01T00:00:00.000Z");
}
