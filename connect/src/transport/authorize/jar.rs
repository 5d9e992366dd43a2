//! The cookies of one session: those of its login, in the place of which later answers may set others.

use std::sync::{PoisonError, RwLock};

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, header};
use indexmap::IndexMap;
use url::Url;

use crate::{
    blueprint::{COOKIE, parse_address, same_origin},
    template::SecretMap,
};

/// Most cookies of one session, and most bytes of all of them. Servers take no more in one header.
const MOST_COOKIES: usize = 50;
const MOST_BYTES: usize = 8 * 1024;

/// The cookies of one session, within bounds. Only the host that the login went to gets and sets them.
pub(super) struct Jar {
    home: Url,
    cookies: RwLock<IndexMap<String, String>>,
}

impl Jar {
    pub(super) fn new(home: Url, session: &SecretMap) -> Self {
        let mut kept: Vec<(&str, &str)> = session
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(COOKIE)?, value)))
            .collect();
        kept.sort_unstable();
        let mut cookies = IndexMap::new();
        for (name, value) in kept {
            add(&mut cookies, name, value);
        }
        Self {
            home,
            cookies: RwLock::new(cookies),
        }
    }

    /// Returns the headers of a request to an address with the cookies in them. Cookies that they have already win.
    pub(super) fn added_to(&self, headers: &HeaderMap, address: &str) -> Option<HeaderMap> {
        if !self.is_home(address) {
            return None;
        }
        let mut cookies = self.cookies.read().unwrap_or_else(PoisonError::into_inner).clone();
        let lines = headers.get_all(header::COOKIE).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        for (name, value) in lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.split_once('='))
        {
            if is_fit(name, value) {
                cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        if cookies.is_empty() {
            return None;
        }
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut value = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        value.set_sensitive(true);
        let mut headers = headers.clone();
        headers.insert(header::COOKIE, value);
        Some(headers)
    }

    /// Takes the cookies that an answer sets.
    pub(super) fn renew(&self, address: &str, answer: &HeaderMap, now: DateTime<Utc>) {
        if !answer.contains_key(header::SET_COOKIE) || !self.is_home(address) {
            return;
        }
        let mut cookies = self.cookies.write().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in set_cookies(answer, now) {
            match value {
                Some(value) => add(&mut cookies, &name, &value),
                None => {
                    cookies.shift_remove(&name);
                }
            }
        }
    }

    fn is_home(&self, address: &str) -> bool {
        parse_address(address).is_ok_and(|address| same_origin(&self.home, &address))
    }
}

/// Adds a cookie if there is room for it and a header can carry it; one that is there already keeps its place.
fn add(cookies: &mut IndexMap<String, String>, name: &str, value: &str) {
    let others = cookies.iter().filter(|(known, _)| known.as_str() != name);
    let (count, bytes) = others.fold((0, 0), |(count, bytes), (name, value)| {
        (count + 1, bytes + name.len() + value.len() + 3)
    });
    if is_fit(name, value) && count < MOST_COOKIES && bytes + name.len() + value.len() < MOST_BYTES {
        cookies.insert(name.to_owned(), value.to_owned());
    }
}

fn is_fit(name: &str, value: &str) -> bool {
    HeaderValue::from_str(name).is_ok() && HeaderValue::from_str(value).is_ok()
}

/// Returns the cookies that an answer sets; nothing for one that it takes back.
pub(crate) fn set_cookies(answer: &HeaderMap, now: DateTime<Utc>) -> Vec<(String, Option<String>)> {
    let lines = answer.get_all(header::SET_COOKIE).iter();
    lines
        .filter_map(|line| {
            let mut parts = line.to_str().ok()?.split(';');
            let (name, value) = parts.next()?.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let is_over = parts.any(|attribute| ends(attribute, now));
            let kept = Some(value.to_owned()).filter(|value| !is_over && !value.is_empty());
            (!name.is_empty()).then(|| (name.to_owned(), kept))
        })
        .collect()
}

/// Returns whether an attribute of a cookie says that it is over.
fn ends(attribute: &str, now: DateTime<Utc>) -> bool {
    let Some((name, value)) = attribute.split_once('=') else {
        return false;
    };
    let (name, value) = (name.trim(), value.trim());
    if name.eq_ignore_ascii_case("max-age") {
        return value.parse::<i64>().is_ok_and(|seconds| seconds <= 0);
    }
    // Older servers write the day with dashes.
    let moment =
        DateTime::parse_from_rfc2822(value).or_else(|_| DateTime::parse_from_rfc2822(&value.replace('-', " ")));
    name.eq_ignore_ascii_case("expires") && moment.is_ok_and(|moment| moment <= now)
}
