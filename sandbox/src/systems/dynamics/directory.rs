//! The directory (Entra ID) of the installation: its tenant, the two registered applications and the two people who can
//! sign in.

use serde_json::{Value, json};

use super::codes::{COMPANY, OTHER};
use crate::account::{Account, Generation};
use crate::state::SystemState;

/// The tenant of the demo.
pub(super) const TENANT: &str = "6f1c2b7e-0d4a-4f53-9a35-2c8b5e7d9a10";
/// The registered application.
pub(super) const CLIENT_ID: &str = "b3a8f2d4-51c7-4e0e-8f6d-7c2e9a4b1d05";
/// The secret of the application.
pub(super) const CLIENT_SECRET: &str = "lakeside~demo~secret";
const SECOND_CLIENT_ID: &str = "e7d10c62-93ab-4f18-b5e4-0a6c8d2f7b31";
const SECOND_CLIENT_SECRET: &str = "lakeside~second~secret";

/// A person who can sign in.
pub(super) struct Person {
    pub(super) name: &'static str,
    /// What the person signs in with.
    pub(super) username: &'static str,
    /// The id of the person in the directory.
    pub(super) object_id: &'static str,
    password: &'static str,
}

const FIRST_PERSON: Person = Person {
    name: "Avery Stone",
    username: "avery.stone@lakeside.example",
    object_id: "0c9a1f3e-6b52-4d0a-8a57-5b1f7e2c4d90",
    password: "Avery-Passw0rd",
};
const SECOND_PERSON: Person = Person {
    name: "Noor Haddad",
    username: "noor.haddad@lakeside.example",
    object_id: "9be0c7d4-2f18-4e6b-b3c9-71d5a8f06e24",
    password: "Noor-Passw0rd",
};

/// Returns the person of an account.
pub(super) fn person(account: Account) -> &'static Person {
    account.pick(&FIRST_PERSON, &SECOND_PERSON)
}

/// Returns the password of a person.
pub(super) fn password(account: Account, generation: Generation) -> String {
    generation.password(person(account).password)
}

/// Returns the account with this user name.
pub(super) fn account_with(username: &str) -> Option<Account> {
    Account::ALL
        .into_iter()
        .find(|account| person(*account).username.eq_ignore_ascii_case(username))
}

/// Returns the id of an application.
pub(super) fn client_id(account: Account) -> &'static str {
    account.pick(CLIENT_ID, SECOND_CLIENT_ID)
}

/// Returns the secret of an application.
pub(super) fn client_secret(account: Account, generation: Generation) -> String {
    generation.password(account.pick(CLIENT_SECRET, SECOND_CLIENT_SECRET))
}

/// Returns the account whose application has this id.
pub(super) fn application(id: &str) -> Option<Account> {
    Account::ALL
        .into_iter()
        .find(|account| client_id(*account).eq_ignore_ascii_case(id))
}

/// Returns the account a token was issued for: tokens know the id of the application, or the name of the person.
pub(crate) fn account_of(token_user: &str) -> Option<Account> {
    application(token_user).or_else(|| account_with(token_user))
}

/// Returns the only company an account may read: the plant's, or another one.
pub(super) fn company(account: Account) -> &'static str {
    account.pick(COMPANY, OTHER)
}

/// Returns what the session service of the system tells about the user of a token.
pub(super) fn session_info(token_user: &str, account: Account) -> Value {
    let user = match application(token_user) {
        Some(account) => account.pick("svc.lineshaft", "svc.reports"),
        None => account.pick("avery.stone", "noor.haddad"),
    };
    json!({
        "$id": "1",
        "AOSLocaleName": "en-US",
        "AXLanguage": "en-US",
        "Company": company(account).to_uppercase(),
        "CompanyTimeZone": 37,
        "IsSysAdmin": false,
        "UserId": user,
        "UserPreferredCalendar": 0,
        "UserPreferredLanguage": "en-US",
        "UserPreferredTimeZone": 37,
    })
}

/// Returns the addresses of the authorization server and what either account signs in with at present.
pub(crate) fn authorization_server(state: &SystemState) -> Value {
    let base = &state.base_url;
    let accounts = Account::ALL.map(|account| {
        let generation = state.generation(account);
        json!({
            "client_id": client_id(account),
            "client_secret": client_secret(account, generation),
            "username": person(account).username,
            "password": password(account, generation),
        })
    });
    json!({
        "authorize_url": format!("{base}/{TENANT}/oauth2/v2.0/authorize"),
        "token_url": format!("{base}/{TENANT}/oauth2/v2.0/token"),
        "scope": format!("{base}/.default offline_access"),
        "accounts": accounts,
    })
}
