//! Bodies as they are and compressed, and which of the two a client takes.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tonic::body::Body;

use crate::server::responses::plain_response;

/// What is shorter is not worth compressing.
const MIN_COMPRESSED: usize = 512;

/// A body in the encodings that there are of it.
pub struct Encodings {
    plain: Bytes,
    gzip: Option<Gzip>,
}

enum Gzip {
    Compressed(Bytes),
    /// It is made for who takes it.
    Later(Compression),
}

impl Encodings {
    /// Compressed once and well, for what is sent again and again.
    pub fn best(plain: Vec<u8>) -> Encodings {
        let gzip = compressed(&plain, Compression::best()).map(Gzip::Compressed);
        Encodings { plain: plain.into(), gzip }
    }

    /// Compressed fast, for what is sent once.
    pub fn fast(plain: Vec<u8>) -> Encodings {
        Encodings { plain: plain.into(), gzip: Some(Gzip::Later(Compression::fast())) }
    }
}

/// The encoding of a body that a client takes.
pub fn encoded(asked: &HeaderMap, content_type: &'static str, body: &Encodings) -> Response<Body> {
    let takes = asked.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()).is_some_and(takes_gzip);
    let gzip = body.gzip.as_ref().filter(|_| takes).and_then(|gzip| match gzip {
        Gzip::Compressed(made) => Some(made.clone()),
        Gzip::Later(level) => compressed(&body.plain, *level),
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

fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, quality) = coding.split_once(";q=").unwrap_or((coding, "1"));
        matches!(name.trim(), "gzip" | "*") && quality.trim().parse::<f32>().is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for yes in ["gzip", "deflate, gzip", "gzip;q=0.5", "*", "br, gzip;q=1.0, *;q=0.1"] {
            assert!(takes_gzip(yes), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "identity"] {
            assert!(!takes_gzip(no), "{no}");
        }
    }
}
