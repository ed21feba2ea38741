//! The files of the pages, as the program holds them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use crate::hex::hex;
use crate::http::problem::Problem;

/// The page that is the beginning of all others.
const INDEX: &str = "index.html";
/// The mark in it for the path of the pages.
const BASE: &str = "<base href=\"/\">";
/// A file of the build that tells from which sources it was made. Browsers need it not.
const BUILD: &str = "build.txt";
/// The folder of files that have a hash of their content in their name.
const HASHED: &str = "assets/";
/// First words of the paths of other doors: one that leads nowhere is no page.
const OTHER_DOORS: [&str; 5] = ["v1", "ui", "assets", "callbacks", "docs"];
/// The media type that browsers ask for when a person goes to an address.
const PAGE: &str = "text/html";
/// The least that a file has to shrink by for it to be sent compressed, in bytes.
const MIN_GAIN: usize = 64;

#[derive(RustEmbed)]
#[folder = "ui/dist/"]
struct Dist;

/// Every file by its path, without the first page.
static FILES: LazyLock<BTreeMap<Cow<'static, str>, File>> = LazyLock::new(|| {
    let is_shown = |path: &Cow<'static, str>| path != INDEX && path != BUILD;
    let read = |path: Cow<'static, str>| {
        let file = File::new(&path, Dist::get(&path)?.data.into_owned());
        Some((path, file))
    };
    Dist::iter().filter(is_shown).filter_map(read).collect()
});

/// The pages for one path.
#[derive(Debug)]
pub(super) struct Pages {
    index: File,
}

/// A file as it is sent.
#[derive(Debug)]
struct File {
    content: Bytes,
    content_type: &'static str,
    cache_control: &'static str,
    /// The weak validator: the compressed form has the same.
    etag: String,
    /// The compressed form; `None` where that is not smaller. Made when it is first asked for.
    compressed: OnceLock<Option<Bytes>>,
}

impl Pages {
    /// The pages under this path, which has a slash at both ends.
    pub(super) fn new(base: &str) -> Self {
        let index = Dist::get(INDEX).map(|file| file.data.into_owned()).unwrap_or_default();
        let index = String::from_utf8_lossy(&index);
        let index = index.replacen(BASE, &format!("<base href=\"{base}\">"), 1);
        Self { index: File::new(INDEX, index.into_bytes()) }
    }

    /// The reply to a request that no route has.
    pub(super) fn show(&self, request: &Request) -> Response {
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        match self.find(request.uri().path(), request.headers()).filter(|_| is_read) {
            Some(file) => file.reply(request.method(), request.headers()),
            None => Problem::no_such_path().into_response(),
        }
    }

    /// The file of a path: the file itself, or the first page for a path that is one of its own.
    fn find(&self, path: &str, headers: &HeaderMap) -> Option<&File> {
        let path = path.trim_start_matches('/');
        if path.is_empty() || path == INDEX {
            return Some(&self.index);
        }
        if let Some(file) = FILES.get(path) {
            return Some(file);
        }
        let first = path.split('/').next().unwrap_or_default();
        let is_page = !OTHER_DOORS.contains(&first) && accepts(headers, header::ACCEPT, PAGE);
        is_page.then_some(&self.index)
    }
}

impl File {
    fn new(path: &str, content: Vec<u8>) -> Self {
        let etag = format!("W/\"{}\"", hex(&Sha256::digest(&content)[..16]));
        let is_hashed = path.starts_with(HASHED);
        Self {
            content_type: content_type(path),
            cache_control: if is_hashed {
                "public, max-age=31536000, immutable"
            } else {
                "no-cache"
            },
            content: content.into(),
            etag,
            compressed: OnceLock::new(),
        }
    }

    fn reply(&self, method: &Method, headers: &HeaderMap) -> Response {
        let mut response = Response::default();
        let out = response.headers_mut();
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache_control));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        // Hexadecimal in quotes.
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            out.insert(header::ETAG, etag);
        }
        if self.is_known(headers) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let compressed = accepts(headers, header::ACCEPT_ENCODING, "gzip")
            .then(|| self.compressed.get_or_init(|| compress(&self.content)).clone())
            .flatten();
        if compressed.is_some() {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let content = compressed.unwrap_or_else(|| self.content.clone());
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        out.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
        if method != Method::HEAD {
            *response.body_mut() = Body::from(content);
        }
        response
    }

    /// Tells whether the browser has this very file.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let known = headers.get_all(header::IF_NONE_MATCH).iter();
        let mut known = known.filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(','));
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        known.any(|tag| tag.trim() == "*" || opaque(tag) == opaque(&self.etag))
    }
}

/// Tells whether a header of the form `a, b;q=0.5` names this value, without `q=0`.
fn accepts(headers: &HeaderMap, name: header::HeaderName, value: &str) -> bool {
    let named = headers.get_all(name).iter().filter_map(|named| named.to_str().ok());
    named.flat_map(|named| named.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_it = parts.next().is_some_and(|range| range.eq_ignore_ascii_case(value));
        let refused = |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        is_it && !parts.any(refused)
    })
}

fn compress(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() + MIN_GAIN <= content.len()).then(|| compressed.into())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn the_first_page_knows_its_path() {
        let index = Dist::get(INDEX).expect("the build has its first page").data;
        let index = String::from_utf8(index.into_owned()).expect("text");
        assert_eq!(index.matches(BASE).count(), 1, "exactly one mark for the path");
        let page = |base| String::from_utf8(Pages::new(base).index.content.to_vec()).expect("text");
        assert_eq!(page("/"), index);
        assert_eq!(page("/sms/"), index.replace(BASE, "<base href=\"/sms/\">"));
        assert_ne!(Pages::new("/").index.etag, Pages::new("/sms/").index.etag);
    }

    #[test]
    fn a_file_with_a_hash_in_its_name_is_kept_for_good_and_others_are_asked_for_again() {
        let (hashed, other) = (File::new("assets/a-1.js", vec![]), File::new("icon.svg", vec![]));
        assert!(hashed.cache_control.contains("immutable"));
        assert_eq!(other.cache_control, "no-cache");
        assert_eq!(
            (hashed.content_type, other.content_type),
            ("text/javascript; charset=utf-8", "image/svg+xml")
        );
    }

    #[test]
    fn a_file_is_compressed_for_those_who_accept_that_and_if_it_gets_smaller() {
        let (large, small) = (File::new("a.js", vec![b'a'; 4096]), File::new("a.js", vec![b'a']));
        for (accepted, file, expected) in [
            ("gzip, br", &large, true),
            ("br;q=1, GZIP;q=0.5", &large, true),
            ("br", &large, false),
            ("gzip;q=0", &large, false),
            ("gzip", &small, false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, accepted);
            let reply = file.reply(&Method::HEAD, &headers);
            let encoding = reply.headers().get(header::CONTENT_ENCODING);
            assert_eq!(encoding.is_some(), expected, "{accepted}");
            assert_eq!(reply.headers()[header::VARY], "accept-encoding");
        }
    }

    #[test]
    fn a_browser_that_has_the_file_gets_no_second_copy() {
        let file = File::new("a.js", b"x".to_vec());
        let strong = file.etag.trim_start_matches("W/").to_owned();
        for (tag, is_known) in [
            (file.etag.clone(), true),
            (format!("\"other\", {strong}"), true),
            ("*".to_owned(), true),
            ("\"other\"".to_owned(), false),
            (String::new(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, tag.parse().expect("a header"));
            let reply = file.reply(&Method::GET, &headers);
            assert_eq!(reply.status() == StatusCode::NOT_MODIFIED, is_known, "{tag}");
            assert_eq!(reply.headers()[header::ETAG], file.etag);
        }
    }
}
