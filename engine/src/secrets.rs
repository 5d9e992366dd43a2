//! Seals what must stay secret at rest, under a ring of keys of which the first seals and all open. Nothing here
//! prints, logs or returns a key, except `new_entry`, whose purpose it is.

mod file;

pub use file::{drop_key, rotate};

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use indexmap::IndexMap;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;
use zeroize::Zeroizing;

const KEY_LEN: usize = 32;
const TOKEN_HASH_CONTEXT: &str = "lineshaft 2026-11-22 api token hash";

/// The keys that seal and open, by their identifiers. The first one is the current one.
///
/// A ring from a file follows the file: a key that was put in front of it is used within a second, and at once when
/// something is to be opened that it sealed.
pub struct KeyRing {
    keys: RwLock<Arc<Keys>>,
    source: Option<file::Source>,
}

type Keys = IndexMap<String, Key>;

/// One key, in the two forms that are used. The bytes that it came from are gone.
struct Key {
    cipher: RandomizedNonceKey,
    token_hash: Zeroizing<[u8; KEY_LEN]>,
}

/// What a sealed text belongs to. It opens for the same binding only, so a row copied elsewhere is worthless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The organization.
    pub organization_id: Uuid,
    /// The connection.
    pub connection_id: Uuid,
    /// What the text is used for.
    pub purpose: &'static str,
}

/// A sealed text and what is needed to open it, besides the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The identifier of the key.
    pub key_id: String,
    /// The nonce of the cipher.
    pub nonce: Vec<u8>,
    /// The sealed text with its tag.
    pub ciphertext: Vec<u8>,
}

/// Why a key ring could not be made or a text not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key is not written as expected. The message counts the keys and never repeats one.
    #[error("key {position} of the key ring is malformed: {problem}")]
    MalformedKey {
        /// Which key, counted from 1.
        position: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A ring needs a key.
    #[error("the key ring has no key")]
    NoKey,
    /// The text was sealed with a key that the ring does not have.
    #[error("the key ring has no key `{0}`")]
    UnknownKey(String),
    /// The text was changed, or belongs to something else.
    #[error("the sealed text cannot be opened: it was changed or belongs elsewhere")]
    Tampered,
    /// The cipher or the random source failed.
    #[error("the cryptographic library failed")]
    Cryptography,
    /// The key file could not be read or written.
    #[error("the key file `{path}` cannot be used")]
    File {
        /// Where the file is.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The key file has no such key.
    #[error("the key file has no key `{0}`")]
    NoSuchKey(String),
    /// The current key stays: without it nothing could be sealed.
    #[error("the key `{0}` is the current one; rotate first")]
    CurrentKey(String),
    /// The key file can be read by others.
    #[error("the key file `{0}` can be read by others than its owner; set its mode to 0600")]
    FilePermissions(String),
}

impl KeyRing {
    /// Parses keys of the form `id:base64`, of which the first is the current one.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a SecretString>) -> Result<Self, Error> {
        Ok(Self {
            keys: RwLock::new(Arc::new(parse(entries)?)),
            source: None,
        })
    }

    /// Makes a ring of one new random key, which is lost with the ring.
    pub fn generate() -> Result<Self, Error> {
        Self::parse([&new_entry()?])
    }

    /// Returns the ring in a key file, one `id:base64` a line; writes a new file, for its owner only, when missing.
    pub fn load_or_create(path: &std::path::Path) -> Result<Self, Error> {
        let (keys, source) = file::load_or_create(path)?;
        Ok(Self {
            keys: RwLock::new(Arc::new(keys)),
            source: Some(source),
        })
    }

    /// Returns the identifier of the key that seals.
    pub fn current_id(&self) -> String {
        self.keys().first().map_or_else(String::new, |(id, _)| id.clone())
    }

    /// Returns the identifiers of all keys, the current one first.
    pub fn ids(&self) -> Vec<String> {
        self.keys().keys().cloned().collect()
    }

    /// Seals a text with the current key, for one binding.
    pub fn seal(&self, binding: &Binding, plaintext: &[u8]) -> Result<Sealed, Error> {
        let keys = self.keys();
        let (key_id, key) = keys.first().ok_or(Error::NoKey)?;
        // The capacity holds the tag as well, so no copy of the plaintext is left behind by growing.
        let mut text = Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len());
        text.extend_from_slice(plaintext);
        let nonce = key
            .cipher
            .seal_in_place_append_tag(Aad::from(binding.bytes()), &mut text)
            .map_err(|_| Error::Cryptography)?;
        Ok(Sealed {
            key_id: key_id.clone(),
            nonce: nonce.as_ref().to_vec(),
            ciphertext: text,
        })
    }

    /// Opens a text that was sealed for the same binding.
    pub fn open(&self, binding: &Binding, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut keys = self.keys();
        if !keys.contains_key(&sealed.key_id) {
            self.renew(file::Look::Now);
            keys = self.present();
        }
        let key = keys
            .get(&sealed.key_id)
            .ok_or_else(|| Error::UnknownKey(sealed.key_id.clone()))?;
        let nonce = <&[u8; NONCE_LEN]>::try_from(sealed.nonce.as_slice()).map_err(|_| Error::Tampered)?;
        let mut text = Zeroizing::new(sealed.ciphertext.clone());
        let length = key
            .cipher
            .open_in_place(Nonce::from(nonce), Aad::from(binding.bytes()), &mut text)
            .map_err(|_| Error::Tampered)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    /// Returns the keyed hashes that a token may be stored as: under the current key, then under the older ones.
    pub(crate) fn token_hashes(&self, token: &str) -> Vec<[u8; 32]> {
        self.keys()
            .values()
            .map(|key| *blake3::keyed_hash(&key.token_hash, token.as_bytes()).as_bytes())
            .collect()
    }

    /// Returns the keys, after a look whether the file was changed.
    fn keys(&self) -> Arc<Keys> {
        self.renew(file::Look::NowAndThen);
        self.present()
    }

    fn present(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what the file says now. A file that cannot be used changes nothing.
    fn renew(&self, look: file::Look) {
        match self.source.as_ref().and_then(|source| source.changed(look)) {
            None => {}
            Some(Ok(keys)) => {
                let current = keys.first().map(|(id, _)| id.as_str()).unwrap_or_default();
                tracing::info!(key.id = current, keys = keys.len(), "took over the changed key file");
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Some(Err(error)) => {
                tracing::error!(%error, "the changed key file cannot be used, keeping the keys from before")
            }
        }
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("KeyRing")
            .field(&self.present().keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_LEN]) -> Result<Self, Error> {
        Ok(Self {
            cipher: RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| Error::Cryptography)?,
            token_hash: Zeroizing::new(blake3::derive_key(TOKEN_HASH_CONTEXT, bytes)),
        })
    }
}

impl Binding {
    /// Returns the associated data of the cipher. The identifiers have a fixed length, so no two bindings are alike.
    fn bytes(&self) -> Vec<u8> {
        [
            self.organization_id.as_bytes(),
            self.connection_id.as_bytes(),
            self.purpose.as_bytes(),
        ]
        .concat()
    }
}

fn parse<'a>(entries: impl IntoIterator<Item = &'a SecretString>) -> Result<Keys, Error> {
    let mut keys = IndexMap::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let malformed = |problem| Error::MalformedKey {
            position: index + 1,
            problem,
        };
        let (id, key) = entry
            .expose_secret()
            .trim()
            .split_once(':')
            .ok_or(malformed("it is not `id:base64`"))?;
        if !is_key_id(id) {
            return Err(malformed("its identifier is not 1 to 64 letters, digits, `-` or `_`"));
        }
        let bytes = Zeroizing::new(STANDARD.decode(key).map_err(|_| malformed("it is not base64"))?);
        let bytes = <&[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| malformed("it is not 32 bytes long"))?;
        if keys.insert(id.to_owned(), Key::new(bytes)?).is_some() {
            return Err(malformed("its identifier was used before"));
        }
    }
    if keys.is_empty() {
        return Err(Error::NoKey);
    }
    Ok(keys)
}

/// Returns a new random key as `id:base64`, to be put into the settings or a key file.
pub fn new_entry() -> Result<SecretString, Error> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| Error::Cryptography)?;
    let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    let id = Uuid::now_v7().simple().to_string();
    Ok(SecretString::from(format!("k{id}:{}", encoded.as_str())))
}

fn is_key_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
