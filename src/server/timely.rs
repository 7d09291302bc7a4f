//! A connection whose client must begin to speak in time. What listens behind it has no clock before it knows which HTTP it hears.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A client that has not said as much as HTTP/2 begins with, for this long after it connected, is closed. By then HTTP/1.1 has said
/// enough for its headers to have a time of their own.
pub const FIRST_WORDS: Duration = Duration::from_secs(5);
/// Bytes of `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, which every HTTP/2 client says first.
const PREFACE: usize = 24;

/// A stream with that bound.
pub struct Timely<S> {
    stream: S,
    said: usize,
    patience: Pin<Box<Sleep>>,
}

impl<S> Timely<S> {
    pub fn new(stream: S) -> Timely<S> {
        Timely { stream, said: 0, patience: Box::pin(sleep(FIRST_WORDS)) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timely<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let had = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.said < PREFACE {
            self.said += buffer.filled().len() - had;
            if polled.is_pending() && self.patience.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timely<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_or_too_little_is_not_waited_for() {
        for said in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n"] {
            let (mut client, server) = duplex(64);
            client.write_all(said.as_bytes()).await.unwrap();
            let mut heard = Vec::new();
            let error = Timely::new(server).read_to_end(&mut heard).await.unwrap_err();
            assert_eq!((error.kind(), heard.as_slice()), (io::ErrorKind::TimedOut, said.as_bytes()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_begun_may_take_its_time() {
        let (mut client, server) = duplex(64);
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut server = Timely::new(server);
        let mut heard = [0; PREFACE];
        server.read_exact(&mut heard).await.unwrap();
        sleep(10 * FIRST_WORDS).await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }
}
