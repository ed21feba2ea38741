//! The one table of routes: the doors, each by itself and together.

use axum::Router;
use axum::http::StatusCode;

use crate::app::App;
use crate::http::layers;
use crate::{callbacks, ops, rest};

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

    /// The health probes, `/livez` and `/readyz`.
    pub fn health(&self) -> Router {
        ops::routes().with_state(self.clone())
    }

    /// Every door. A path that none of them has is answered with a problem, too.
    pub fn router(&self) -> Router {
        let no_route = layers::problems(Router::new().fallback(|| async { StatusCode::NOT_FOUND }));
        Router::new()
            .merge(self.rest())
            .merge(self.callbacks())
            .merge(self.health())
            .merge(no_route)
    }
}
