//! The codes and refresh tokens of an authorization server: codes work once, refresh tokens are replaced when used, and
//! one that is used too often ends its whole family.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::sign_ins::RefreshToken;

/// How long tokens and codes live, and how often a replaced refresh token is still taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRules {
    /// Seconds that an access token lives.
    pub access_lifetime_s: u64,
    /// Seconds that an authorization code lives.
    pub code_lifetime_s: u64,
    /// How often a refresh token is taken again after its first use; one time more ends its family.
    pub refresh_reuses: u32,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            access_lifetime_s: 3599,
            code_lifetime_s: 600,
            refresh_reuses: 1,
        }
    }
}

/// What a person agreed to on the sign-in page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) account: Account,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    /// The S256 challenge of the client.
    pub(crate) challenge: String,
    pub(crate) scope: String,
    /// The same for all tokens that go back to this sign-in.
    pub(crate) family: u64,
}

/// Why a code or a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was never handed out, or to another client.
    Unknown,
    /// It is too old.
    Expired,
    /// The code was exchanged before.
    Redeemed,
    /// The refresh token was used too often, which ended its family.
    Reused,
    /// Somebody revoked it.
    Revoked,
    /// The password of the account changed.
    PasswordChanged,
}

/// The codes and refresh tokens handed out so far.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    rules: TokenRules,
    families: u64,
    codes: HashMap<String, Code>,
    tokens: IndexMap<String, Token>,
    ended: HashMap<u64, Refusal>,
}

#[derive(Debug)]
struct Code {
    consent: Consent,
    made_at: Instant,
    is_redeemed: bool,
}

#[derive(Debug)]
struct Token {
    consent: Consent,
    uses: u32,
}

impl Grants {
    pub(crate) fn rules(&self) -> TokenRules {
        self.memory().rules
    }

    pub(crate) fn set_rules(&self, rules: TokenRules) {
        self.memory().rules = rules;
    }

    /// Hands out a code; the family of the consent is chosen here.
    pub(crate) fn add_code(&self, consent: Consent) -> String {
        let mut memory = self.memory();
        memory.families += 1;
        let consent = Consent {
            family: memory.families,
            ..consent
        };
        let code = format!("0.{}", random());
        let made = Code {
            consent,
            made_at: Instant::now(),
            is_redeemed: false,
        };
        memory.codes.insert(code.clone(), made);
        code
    }

    /// Takes a code. Whatever the exchange then finds wrong, it cannot be taken again; a second try ends what came
    /// from the first.
    pub(crate) fn redeem(&self, code: &str, client_id: &str) -> Result<Consent, Refusal> {
        let mut memory = self.memory();
        let lifetime = Duration::from_secs(memory.rules.code_lifetime_s);
        let found = memory.codes.get_mut(code).ok_or(Refusal::Unknown)?;
        if found.consent.client_id != client_id {
            return Err(Refusal::Unknown);
        }
        let family = found.consent.family;
        if found.is_redeemed {
            memory.ended.entry(family).or_insert(Refusal::Revoked);
            return Err(Refusal::Redeemed);
        }
        found.is_redeemed = true;
        if found.made_at.elapsed() >= lifetime {
            return Err(Refusal::Expired);
        }
        let consent = found.consent.clone();
        memory.ended.get(&family).map_or(Ok(consent), |ended| Err(*ended))
    }

    /// Hands out a refresh token.
    pub(crate) fn add_refresh_token(&self, consent: Consent) -> String {
        let token = format!("1.{}", random());
        self.memory().tokens.insert(token.clone(), Token { consent, uses: 0 });
        token
    }

    /// Counts a use of a refresh token and returns what it stands for.
    pub(crate) fn refresh(&self, token: &str, client_id: &str) -> Result<Consent, Refusal> {
        let mut memory = self.memory();
        let allowed = memory.rules.refresh_reuses.saturating_add(1);
        let found = memory.tokens.get_mut(token).ok_or(Refusal::Unknown)?;
        if found.consent.client_id != client_id {
            return Err(Refusal::Unknown);
        }
        found.uses += 1;
        let (consent, uses) = (found.consent.clone(), found.uses);
        if uses > allowed {
            memory.ended.entry(consent.family).or_insert(Refusal::Reused);
        }
        let ended = memory.ended.get(&consent.family).copied();
        ended.map_or(Ok(consent), Err)
    }

    /// Ends all refresh tokens and unused codes, of one account or of all.
    pub(crate) fn end(&self, account: Option<Account>, reason: Refusal) {
        let mut memory = self.memory();
        let Memory {
            codes, tokens, ended, ..
        } = &mut *memory;
        let consents = codes
            .values()
            .map(|code| &code.consent)
            .chain(tokens.values().map(|token| &token.consent));
        for consent in consents {
            if account.is_none_or(|account| account == consent.account) {
                ended.entry(consent.family).or_insert(reason);
            }
        }
    }

    /// Returns every refresh token with its uses.
    pub(crate) fn refresh_tokens(&self) -> Vec<RefreshToken> {
        let memory = self.memory();
        let tokens = memory.tokens.iter();
        tokens
            .map(|(text, token)| RefreshToken {
                token: text.clone(),
                account: token.consent.account,
                family: token.consent.family,
                uses: token.uses,
                revoked: memory.ended.contains_key(&token.consent.family),
            })
            .collect()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> String {
    (0..4).map(|_| format!("{:016x}", fastrand::u64(..))).collect()
}
