//! A request's body as it arrives: within its time, within its size, as gRPC frames, and within the bytes that its caller may have in flight.
//! What is wrong with it is said before it is gathered.

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

/// A flag and the message's length.
pub const PREFIX_BYTES: usize = 5;

/// What a call holds while it is received, and then while it runs.
#[derive(Debug)]
pub struct Hold {
    bytes: connection::Bytes,
    /// Its place: among the requests that are waited for, then among the calls that run.
    place: UsageShare,
    /// The place among the calls that run, until it is taken.
    running: Option<UsageShare>,
    /// What was wrong with the request: some services only end their answer then.
    wrong: Option<Status>,
}

impl Hold {
    /// `None`: too many requests are waited for.
    pub fn new(mut waiting: UsageShare, running: UsageShare, bytes: connection::Bytes) -> Option<Arc<Mutex<Hold>>> {
        waiting.grow(1).then(|| Arc::new(Mutex::new(Hold { bytes, place: waiting, running: Some(running), wrong: None })))
    }

    fn begin(&mut self) -> bool {
        let Some(mut running) = self.running.take() else { return true };
        // Both may count on one gauge: what is held is given back first.
        self.place = UsageShare::of(Vec::new());
        let begun = running.grow(1);
        self.place = running;
        begun
    }

    pub fn wrong(&mut self) -> Option<Status> {
        self.wrong.take()
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
    /// A body of one message, or of several; the first must be whole at `until`.
    pub fn new(body: Body, max_bytes: usize, several: bool, hold: Arc<Mutex<Hold>>, until: Instant) -> RequestBody {
        RequestBody { body, frames: Frames::new(max_bytes, several), hold, until, timer: None }
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Status> {
        let begun = self.frames.messages > 0;
        self.frames.read(data).map_err(|wrong| match wrong {
            BodyError::Malformed => status::malformed("is not made of whole gRPC messages"),
            BodyError::TooLarge => status::request_too_large(self.frames.max_bytes),
        })?;
        let mut hold = self.hold.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = hold.bytes.grow(data.len()) && (begun || self.frames.messages == 0 || hold.begin());
        if has_room { Ok(()) } else { Err(status::busy()) }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(self.read(context));
        if let Some(Err(status)) = &frame {
            self.hold.lock().unwrap_or_else(PoisonError::into_inner).wrong = Some(status.clone());
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
            // It broke off, or is no base64.
            Some(Err(_)) => Some(Err(status::malformed("broke off, or is not encoded as it says"))),
            None if self.frames.is_inside() => Some(Err(status::malformed("ends inside a gRPC message"))),
            None if self.frames.messages == 0 && !self.frames.several => Some(Err(status::malformed("has no gRPC message"))),
            None => None,
        })
    }
}

/// Reads where messages begin and end, whatever pieces they arrive in.
struct Frames {
    max_bytes: usize,
    several: bool,
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix that are there.
    known: usize,
    /// Bytes of the message that are to come.
    missing: usize,
    /// Messages that are whole.
    messages: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum BodyError {
    Malformed,
    TooLarge,
}

impl Frames {
    fn new(max_bytes: usize, several: bool) -> Frames {
        Frames { max_bytes, several, prefix: [0; PREFIX_BYTES], known: 0, missing: 0, messages: 0 }
    }

    fn is_inside(&self) -> bool {
        self.known > 0
    }

    fn read(&mut self, mut data: &[u8]) -> Result<(), BodyError> {
        while !data.is_empty() {
            if self.known < PREFIX_BYTES {
                if self.messages > 0 && !self.several {
                    return Err(BodyError::Malformed);
                }
                let piece = data.len().min(PREFIX_BYTES - self.known);
                self.prefix[self.known..self.known + piece].copy_from_slice(&data[..piece]);
                self.known += piece;
                data.advance(piece);
                // No call takes compressed messages; what says so in its headers was refused before.
                if self.prefix[0] != 0 {
                    return Err(BodyError::Malformed);
                }
                if self.known < PREFIX_BYTES {
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
                self.known = 0;
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
        fn messages_are_counted_whatever_pieces_they_arrive_in(lengths in prop::collection::vec(0..MAX, 0..5), piece in 1..40_usize, cut in 0..9_usize) {
            let whole: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
            prop_assert_eq!(read(&whole, piece, true), Ok((lengths.len(), false)));
            if let Some(cut) = lengths.last().and_then(|last| whole.len().checked_sub(1 + cut % (PREFIX_BYTES + last))).filter(|cut| !whole[..*cut].is_empty()) {
                let (messages, _) = read(&whole[..cut], piece, true).unwrap();
                prop_assert_eq!(messages, lengths.len() - 1);
            }
        }
    }

    #[test]
    fn what_is_wrong_is_seen_in_the_prefix() {
        for piece in [1, 2, 5, 64] {
            assert_eq!(read(&message(MAX + 1)[..PREFIX_BYTES], piece, false), Err(BodyError::TooLarge));
            assert_eq!(read(&[1, 0, 0, 0, 1, 9], piece, false), Err(BodyError::Malformed), "compressed");
            assert_eq!(read(&[0x80, 0, 0, 0, 0], piece, false), Err(BodyError::Malformed), "trailers");
            assert_eq!(read(&[message(3), message(3)].concat(), piece, false), Err(BodyError::Malformed), "two messages");
            assert_eq!(read(&message(MAX), piece, false), Ok((1, false)));
        }
    }

    fn body(pieces: Vec<Vec<u8>>, ends: bool, limits: Limits) -> (RequestBody, Arc<Connection>) {
        let common = SharedLimits::new(limits);
        let address = [192, 0, 2, 1].into();
        let connection = Connection::new(0, address, address, None, &common);
        let hold = Hold::new(connection.requests(Trust::Secret), connection.calls(Trust::Secret), connection.bytes(Trust::Secret)).unwrap();
        let pieces = futures::stream::iter(pieces.into_iter().map(|piece| Ok::<_, Status>(Frame::data(Bytes::from(piece)))));
        let body = match ends {
            true => Body::new(StreamBody::new(pieces)),
            false => Body::new(StreamBody::new(futures::StreamExt::chain(pieces, futures::stream::pending()))),
        };
        let until = Instant::now() + common.limits.request_timeout;
        (RequestBody::new(body, 16 << 20, false, hold, until), connection)
    }

    async fn code(body: RequestBody) -> Code {
        body.collect().await.err().map_or(Code::Ok, |status| status.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_must_be_whole_in_time() {
        for sent in [vec![], vec![message(9)[..3].to_vec()], vec![message(9)[..12].to_vec()]] {
            let began = Instant::now();
            assert_eq!(code(body(sent, false, Limits::default()).0).await, Code::DeadlineExceeded);
            assert_eq!(began.elapsed(), Duration::from_secs(10));
        }
        assert_eq!(code(body(vec![message(9)[..12].to_vec()], true, Limits::default()).0).await, Code::InvalidArgument);
        assert_eq!(code(body(vec![message(9)], true, Limits::default()).0).await, Code::Ok);
    }

    #[tokio::test]
    async fn a_connection_has_so_many_bytes_in_flight_and_no_more() {
        let limits = Limits { max_bytes_in_flight: 80 << 20, ..Limits::default() };
        let (body, connection) = body(vec![message(8 << 20), message(8 << 20)], true, limits);
        let other = connection.bytes(Trust::Secret);
        let mut other = other;
        assert!(other.grow(3 << 20));
        assert_eq!(code(body).await, Code::ResourceExhausted);
        drop(other);
        assert!(connection.bytes(Trust::Secret).grow(10 << 20), "what was taken is given back");
    }
}
