//! Reads the body of an answer up to a limit, counted after decompression.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind};

/// Collects a body. Reading stops as soon as it is larger than allowed.
pub(crate) async fn collect<E>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    announced: Option<u64>,
    most: usize,
    broken: impl FnOnce(E) -> Error,
) -> Result<Bytes, Error> {
    let announced = announced.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    // Most answers come in one piece, which is taken as it is.
    let first = match body.next().await {
        None => return Ok(Bytes::new()),
        Some(Ok(first)) => first,
        Some(Err(error)) => return Err(broken(error)),
    };
    if first.len() > most {
        return Err(too_large(most));
    }
    let mut whole = BytesMut::new();
    let mut first = Some(first);
    while let Some(piece) = body.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Err(broken(error)),
        };
        if let Some(first) = first.take() {
            whole.reserve(announced.unwrap_or(first.len() + piece.len()));
            whole.extend_from_slice(&first);
        }
        if whole.len() + piece.len() > most {
            return Err(too_large(most));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

/// Returns the beginning of a body: what came within the limit, the time, and before the body broke.
pub(crate) async fn beginning<E>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    most: usize,
    time: Duration,
) -> Bytes {
    let end = Instant::now() + time;
    let mut whole = BytesMut::new();
    while whole.len() < most
        && let Ok(Some(Ok(piece))) = timeout_at(end, body.next()).await
    {
        let fits = piece.len().min(most - whole.len());
        whole.extend_from_slice(piece.get(..fits).unwrap_or_default());
    }
    whole.freeze()
}

fn too_large(most: usize) -> Error {
    Error::new(
        ErrorKind::ResponseTooLarge,
        format!("the answer is larger than {most} bytes"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    async fn collect_pieces(pieces: &[&'static [u8]], most: usize) -> Result<Bytes, ErrorKind> {
        let body = stream::iter(
            pieces
                .iter()
                .map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece))),
        );
        collect(body, None, most, |never| match never {})
            .await
            .map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        assert_eq!(collect_pieces(&[], 4).await, Ok(Bytes::new()));
        assert_eq!(collect_pieces(&[b"abcd"], 4).await, Ok(Bytes::from_static(b"abcd")));
        assert_eq!(
            collect_pieces(&[b"ab", b"c", b"d"], 4).await,
            Ok(Bytes::from_static(b"abcd"))
        );
        assert_eq!(collect_pieces(&[b"abcde"], 4).await, Err(ErrorKind::ResponseTooLarge));
        assert_eq!(
            collect_pieces(&[b"ab", b"cd", b"e"], 4).await,
            Err(ErrorKind::ResponseTooLarge)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_beginning_of_a_body_is_kept_however_it_goes_on() {
        let pieces = |pieces: &[&'static [u8]]| {
            let pieces: Vec<_> = pieces
                .iter()
                .map(|piece| Ok::<_, ()>(Bytes::from_static(piece)))
                .collect();
            stream::iter(pieces)
        };
        let time = Duration::from_secs(1);
        assert_eq!(beginning(pieces(&[]), 4, time).await, "");
        assert_eq!(beginning(pieces(&[b"ab", b"cde", b"f"]), 4, time).await, "abcd");
        let broken = stream::iter([Ok(Bytes::from_static(b"ab")), Err(()), Ok(Bytes::from_static(b"cd"))]);
        assert_eq!(beginning(broken, 4, time).await, "ab");
        let endless = pieces(&[b"ab"]).chain(stream::pending());
        assert_eq!(beginning(endless, 4, time).await, "ab");
    }

    #[tokio::test]
    async fn an_announced_length_beyond_the_limit_is_not_read_at_all() {
        let body = stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> { unreachable!() });
        let error = collect(body, Some(5), 4, |never| match never {}).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
    }
}
