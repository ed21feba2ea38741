//! The headers of recorded replies of the live server.

use hyper::HeaderMap;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue, SERVER, SET_COOKIE, VARY};
use sms_core::clock::datetime_from_ms;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const COOKIE_LIFE_MS: i64 = 311_040_000_000;
const EXPIRES: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day]-[month repr:short]-[year] [hour]:[minute]:[second] GMT"
);

/// Adds the headers, except the content type and those of the connection.
pub(crate) fn add(headers: &mut HeaderMap, now_ms: i64) {
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie(now_ms) {
        headers.insert(SET_COOKIE, cookie);
    }
    headers.insert(HeaderName::from_static("sms-api"), HeaderValue::from_static("1"));
    headers.insert(SERVER, HeaderValue::from_static("CERN/3.0"));
}

/// Builds a cookie with a random device id. Clients must ignore it.
fn cookie(now_ms: i64) -> Option<HeaderValue> {
    let expires = datetime_from_ms(now_ms.saturating_add(COOKIE_LIFE_MS)).format(EXPIRES).ok()?;
    let id = format!("{:032X}", fastrand::u128(..));
    let id = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
    let cookie =
        format!("dev_id={id}; expires={expires}; Max-Age=311040000; path=/; domain=.sms.ru");
    HeaderValue::try_from(cookie).ok()
}
