//! The health probes as requests.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::app::App;

#[tokio::test]
async fn a_probe_with_an_oversized_body_is_refused() {
    let app = App::new().await;
    for path in ["/livez", "/readyz"] {
        for (size, status) in [(0, 200), (1024, 200), (1025, 413)] {
            let request = Request::get(path).header("content-length", size);
            let request = request.body(Body::from("x".repeat(size))).expect("a request");
            let reply = app.call(request).await;
            assert_eq!(reply.status, StatusCode::from_u16(status).expect("one"), "{path} {size}");
        }
    }
}
