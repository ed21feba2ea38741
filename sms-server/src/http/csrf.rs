//! Proof that a request with a cookie was made by a page of this server: browsers add cookies to
//! requests of any page.

use axum::http::{HeaderMap, HeaderName, Method, StatusCode};

use super::problem::Problem;

/// The header of every changing request of the pages. A page of another site cannot add a header
/// without asking this server first, which refuses.
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
/// The value of that header.
const PAGES: &[u8] = b"sms-ui";
/// The header in which browsers name the relation of the page that asks to this server.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a changing request with a cookie that no page of this server has made.
pub(crate) fn check(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    check_origin(headers)?;
    let is_ours = headers.get(REQUESTED_WITH).is_some_and(|value| value.as_bytes() == PAGES);
    if is_ours { Ok(()) } else { Err(refused("send the header X-Requested-With: sms-ui")) }
}

/// Refuses a request of which the browser says that a page of another site has made it.
pub(crate) fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let is_foreign = |site: &[u8]| site == b"cross-site" || site == b"same-site";
    if headers.get(FETCH_SITE).is_some_and(|value| is_foreign(value.as_bytes())) {
        return Err(refused("a page of another site may not do this"));
    }
    Ok(())
}

fn refused(detail: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "csrf", detail)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check_with(method: &Method, headers: &[(HeaderName, &'static str)]) -> bool {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        check(method, &headers.collect()).is_ok()
    }

    #[test]
    fn only_pages_of_this_server_change_anything_with_a_cookie() {
        assert!(check_with(&Method::GET, &[]) && check_with(&Method::HEAD, &[]));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let ours = (REQUESTED_WITH, "sms-ui");
            assert!(check_with(&method, std::slice::from_ref(&ours)));
            assert!(check_with(&method, &[ours.clone(), (FETCH_SITE, "same-origin")]));
            assert!(!check_with(&method, &[]));
            assert!(!check_with(&method, &[(REQUESTED_WITH, "XMLHttpRequest")]));
            for foreign in ["cross-site", "same-site"] {
                assert!(!check_with(&method, &[ours.clone(), (FETCH_SITE, foreign)]));
            }
        }
    }
}
