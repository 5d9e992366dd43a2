//! What resolvers of mutations must know of their request: the header `Idempotency-Key`, and which fields were begun.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderMap;

/// What the header `Idempotency-Key` of a request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyKey {
    /// The key.
    Given(Arc<str>),
    /// The header cannot be used, and why.
    Unusable(&'static str),
}

impl IdempotencyKey {
    /// The header.
    pub const HEADER: &str = "idempotency-key";

    /// Reads the header, if there is one. The quotes that its draft asks for may stand or be left out.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(Self::HEADER).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return Some(Self::Unusable("the header `Idempotency-Key` is given twice"));
        }
        let Ok(text) = first.to_str() else {
            return Some(Self::Unusable(
                "the header `Idempotency-Key` must have 1 to 255 printable ASCII characters",
            ));
        };
        let text = text.trim();
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        Some(Self::Given(inner.unwrap_or(text).into()))
    }

    /// The header of a list of requests, which would stand for all of them.
    pub(super) fn of_batch(self) -> Self {
        Self::Unusable("the header `Idempotency-Key` stands for one request, not for a list of them")
    }
}

/// Which fields of an operation that changes something were begun. A field that the document names twice is one field,
/// and must not be carried out twice.
#[derive(Clone, Debug, Default)]
pub struct Begun(Arc<Mutex<HashSet<String>>>);

impl Begun {
    /// Notes that the field with this key in the answer is begun; returns whether it is so for the first time.
    pub fn first(&self, key: &str) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(values: &[&str]) -> Option<IdempotencyKey> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                IdempotencyKey::HEADER,
                http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        IdempotencyKey::from_headers(&headers)
    }

    #[test]
    fn the_key_is_read_with_and_without_quotes() {
        let given = Some(IdempotencyKey::Given("order-1".into()));
        assert_eq!(read(&["order-1"]), given);
        assert_eq!(read(&["\"order-1\""]), given);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn two_keys_or_a_strange_one_are_not_guessed_at() {
        assert!(matches!(read(&["a", "b"]), Some(IdempotencyKey::Unusable(_))));
        assert!(matches!(read(&["schlüssel"]), Some(IdempotencyKey::Unusable(_))));
    }

    #[test]
    fn a_field_is_begun_once() {
        let begun = Begun::default();
        assert!(begun.first("a") && begun.first("b"));
        assert!(!begun.clone().first("a"));
    }
}
