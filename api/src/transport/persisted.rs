//! Finds the text of a request: the one it carries, or the one registered under its SHA-256.

use std::{collections::HashMap, sync::Arc};

use async_graphql_value::ConstValue;
use aws_lc_rs::digest;
use moka::future::Cache;

use super::{Code, Operation, PersistedQueries, Refusal, Settings};

type Hash = [u8; 32];

/// The text of an operation, and the hash under which to keep it once it is known to be harmless.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: Arc<str>,
    pub(super) register: Option<Hash>,
}

/// Documents by hash. They are content-addressed, so callers may share them.
#[derive(Clone)]
pub(super) struct Store {
    mode: PersistedQueries,
    registered: Cache<Hash, Arc<str>>,
    capacity: u64,
    trusted: Arc<HashMap<Hash, Arc<str>>>,
}

impl Store {
    pub(super) fn new(settings: &Settings) -> Self {
        let registered = Cache::builder()
            .max_capacity(settings.persisted_cache_bytes)
            .weigher(|_: &Hash, text: &Arc<str>| u32::try_from(text.len() + 64).unwrap_or(u32::MAX))
            .build();
        Self {
            mode: settings.persisted_queries,
            registered,
            capacity: settings.persisted_cache_bytes,
            trusted: Arc::default(),
        }
    }

    pub(super) fn trust(&mut self, texts: impl IntoIterator<Item = String>) {
        self.trusted = Arc::new(texts.into_iter().map(|text| (hash(&text), Arc::from(text))).collect());
    }

    pub(super) async fn keep(&self, text: &Text) {
        // Evictions lag behind insertions, so no single text may take much of the room.
        let fits = u64::try_from(text.text.len()).is_ok_and(|bytes| bytes.saturating_mul(8) <= self.capacity);
        if let Some(hash) = text.register.filter(|_| fits) {
            self.registered.insert(hash, Arc::clone(&text.text)).await;
        }
    }

    pub(super) async fn find(&self, operation: &Operation) -> Result<Text, Refusal> {
        let wanted = operation
            .extensions
            .get("persistedQuery")
            .map(parse_extension)
            .transpose()?;
        let given = operation.query.as_ref();
        match self.mode {
            PersistedQueries::Trusted => self.find_trusted(wanted, given),
            PersistedQueries::Off if given.is_none() && wanted.is_some() => Err(Refusal::new(
                Code::PersistedQueryNotSupported,
                "PersistedQueryNotSupported",
            )),
            PersistedQueries::Automatic => match (wanted, given) {
                (Some(wanted), Some(text)) => {
                    if hash(text) != wanted {
                        let message = "sha256Hash is not the SHA-256 of the query";
                        return Err(Refusal::new(Code::PersistedQueryHashMismatch, message));
                    }
                    Ok(Text {
                        text: Arc::clone(text),
                        register: Some(wanted),
                    })
                }
                // Clients look for this very message.
                (Some(wanted), None) => match self.registered.get(&wanted).await {
                    Some(text) => Ok(Text { text, register: None }),
                    None => Err(Refusal::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")),
                },
                (None, given) => plain(given),
            },
            PersistedQueries::Off => plain(given),
        }
    }

    fn find_trusted(&self, wanted: Option<Hash>, given: Option<&Arc<str>>) -> Result<Text, Refusal> {
        let Some(key) = wanted.or_else(|| given.map(|text| hash(text))) else {
            return plain(given);
        };
        match self.trusted.get(&key) {
            Some(text) if given.is_none_or(|given| given == text) => Ok(Text {
                text: Arc::clone(text),
                register: None,
            }),
            _ => Err(Refusal::new(
                Code::DocumentNotTrusted,
                "only registered documents are run here",
            )),
        }
    }
}

fn plain(given: Option<&Arc<str>>) -> Result<Text, Refusal> {
    match given {
        Some(text) => Ok(Text {
            text: Arc::clone(text),
            register: None,
        }),
        None => Err(Refusal::new(Code::InvalidRequest, "the request has no query")),
    }
}

fn hash(text: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

fn parse_extension(value: &ConstValue) -> Result<Hash, Refusal> {
    let invalid = |message: &str| Refusal::new(Code::InvalidRequest, format!("extensions.persistedQuery: {message}"));
    let ConstValue::Object(members) = value else {
        return Err(invalid("must be an object"));
    };
    match members.get("version") {
        Some(ConstValue::Number(version)) if version.as_u64() == Some(1) => {}
        Some(ConstValue::Number(_)) => {
            return Err(Refusal::new(
                Code::PersistedQueryNotSupported,
                "PersistedQueryNotSupported",
            ));
        }
        _ => return Err(invalid("version must be 1")),
    }
    match members.get("sha256Hash") {
        Some(ConstValue::String(hex)) => {
            parse_hex(hex).ok_or_else(|| invalid("sha256Hash must be 64 hexadecimal digits"))
        }
        _ => Err(invalid("sha256Hash must be a string")),
    }
}

fn parse_hex(hex: &str) -> Option<Hash> {
    let mut hash = [0_u8; 32];
    if hex.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        for &digit in pair {
            let value = char::from(digit)
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())?;
            *byte = (*byte << 4) | value;
        }
    }
    Some(hash)
}
