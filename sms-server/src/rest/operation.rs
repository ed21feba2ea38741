//! Operations of the REST API: a method and a path, with the handler and what it needs.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::limit::RequestBodyLimitLayer;

use crate::app::App;
use crate::http::body::MAX_BODY;
use crate::keys::KeyScope;

/// An operation of the REST API.
#[derive(Debug)]
#[cfg_attr(not(test), allow(dead_code, reason = "tests read what the router does not need"))]
pub(crate) struct Operation {
    /// The method.
    pub(super) method: Method,
    /// The path, with the names of its parameters in braces.
    pub(super) path: &'static str,
    /// The scope that the key needs; `None` if any key will do.
    pub(super) scope: Option<KeyScope>,
    handler: MethodRouter<App>,
    max_body: usize,
}

impl Operation {
    fn new<H, T>(filter: MethodFilter, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        Self { method, path, scope: None, handler: on(filter, handler), max_body: MAX_BODY }
    }

    pub(super) fn get<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::GET, Method::GET, path, handler)
    }

    pub(super) fn post<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::POST, Method::POST, path, handler)
    }

    pub(super) fn patch<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::PATCH, Method::PATCH, path, handler)
    }

    pub(super) fn delete<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(MethodFilter::DELETE, Method::DELETE, path, handler)
    }

    /// Sets the scope that the handler checks.
    pub(super) fn needs(mut self, scope: KeyScope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Sets the largest body, in bytes.
    pub(super) fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Adds the operation to a router.
    pub(super) fn add_to(self, router: Router<App>) -> Router<App> {
        router.route(self.path, self.handler.layer(RequestBodyLimitLayer::new(self.max_body)))
    }
}
