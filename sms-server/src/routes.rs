//! The one table of routes: the doors, each by itself and together.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;

use crate::api_docs::document::document;
use crate::app::App;
#[cfg(doc)]
use crate::app::AppBuilder;
use crate::http::layers;
use crate::{api_docs, callbacks, ops, rest, ui};

/// The OpenAPI document of every door that programs call, as it is served. Callbacks are not in it:
/// each provider has a form of its own.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let doors = [rest::operations(), ops::operations(), ui::operations()];
    let operations: Vec<_> = doors.into_iter().flatten().collect();
    format!("{:#}", document(&operations))
});

/// The OpenAPI 3.1 document of the API, which is served as `/openapi.json`.
pub fn openapi() -> &'static str {
    &DOCUMENT
}

/// Methods that need the doors. They are not next to the type, since the state lies below the doors
/// and must not import them.
impl App {
    /// The REST API, `/v1/…`.
    pub fn rest(&self) -> Router {
        rest::routes().with_state(self.clone())
    }

    /// The addresses at which the provider reports, `/callbacks/…`.
    pub fn callbacks(&self) -> Router {
        callbacks::routes().with_state(self.clone())
    }

    /// The health probes, `/livez` and `/readyz`, and `/metrics` for a key with the scope `admin`.
    pub fn health(&self) -> Router {
        ops::routes().with_state(self.clone())
    }

    /// The same without a key, for an address that only the monitoring reaches.
    pub fn monitoring(&self) -> Router {
        ops::open_routes().with_state(self.clone())
    }

    /// The documentation of the API, `/openapi.json` and `/docs`.
    pub fn docs(&self) -> Router {
        api_docs::routes(&Bytes::from_static(openapi().as_bytes())).with_state(self.clone())
    }

    /// The web UI: its pages, at every path that no other door has, and the sessions of people,
    /// `/ui/…`. The pages know the path of the [public address](AppBuilder::public_url) as theirs,
    /// and call the REST API there.
    pub fn ui(&self) -> Router {
        ui::routes(self.0.site.base()).with_state(self.clone())
    }

    /// Every door. A path that none of them has is answered with a problem, too. With a path in the
    /// [public address](AppBuilder::public_url) the doors are there as well as at the top, so that
    /// a proxy may strip the path or leave it.
    pub fn router(&self) -> Router {
        let no_route =
            || layers::problems(Router::new().fallback(|| async { StatusCode::NOT_FOUND }));
        let doors = Router::new()
            .merge(self.rest())
            .merge(self.callbacks())
            .merge(self.health())
            .merge(self.docs())
            .merge(if self.0.serves_ui { self.ui() } else { no_route() });
        match self.0.site.base().trim_end_matches('/') {
            "" => doors,
            base => doors.clone().nest(base, doors),
        }
    }
}
