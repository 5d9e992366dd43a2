//! Streams of which no more is read than a statement may be answered with, so that no server decides how much memory is
//! taken. What a server says is bounded as a whole, and with Postgres also by the message: its parser makes room for what
//! a message only announces.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::fault::Fault;

/// Most bytes that a server may send before it knows a statement: certificates, parameters, refusals.
const SIGN_IN: usize = 256 * 1024;

/// Most bytes of one message of that time.
const SIGN_IN_MESSAGE: usize = 64 * 1024;

/// What comes besides the values of a row.
const BESIDES: usize = 1024 * 1024;

/// How much more a row may be on the wire than as JSON: small numbers in wide columns.
const WIDER: usize = 4;

/// What a server may still send.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<State>);

struct State {
    left: AtomicUsize,
    message: AtomicUsize,
    /// The limit of the statement that is running; zero while signing in.
    most: AtomicUsize,
    is_exceeded: AtomicBool,
}

impl Allowance {
    /// Allows what signing in takes.
    pub(crate) fn for_sign_in() -> Self {
        Self(Arc::new(State {
            left: AtomicUsize::new(SIGN_IN),
            message: AtomicUsize::new(SIGN_IN_MESSAGE),
            most: AtomicUsize::new(0),
            is_exceeded: AtomicBool::new(false),
        }))
    }

    /// Allows what one more statement takes whose answer has a limit.
    pub(crate) fn begin(&self, most_bytes: usize) {
        let state = &self.0;
        state.most.store(most_bytes, Ordering::Relaxed);
        let left = most_bytes.saturating_mul(WIDER).saturating_add(BESIDES);
        state.left.store(left, Ordering::Relaxed);
        let message = most_bytes.saturating_add(SIGN_IN_MESSAGE);
        state.message.store(message, Ordering::Relaxed);
    }

    /// Tells a connection that was broken off here from one that the server broke off.
    pub(crate) fn judge(&self, fault: Fault) -> Fault {
        if !self.0.is_exceeded.load(Ordering::Relaxed) {
            return fault;
        }
        match self.0.most.load(Ordering::Relaxed) {
            0 => Fault::malformed("it is longer than signing in takes"),
            most => Fault::too_large(most),
        }
    }

    fn exceed(&self) -> io::Error {
        self.0.is_exceeded.store(true, Ordering::Relaxed);
        io::Error::new(io::ErrorKind::InvalidData, "the server sends too much")
    }

    fn take(&self, bytes: usize) -> io::Result<()> {
        let left = self.0.left.load(Ordering::Relaxed);
        let left = left.checked_sub(bytes).ok_or_else(|| self.exceed())?;
        self.0.left.store(left, Ordering::Relaxed);
        Ok(())
    }
}

/// A stream that fails when more comes than is allowed.
pub(crate) struct Bounded<S> {
    stream: S,
    allowance: Allowance,
    is_counted: bool,
    messages: Option<Messages>,
}

impl<S> Bounded<S> {
    /// Bounds what comes as a whole.
    pub(crate) const fn counted(stream: S, allowance: Allowance) -> Self {
        Self {
            stream,
            allowance,
            is_counted: true,
            messages: None,
        }
    }

    /// Bounds messages of Postgres, and what comes as a whole.
    pub(crate) fn messages(stream: S, allowance: Allowance) -> Self {
        Self {
            messages: Some(Messages::default()),
            ..Self::counted(stream, allowance)
        }
    }

    /// Bounds messages of Postgres in a stream within one that is counted.
    pub(crate) fn messages_within(stream: S, allowance: Allowance) -> Self {
        Self {
            is_counted: false,
            ..Self::messages(stream, allowance)
        }
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_counted {
            self.allowance.take(bytes.len())?;
        }
        let most = self.allowance.0.message.load(Ordering::Relaxed);
        let is_within = self.messages.as_mut().is_none_or(|messages| messages.pass(bytes, most));
        if is_within {
            Ok(())
        } else {
            Err(self.allowance.exceed())
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let passed = self.pass(buffer.filled().get(before..).unwrap_or_default());
        if passed.is_err() {
            buffer.set_filled(before);
        }
        Poll::Ready(passed)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where in its messages a Postgres server is: each is a sign, its length in four bytes, and the rest.
#[derive(Default)]
struct Messages {
    header: [u8; 5],
    known: usize,
    rest: usize,
}

impl Messages {
    /// Goes on by some bytes; returns whether no message is longer than the most.
    fn pass(&mut self, mut bytes: &[u8], most: usize) -> bool {
        while let Some((first, others)) = bytes.split_first() {
            if self.rest > 0 {
                let passed = self.rest.min(bytes.len());
                self.rest -= passed;
                bytes = bytes.get(passed..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.header.get_mut(self.known) {
                *place = *first;
            }
            self.known += 1;
            bytes = others;
            if self.known < self.header.len() {
                continue;
            }
            self.known = 0;
            let [_, length @ ..] = self.header;
            // The length counts itself.
            let rest = usize::try_from(u32::from_be_bytes(length)).ok();
            match rest.and_then(|length| length.checked_sub(4)) {
                Some(rest) if rest <= most => self.rest = rest,
                _ => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use lineshaft_connect::error::ErrorKind;
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn message(length: usize) -> Vec<u8> {
        let mut bytes = vec![b'D'];
        bytes.extend(u32::try_from(length + 4).unwrap().to_be_bytes());
        bytes.resize(length + 5, 0);
        bytes
    }

    fn kind(fault: Fault) -> Option<ErrorKind> {
        match fault {
            Fault::Failed(error) => Some(error.kind()),
            _ => None,
        }
    }

    async fn read(sent: &[u8], allowance: &Allowance) -> io::Result<usize> {
        let mut bytes = Vec::new();
        Bounded::messages(sent, allowance.clone()).read_to_end(&mut bytes).await
    }

    #[tokio::test]
    async fn no_more_is_read_than_is_allowed() {
        let allowance = Allowance::for_sign_in();
        let sent = message(1_000).repeat(400);
        assert!(read(&sent, &allowance).await.is_err());
        assert_eq!(kind(allowance.judge(Fault::Lost)), Some(ErrorKind::MalformedResponse));

        let allowance = Allowance::for_sign_in();
        allowance.begin(100_000);
        assert_eq!(read(&sent, &allowance).await.unwrap(), sent.len());
        assert!(matches!(allowance.judge(Fault::Lost), Fault::Lost));
        let more = message(1_000).repeat(1_100);
        assert!(read(&more, &allowance).await.is_err());
        assert_eq!(kind(allowance.judge(Fault::Lost)), Some(ErrorKind::ResponseTooLarge));
    }

    #[tokio::test]
    async fn a_message_that_is_only_announced_is_refused() {
        for announced in [[0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 3]] {
            let mut sent = message(10);
            sent.push(b'S');
            sent.extend(announced);
            assert!(read(&sent, &Allowance::for_sign_in()).await.is_err());
        }
        let allowance = Allowance::for_sign_in();
        assert!(read(&message(SIGN_IN_MESSAGE + 1), &allowance).await.is_err());
        let allowance = Allowance::for_sign_in();
        allowance.begin(1);
        assert!(read(&message(SIGN_IN_MESSAGE + 1), &allowance).await.is_ok());
    }

    proptest! {
        #[test]
        fn messages_are_found_however_they_come(
            lengths in proptest::collection::vec(0_usize..50, 1..10), step in 1_usize..20, most in 0_usize..50,
        ) {
            let sent: Vec<u8> = lengths.iter().flat_map(|length| message(*length)).collect();
            let mut messages = Messages::default();
            let passed = sent.chunks(step).all(|chunk| messages.pass(chunk, most));
            prop_assert_eq!(passed, lengths.iter().all(|length| *length <= most));
        }
    }
}
