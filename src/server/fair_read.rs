//! Reading in turns: a client that sends faster than it is read, such as one that floods with small frames, does not keep a thread from the
//! other connections.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read of a connection before it is the others' turn.
const MAX_TURN: usize = 8 << 10;

/// A stream that is read in turns.
pub struct FairRead<S> {
    stream: S,
    /// Read since the stream last had nothing, or another had a turn.
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
        let had = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.read = if polled.is_pending() { 0 } else { self.read + buffer.filled().len() - had };
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
    fn who_floods_is_read_a_turn_at_a_time() {
        let mut stream = FairRead::new(tokio::io::repeat(7));
        for _ in 0..3 {
            let mut heard = Vec::new();
            assert!(stream.read_to_end(&mut heard).now_or_never().is_none(), "it has not ended");
            assert!((MAX_TURN..2 * MAX_TURN).contains(&heard.len()), "{}", heard.len());
        }
    }

    #[tokio::test]
    async fn what_is_read_in_turns_is_whole() {
        let sent: Vec<u8> = (0..10 * MAX_TURN).map(|at| at as u8).collect();
        let mut heard = Vec::new();
        FairRead::new(&sent[..]).read_to_end(&mut heard).await.unwrap();
        assert!(heard == sent);
    }
}
