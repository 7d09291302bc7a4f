//! A request's body as it arrives: checked against its deadline, its size limit, gRPC framing and the caller's bytes in flight. Errors are
//! reported before the body is buffered.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::{Status, body::Body};

use crate::{
    api::status,
    server::{connection, usage::UsageShare},
};

/// The gRPC frame header: a compression flag and the message's length.
pub const PREFIX_BYTES: usize = 5;

/// The usage that a call holds: while its request is received, and then while it runs.
#[derive(Debug)]
pub struct Hold {
    bytes: connection::Bytes,
    /// Its share: first of the requests being received, then of the running calls.
    share: UsageShare,
    /// The share of the running calls, until it is taken.
    running: Option<UsageShare>,
    /// The error of the request. It is kept here since some services just end their reply on it.
    error: Option<Status>,
}

impl Hold {
    /// `None`: too many requests are being received.
    pub fn new(mut receiving: UsageShare, running: UsageShare, bytes: connection::Bytes) -> Option<Arc<Mutex<Hold>>> {
        receiving.grow(1).then(|| Arc::new(Mutex::new(Hold { bytes, share: receiving, running: Some(running), error: None })))
    }

    fn start_running(&mut self) -> bool {
        let Some(mut running) = self.running.take() else { return true };
        // Both shares may count against one limit, so the first is released before the second is taken.
        self.share = UsageShare::new(Vec::new());
        let started = running.grow(1);
        self.share = running;
        started
    }

    pub fn take_error(&mut self) -> Option<Status> {
        self.error.take()
    }
}

/// The body of a request.
pub struct RequestBody {
    body: Body,
    frames: Frames,
    hold: Arc<Mutex<Hold>>,
    until: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    /// A body of one message, or of several; the first must be complete by `until`.
    pub fn new(body: Body, max_bytes: usize, several: bool, hold: Arc<Mutex<Hold>>, until: Instant) -> RequestBody {
        RequestBody { body, frames: Frames::new(max_bytes, several), hold, until, timer: None }
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Status> {
        let started = self.frames.messages > 0;
        self.frames.read(data).map_err(|error| match error {
            BodyError::Malformed => status::malformed("is not a sequence of complete gRPC messages"),
            BodyError::TooLarge => status::request_too_large(self.frames.max_bytes),
        })?;
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = hold.bytes.grow(data.len()) && (started || self.frames.messages == 0 || hold.start_running());
        if has_room { Ok(()) } else { Err(status::busy()) }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(self.read(context));
        if let Some(Err(status)) = &frame {
            self.hold.lock().unwrap_or_else(PoisonError::into_inner).error = Some(status.clone());
        }
        Poll::Ready(frame)
    }
}

impl RequestBody {
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() && self.frames.messages == 0 {
            let until = self.until;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
            ready!(timer.as_mut().poll(context));
            return Poll::Ready(Some(Err(status::request_unfinished())));
        }
        Poll::Ready(match ready!(polled) {
            Some(Ok(frame)) => {
                let taken = frame.data_ref().map_or(Ok(()), |data| self.take(data));
                Some(taken.map(|()| frame))
            }
            // The transcoder's own, which says what is wrong.
            Some(Err(status)) if !status.details().is_empty() => Some(Err(status)),
            // It was cut off, or (gRPC-Web text) is not valid base64.
            Some(Err(_)) => Some(Err(status::malformed("was cut off, or is not encoded as declared"))),
            None if self.frames.is_inside() => Some(Err(status::malformed("ends inside a gRPC message"))),
            None if self.frames.messages == 0 && !self.frames.several => Some(Err(status::malformed("has no gRPC message"))),
            None => None,
        })
    }
}

/// Tracks gRPC message boundaries, however the bytes are split into chunks.
struct Frames {
    max_bytes: usize,
    several: bool,
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix received.
    prefix_length: usize,
    /// Bytes of the message still to come.
    missing: usize,
    /// Complete messages.
    messages: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum BodyError {
    Malformed,
    TooLarge,
}

impl Frames {
    fn new(max_bytes: usize, several: bool) -> Frames {
        Frames { max_bytes, several, prefix: [0; PREFIX_BYTES], prefix_length: 0, missing: 0, messages: 0 }
    }

    fn is_inside(&self) -> bool {
        self.prefix_length > 0
    }

    fn read(&mut self, mut data: &[u8]) -> Result<(), BodyError> {
        while !data.is_empty() {
            if self.prefix_length < PREFIX_BYTES {
                if self.messages > 0 && !self.several {
                    return Err(BodyError::Malformed);
                }
                let piece = data.len().min(PREFIX_BYTES - self.prefix_length);
                self.prefix[self.prefix_length..self.prefix_length + piece].copy_from_slice(&data[..piece]);
                self.prefix_length += piece;
                data.advance(piece);
                // Compressed messages are not supported; calls that declare them in their headers were refused before.
                if self.prefix[0] != 0 {
                    return Err(BodyError::Malformed);
                }
                if self.prefix_length < PREFIX_BYTES {
                    return Ok(());
                }
                let [_, length @ ..] = self.prefix;
                self.missing = u32::from_be_bytes(length) as usize;
                if self.missing > self.max_bytes {
                    return Err(BodyError::TooLarge);
                }
            } else {
                let piece = data.len().min(self.missing);
                self.missing -= piece;
                data.advance(piece);
            }
            if self.missing == 0 {
                self.prefix_length = 0;
                self.messages += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, StreamBody};
    use proptest::prelude::*;
    use tonic::Code;

    use super::*;
    use crate::{
        config::Limits,
        server::connection::{Connection, SharedLimits, Trust},
    };

    const MAX: usize = 100;

    fn message(length: usize) -> Vec<u8> {
        let mut framed = vec![0];
        framed.extend((length as u32).to_be_bytes());
        framed.resize(PREFIX_BYTES + length, b'x');
        framed
    }

    fn read(bytes: &[u8], piece: usize, several: bool) -> Result<(usize, bool), BodyError> {
        let mut frames = Frames::new(MAX, several);
        bytes.chunks(piece).try_for_each(|piece| frames.read(piece))?;
        Ok((frames.messages, frames.is_inside()))
    }

    proptest! {
        #[test]
        fn messages_are_counted_however_they_are_split(lengths in prop::collection::vec(0..MAX, 0..5), piece in 1..40_usize, cut in 0..9_usize) {
            let whole: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
            prop_assert_eq!(read(&whole, piece, true), Ok((lengths.len(), false)));
            if let Some(cut) = lengths.last().and_then(|last| whole.len().checked_sub(1 + cut % (PREFIX_BYTES + last))).filter(|cut| !whole[..*cut].is_empty()) {
                let (messages, _) = read(&whole[..cut], piece, true).unwrap();
                prop_assert_eq!(messages, lengths.len() - 1);
            }
        }
    }

    #[test]
    fn framing_errors_are_found_in_the_prefix() {
        for piece in [1, 2, 5, 64] {
            assert_eq!(read(&message(MAX + 1)[..PREFIX_BYTES], piece, false), Err(BodyError::TooLarge));
            assert_eq!(read(&[1, 0, 0, 0, 1, 9], piece, false), Err(BodyError::Malformed), "compressed");
            assert_eq!(read(&[0x80, 0, 0, 0, 0], piece, false), Err(BodyError::Malformed), "trailers");
            assert_eq!(read(&[message(3), message(3)].concat(), piece, false), Err(BodyError::Malformed), "two messages");
            assert_eq!(read(&message(MAX), piece, false), Ok((1, false)));
        }
    }

    fn body(pieces: Vec<Vec<u8>>, ends: bool, limits: Limits) -> (RequestBody, Arc<Connection>) {
        let shared = SharedLimits::new(limits);
        let address = [192, 0, 2, 1].into();
        let connection = Connection::new(0, address, address, None, &shared);
        let hold = Hold::new(connection.requests(Trust::Secret), connection.calls(Trust::Secret), connection.bytes(Trust::Secret)).unwrap();
        let pieces = futures::stream::iter(pieces.into_iter().map(|piece| Ok::<_, Status>(Frame::data(Bytes::from(piece)))));
        let body = match ends {
            true => Body::new(StreamBody::new(pieces)),
            false => Body::new(StreamBody::new(futures::StreamExt::chain(pieces, futures::stream::pending()))),
        };
        let until = Instant::now() + shared.limits.request_timeout;
        (RequestBody::new(body, 16 << 20, false, hold, until), connection)
    }

    async fn code(body: RequestBody) -> Code {
        body.collect().await.err().map_or(Code::Ok, |status| status.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_must_be_complete_in_time() {
        for sent in [vec![], vec![message(9)[..3].to_vec()], vec![message(9)[..12].to_vec()]] {
            let began = Instant::now();
            assert_eq!(code(body(sent, false, Limits::default()).0).await, Code::DeadlineExceeded);
            assert_eq!(began.elapsed(), Duration::from_secs(10));
        }
        assert_eq!(code(body(vec![message(9)[..12].to_vec()], true, Limits::default()).0).await, Code::InvalidArgument);
        assert_eq!(code(body(vec![message(9)], true, Limits::default()).0).await, Code::Ok);
    }

    #[tokio::test]
    async fn the_bytes_in_flight_of_a_connection_are_bounded() {
        let limits = Limits { max_bytes_in_flight: 80 << 20, ..Limits::default() };
        let (body, connection) = body(vec![message(8 << 20), message(8 << 20)], true, limits);
        let other = connection.bytes(Trust::Secret);
        let mut other = other;
        assert!(other.grow(3 << 20));
        assert_eq!(code(body).await, Code::ResourceExhausted);
        drop(other);
        assert!(connection.bytes(Trust::Secret).grow(10 << 20), "bytes are released");
    }
}
