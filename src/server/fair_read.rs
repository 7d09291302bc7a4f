//! Fair reading: a client that sends faster than it is read, such as one that floods with small frames, does not starve the other
//! connections of a thread.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read of a connection before its task yields.
const MAX_TURN: usize = 8 << 10;

/// A stream whose reads yield to other tasks now and then.
pub struct FairRead<S> {
    stream: S,
    /// Bytes read since the stream was last empty, or last yielded.
    read: usize,
}

impl<S> FairRead<S> {
    pub fn new(stream: S) -> FairRead<S> {
        FairRead { stream, read: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FairRead<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read >= MAX_TURN {
            self.read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.read = if polled.is_pending() { 0 } else { self.read + buffer.filled().len() - before };
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FairRead<S> {
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
    use futures::FutureExt;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[test]
    fn a_flood_is_read_one_turn_at_a_time() {
        let mut stream = FairRead::new(tokio::io::repeat(7));
        for _ in 0..3 {
            let mut received = Vec::new();
            assert!(stream.read_to_end(&mut received).now_or_never().is_none(), "it has not ended");
            assert!((MAX_TURN..2 * MAX_TURN).contains(&received.len()), "{}", received.len());
        }
    }

    #[tokio::test]
    async fn a_stream_read_in_turns_is_complete() {
        let sent: Vec<u8> = (0..10 * MAX_TURN).map(|at| at as u8).collect();
        let mut received = Vec::new();
        FairRead::new(&sent[..]).read_to_end(&mut received).await.unwrap();
        assert!(received == sent);
    }
}
