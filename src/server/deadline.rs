//! The caller's deadline, as gRPC sends it.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// Upper bound of every deadline, whatever the caller sends.
const MAX_DEADLINE: Duration = Duration::from_secs(600);

/// The same for a stream that only ends when its client has had enough.
const MAX_WATCH: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the call's deadline. `Err`: the header is malformed.
pub fn deadline(headers: &HeaderMap) -> Result<Instant, ()> {
    within(headers, MAX_DEADLINE)
}

/// Returns the deadline of a watch. `Err`: the header is malformed.
pub fn watch_deadline(headers: &HeaderMap) -> Result<Instant, ()> {
    within(headers, MAX_WATCH)
}

fn within(headers: &HeaderMap, max: Duration) -> Result<Instant, ()> {
    let now = Instant::now();
    let Some(value) = headers.get("grpc-timeout") else { return Ok(now + max) };
    let wait = parse(value.to_str().map_err(drop)?).ok_or(())?;
    Ok(now + wait.min(max))
}

/// Parses at most eight digits and a unit: hours, minutes, seconds, milli-, micro- or nanoseconds.
fn parse(text: &str) -> Option<Duration> {
    let (unit_at, unit) = text.char_indices().last()?;
    let digits = &text[..unit_at];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(count * 3600),
        'M' => Duration::from_secs(count * 60),
        'S' => Duration::from_secs(count),
        'm' => Duration::from_millis(count),
        'u' => Duration::from_micros(count),
        'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_parsed_as_specified() {
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "m", "1", "1.5S", "-1S", "123456789S", "1x", "1 S", "１S"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
