//! The pages: the help page with its search box, and the agents' console. They are in the binary; a browser asks again whether one changed.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use rust_embed::{Embed, EmbeddedFile};
use tonic::body::Body;

use super::front::{accepts_gzip, matches, plain_response, unchanged};

/// Pages and how they look.
#[derive(Embed)]
#[folder = "web/pages"]
struct Pages;

/// Their scripts, as they are built.
#[derive(Embed)]
#[folder = "web/dist"]
struct Scripts;

/// What the pages may load and whom they may call: their own server alone.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// A file that is served.
pub struct Page {
    name: &'static str,
    file: EmbeddedFile,
    content_type: &'static str,
    /// Whether it is of the console, which not every server shows.
    pub of_console: bool,
}

/// The page at a path.
pub fn at(path: &str) -> Option<Page> {
    let (name, content_type) = match path {
        "/help" | "/help/" => ("help.html", "text/html; charset=utf-8"),
        "/help/search.js" => ("search.js", "text/javascript; charset=utf-8"),
        "/help/help.js" => ("help.js", "text/javascript; charset=utf-8"),
        "/help/help.css" => ("help.css", "text/css; charset=utf-8"),
        "/console" | "/console/" => ("console.html", "text/html; charset=utf-8"),
        "/console/console.js" => ("console.js", "text/javascript; charset=utf-8"),
        "/console/console.css" => ("console.css", "text/css; charset=utf-8"),
        _ => return None,
    };
    Some(Page { name, file: Pages::get(name).or_else(|| Scripts::get(name))?, content_type, of_console: path.starts_with("/console") })
}

/// Files as small as they get, each compressed once, with the hash of what it was made from: a build for development reads files anew.
static COMPRESSED: Mutex<Option<HashMap<&'static str, ([u8; 32], Bytes)>>> = Mutex::new(None);

/// The root leads to the help page.
pub fn lead_to_help() -> Response<Body> {
    let mut response = plain_response(StatusCode::FOUND, "text/plain; charset=utf-8", "the help page is at /help\n");
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/help"));
    response
}

impl Page {
    fn whole(&self, asked: &HeaderMap) -> Response<Body> {
        match accepts_gzip(asked).then(|| self.compressed()).flatten() {
            Some(compressed) => {
                let mut response = plain_response(StatusCode::OK, self.content_type, compressed);
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response
            }
            None => plain_response(StatusCode::OK, self.content_type, self.file.data.to_vec()),
        }
    }

    fn compressed(&self) -> Option<Bytes> {
        let hash = self.file.metadata.sha256_hash();
        let mut known = COMPRESSED.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if let Some((_, compressed)) = known.get(self.name).filter(|(of, _)| *of == hash) {
            return Some(compressed.clone());
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let compressed = Bytes::from(encoder.write_all(&self.file.data).and_then(|()| encoder.finish()).ok()?);
        known.insert(self.name, (hash, compressed.clone()));
        Some(compressed)
    }

    /// The page as a response to what a browser asked.
    pub fn response(&self, asked: &HeaderMap) -> Response<Body> {
        let hash = self.file.metadata.sha256_hash();
        let tag = format!("W/\"{}\"", hash[..12].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let mut response = if matches(asked, &tag) { unchanged() } else { self.whole(asked) };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
        // The key may stand in the address.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        if !self.of_console {
            // A shop's page loads the search box from here.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        }
        response
    }
}
