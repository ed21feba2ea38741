//! The door of the web UI: its pages, which are files in the program, and the sessions of the
//! people who use it. The pages call the REST API with the cookie of their session.

mod assets;
mod operations;
mod security_headers;
mod session;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;

use self::assets::Pages;
pub(crate) use self::operations::operations;
use crate::app::App;
use crate::http::layers;

/// The door, with pages that know this path as theirs. A path that no other door has leads to the
/// pages too, if the browser asks for a page.
pub(crate) fn routes(base: &str) -> Router<App> {
    let pages = Arc::new(Pages::new(base));
    let show = async move |request: Request| pages.show(&request);
    let routes = operations().into_iter().fold(Router::new(), |routes, it| it.add_to(routes));
    security_headers::add(layers::problems(routes.fallback(show)))
}
