//! A reply's body: sent in chunks, so that the transport never buffers a large reply that nobody reads, and counted against the caller's
//! bytes in flight.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};

use crate::{
    api::status,
    server::{
        connection::{self, Active},
        request_body::Hold,
    },
};

/// Largest chunk handed to the transport, in bytes.
pub const MAX_CHUNK: usize = 16 << 10;

/// The body of a reply.
pub struct ReplyBody {
    body: Body,
    /// The rest of a frame that is larger than a chunk.
    rest: Bytes,
    bytes: connection::Bytes,
    active: Active,
    /// The call's hold, if its work goes on while it replies.
    hold: Option<Arc<Mutex<Hold>>>,
    counted: Counted,
}

/// Which of its bytes count as in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// All, until the reply ends.
    All,
    /// Those of its last frame: the reply never ends by itself, and the transport asks for a frame only when it has room for it.
    LastFrame,
}

impl ReplyBody {
    pub fn new(body: Body, bytes: connection::Bytes, active: Active, hold: Option<Arc<Mutex<Hold>>>) -> ReplyBody {
        ReplyBody { body, rest: Bytes::new(), bytes, active, hold, counted: Counted::All }
    }

    /// The same with other bytes counted.
    pub fn counting(self, counted: Counted) -> ReplyBody {
        ReplyBody { counted, ..self }
    }

    fn request_error(&self) -> Option<Status> {
        self.hold.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take_error()
    }

    /// The next chunk, as a copy: a slice would keep the whole reply in memory for as long as the transport holds one chunk of it.
    fn chunk(&mut self) -> Frame<Bytes> {
        let chunk = self.rest.split_to(self.rest.len().min(MAX_CHUNK));
        Frame::data(Bytes::copy_from_slice(&chunk))
    }
}

impl HttpBody for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            if this.counted == Counted::LastFrame {
                this.bytes.clear();
            }
            let frame = match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(trailers) => return Poll::Ready(Some(this.request_error().map_or(Ok(trailers), Err))),
            };
            if !this.bytes.grow(data.len()) {
                return Poll::Ready(Some(Err(status::busy())));
            }
            if data.len() <= MAX_CHUNK {
                this.active.connection().touch();
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            this.rest = data;
        }
        this.active.connection().touch();
        Poll::Ready(Some(Ok(this.chunk())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use http_body_util::{BodyExt, Full};

    use super::*;
    use crate::{
        config::Limits,
        server::connection::{Connection, SharedLimits, Trust},
    };

    fn reply(length: usize) -> (ReplyBody, Arc<Connection>) {
        let shared = SharedLimits::new(Limits::default());
        let address = [192, 0, 2, 1].into();
        let connection = Connection::new(0, address, address, None, &shared);
        let content: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let body = Body::new(Full::new(Bytes::from(content)));
        (ReplyBody::new(body, connection.bytes(Trust::Public), connection.begin_call(), None), connection)
    }

    #[tokio::test]
    async fn a_large_reply_is_sent_completely_and_in_chunks() {
        for length in [0, 1, MAX_CHUNK, MAX_CHUNK + 1, 5 * MAX_CHUNK] {
            let (mut reply, connection) = reply(length);
            assert_eq!(reply.size_hint().exact(), Some(length as u64));
            let mut read = Vec::new();
            while let Some(frame) = reply.frame().await {
                let data = frame.unwrap().into_data().unwrap();
                assert!(data.len() <= MAX_CHUNK);
                read.extend(data);
                assert!(connection.is_busy());
            }
            assert!(read.len() == length && read.iter().enumerate().all(|(at, byte)| *byte == at as u8));
            drop(reply);
            assert!(!connection.is_busy());
        }
    }

    #[tokio::test]
    async fn a_reply_without_an_end_is_counted_by_its_last_frame() {
        let (_, connection) = reply(0);
        let frames = futures::stream::repeat_with(|| Ok::<_, Status>(Frame::data(Bytes::from(vec![0; 1 << 20])))).take(100);
        let body = Body::new(http_body_util::StreamBody::new(frames));
        let endless = ReplyBody::new(body, connection.bytes(Trust::Public), connection.begin_call(), None);
        let mut endless = endless.counting(Counted::LastFrame);
        let mut read = 0;
        while let Some(frame) = endless.frame().await {
            read += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(read, 100 << 20);
    }

    #[tokio::test]
    async fn unread_replies_of_a_connection_are_bounded() {
        let (mut first, connection) = reply(4 << 20);
        assert!(first.frame().await.unwrap().is_ok());
        let mut unread = vec![first];
        let refused = loop {
            let body = Body::new(Full::new(Bytes::from(vec![0; 4 << 20])));
            let mut next = ReplyBody::new(body, connection.bytes(Trust::Public), connection.begin_call(), None);
            match next.frame().await.unwrap() {
                Ok(_) => unread.push(next),
                Err(status) => break status,
            }
            assert!(unread.len() < 100);
        };
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        assert_eq!(unread.len(), 3, "12 MiB per connection");
    }
}
