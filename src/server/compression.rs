//! Compression of response bodies with gzip, and negotiation by `Accept-Encoding`.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tonic::body::Body;

use crate::server::responses::plain_response;

/// Shorter bodies are not worth compressing, in bytes.
const MIN_COMPRESSED: usize = 512;

/// A body and its gzip encoding.
pub struct Encodings {
    plain: Bytes,
    gzip: Option<Gzip>,
}

enum Gzip {
    Compressed(Bytes),
    /// Compressed on demand, for clients that accept it.
    OnDemand(Compression),
}

impl Encodings {
    /// Compresses once at the best level, for content that is sent many times.
    pub fn best(plain: Vec<u8>) -> Encodings {
        let gzip = compressed(&plain, Compression::best()).map(Gzip::Compressed);
        Encodings { plain: plain.into(), gzip }
    }

    /// Compresses on demand at a fast level, for content that is sent once.
    pub fn fast(plain: Vec<u8>) -> Encodings {
        Encodings { plain: plain.into(), gzip: Some(Gzip::OnDemand(Compression::fast())) }
    }
}

/// The response with the encoding of a body that the client accepts.
pub fn encoded(request_headers: &HeaderMap, content_type: &'static str, body: &Encodings) -> Response<Body> {
    let accepts = request_headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()).is_some_and(accepts_gzip);
    let gzip = body.gzip.as_ref().filter(|_| accepts).and_then(|gzip| match gzip {
        Gzip::Compressed(bytes) => Some(bytes.clone()),
        Gzip::OnDemand(level) => compressed(&body.plain, *level),
    });
    match gzip {
        Some(gzip) => {
            let mut response = plain_response(StatusCode::OK, content_type, gzip);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        None => plain_response(StatusCode::OK, content_type, body.plain.clone()),
    }
}

fn compressed(plain: &[u8], level: Compression) -> Option<Bytes> {
    if plain.len() < MIN_COMPRESSED {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2), level);
    encoder.write_all(plain).and_then(|()| encoder.finish()).ok().map(Bytes::from)
}

fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, quality) = coding.split_once(";q=").unwrap_or((coding, "1"));
        matches!(name.trim(), "gzip" | "*") && quality.trim().parse::<f32>().is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_clients_that_accept_it() {
        for yes in ["gzip", "deflate, gzip", "gzip;q=0.5", "*", "br, gzip;q=1.0, *;q=0.1"] {
            assert!(accepts_gzip(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "identity"] {
            assert!(!accepts_gzip(no), "{no}");
        }
    }
}
