//! Splits the text of a filter into names, numbers, quoted texts and signs.

use serde_json::{Number, Value};

use super::{Problem, moments::any_moment, syntax};

/// What quotes a text and how the quote stands inside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// A doubled quote stands for one.
    Doubled(char),
}

/// A place in a text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Skips spaces and says whether nothing is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_spaces();
        self.rest.is_empty()
    }

    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.rest.chars().next()
    }

    /// Takes a sign if it comes next.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        self.skip_spaces();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    /// Takes a word in any letter case if it comes next and ends there.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        match ahead.name() {
            Some(name) if name.eq_ignore_ascii_case(word) => {
                *self = ahead;
                true
            }
            _ => false,
        }
    }

    pub(super) fn peek_word(&mut self) -> Option<&'a str> {
        self.clone().name()
    }

    /// Takes a name: letters, digits and underscores.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        self.skip_spaces();
        let is_part = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == '$';
        let end = self.rest.find(|sign| !is_part(sign)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|sign: char| sign.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    /// Takes names that are joined by a sign.
    pub(super) fn path(&mut self, joint: char) -> Result<String, Problem> {
        let mut path = self.name().ok_or_else(|| self.unexpected())?.to_owned();
        while let Some(rest) = self.rest.strip_prefix(joint) {
            self.rest = rest;
            path.push(joint);
            path.push_str(self.name().ok_or_else(|| self.unexpected())?);
        }
        Ok(path)
    }

    /// Takes a quoted text.
    pub(super) fn quoted(&mut self, quote: Quote) -> Result<Option<String>, Problem> {
        self.skip_spaces();
        let Quote::Doubled(sign) = quote;
        let Some(inner) = self.rest.strip_prefix(sign) else {
            return Ok(None);
        };
        let mut text = String::new();
        let mut signs = inner.char_indices().peekable();
        while let Some((place, next)) = signs.next() {
            if next != sign {
                text.push(next);
            } else if signs.peek().is_some_and(|(_, after)| *after == sign) {
                signs.next();
                text.push(sign);
            } else {
                self.rest = inner.get(place + sign.len_utf8()..).unwrap_or_default();
                return Ok(Some(text));
            }
        }
        Err(syntax(self.rest))
    }

    /// Takes a number.
    pub(super) fn number(&mut self) -> Option<Value> {
        self.skip_spaces();
        let is_part = |sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '+' | '.');
        let end = self.rest.find(|sign| !is_part(sign)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let ends = !rest.starts_with(|sign: char| sign.is_alphanumeric() || sign == '_');
        let number = number(text).filter(|_| ends)?;
        self.rest = rest;
        Some(number)
    }

    /// Takes a GUID without quotes.
    pub(super) fn guid(&mut self) -> Option<String> {
        self.skip_spaces();
        let (guid, rest) = self.rest.split_at_checked(36)?;
        let fits = guid.char_indices().all(|(place, sign)| match place {
            8 | 13 | 18 | 23 => sign == '-',
            _ => sign.is_ascii_hexdigit(),
        });
        if !fits {
            return None;
        }
        self.rest = rest;
        Some(guid.to_lowercase())
    }

    /// Takes a day or a point in time without quotes.
    pub(super) fn moment(&mut self) -> Option<String> {
        self.skip_spaces();
        let is_part = |sign: char| sign.is_ascii_digit() || matches!(sign, '-' | '+' | ':' | '.' | 'T' | 'Z');
        let end = self.rest.find(|sign| !is_part(sign)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        any_moment(text)?;
        self.rest = rest;
        Some(text.to_owned())
    }

    /// Takes everything up to one of some signs.
    pub(super) fn until(&mut self, signs: &[char]) -> &'a str {
        let end = self.rest.find(signs).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    pub(super) fn unexpected(&self) -> Problem {
        syntax(self.rest.trim_start().chars().take(24).collect::<String>())
    }
}

/// Reads a number; leading zeros and signs other than a minus make it none.
pub(super) fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: f64 = text.parse().ok()?;
    Number::from_f64(fraction).map(Value::Number)
}
