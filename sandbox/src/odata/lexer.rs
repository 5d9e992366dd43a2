//! Splits a filter expression into tokens, with the literals of both OData versions.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;

use super::{Flavour, problem::Problem};

/// One token of a filter expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A name, path or operator word.
    Word(String),
    /// A literal value.
    Literal(Literal),
    /// An opening parenthesis.
    Open,
    /// A closing parenthesis.
    Close,
    /// A comma.
    Comma,
    /// A colon, as in lambda expressions.
    Colon,
}

/// A literal as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    /// `null`
    Null,
    /// `'text'`
    Text(String),
    /// `true` or `false`
    Flag(bool),
    /// A number, with its suffix if it had one.
    Number(Decimal),
    /// `datetime'…'`
    DateTime(NaiveDateTime),
    /// `datetimeoffset'…'` or a bare point in time.
    Instant(DateTime<Utc>),
    /// A bare date.
    Date(NaiveDate),
    /// `time'PT…'` or a bare time of day.
    Time(NaiveTime),
    /// A GUID.
    Guid(String),
    /// A member of an enumeration: its type and its name.
    Member(String, String),
}

/// Splits the whole expression.
pub(crate) fn tokens(text: &str, flavour: Flavour) -> Result<Vec<Token>, Problem> {
    let mut lexer = Lexer { text, flavour };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

/// Reads one literal that takes up the whole text, as in a key.
pub(crate) fn literal(text: &str, flavour: Flavour) -> Result<Literal, Problem> {
    match tokens(text, flavour)?.as_slice() {
        [Token::Literal(literal)] => Ok(literal.clone()),
        _ => Err(Problem::bad(format!("Invalid key predicate value '{text}'"))),
    }
}

struct Lexer<'a> {
    text: &'a str,
    flavour: Flavour,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Token>, Problem> {
        self.text = self.text.trim_start();
        let Some(first) = self.text.chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '(' => self.single(Token::Open),
            ')' => self.single(Token::Close),
            ',' => self.single(Token::Comma),
            ':' => self.single(Token::Colon),
            '\'' => Token::Literal(Literal::Text(self.quoted()?)),
            '-' | '0'..='9' => Token::Literal(self.bare()?),
            _ if first.is_alphabetic() || first == '_' || first == '$' => self.word()?,
            _ => return Err(self.unexpected()),
        };
        Ok(Some(token))
    }

    fn single(&mut self, token: Token) -> Token {
        self.text = self.text.get(1..).unwrap_or_default();
        token
    }

    /// Reads a quoted text; a doubled quote stands for one.
    fn quoted(&mut self) -> Result<String, Problem> {
        let mut rest = self.text.strip_prefix('\'').unwrap_or(self.text);
        let mut value = String::new();
        loop {
            let Some((before, after)) = rest.split_once('\'') else {
                return Err(Problem::bad("Unterminated string literal in the expression."));
            };
            value.push_str(before);
            let Some(more) = after.strip_prefix('\'') else {
                self.text = after;
                return Ok(value);
            };
            value.push('\'');
            rest = more;
        }
    }

    fn word(&mut self) -> Result<Token, Problem> {
        if let Some(guid) = self.guid() {
            return Ok(Token::Literal(guid));
        }
        let end = self
            .text
            .find(|symbol: char| !symbol.is_alphanumeric() && !"_./$@".contains(symbol))
            .unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        if rest.starts_with('\'') {
            self.text = rest;
            let value = self.quoted()?;
            return Ok(Token::Literal(self.typed(word, &value)?));
        }
        self.text = rest;
        Ok(match word {
            "null" => Token::Literal(Literal::Null),
            "true" => Token::Literal(Literal::Flag(true)),
            "false" => Token::Literal(Literal::Flag(false)),
            word => Token::Word(word.to_owned()),
        })
    }

    /// Reads `prefix'value'`: a typed literal of version 2 or a member of an enumeration.
    fn typed(&self, prefix: &str, value: &str) -> Result<Literal, Problem> {
        let wrong = || Problem::bad(format!("Invalid literal {prefix}'{value}' in the expression."));
        if !self.flavour.is_v2() {
            return match prefix.rsplit_once('.') {
                Some(_) => Ok(Literal::Member(prefix.to_owned(), value.to_owned())),
                None => Err(wrong()),
            };
        }
        match prefix {
            "datetime" => date_time(value).map(Literal::DateTime),
            "datetimeoffset" => instant(value).map(Literal::Instant),
            "time" => duration(value).map(Literal::Time),
            "guid" => Some(Literal::Guid(value.to_lowercase())),
            _ => None,
        }
        .ok_or_else(wrong)
    }

    fn guid(&mut self) -> Option<Literal> {
        let candidate = self.text.get(..36)?;
        let shape = |(place, symbol): (usize, char)| match place {
            8 | 13 | 18 | 23 => symbol == '-',
            _ => symbol.is_ascii_hexdigit(),
        };
        if self.flavour.is_v2() || !candidate.chars().enumerate().all(shape) {
            return None;
        }
        self.text = self.text.get(36..).unwrap_or_default();
        Some(Literal::Guid(candidate.to_lowercase()))
    }

    /// Reads a literal without quotes: a number, or a date or time of version 4.
    fn bare(&mut self) -> Result<Literal, Problem> {
        if let Some(guid) = self.guid() {
            return Ok(guid);
        }
        let end = self
            .text
            .find(|symbol: char| !symbol.is_ascii_alphanumeric() && !"-+.:".contains(symbol))
            .unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        let found = number(word, self.flavour.is_v2()).or_else(|| {
            if self.flavour.is_v2() {
                return None;
            }
            instant(word)
                .map(Literal::Instant)
                .or_else(|| word.parse().ok().map(Literal::Date))
                .or_else(|| word.parse().ok().map(Literal::Time))
        });
        let literal = found.ok_or_else(|| self.unexpected())?;
        self.text = rest;
        Ok(literal)
    }

    fn unexpected(&self) -> Problem {
        let near: String = self.text.chars().take(20).collect();
        Problem::bad(format!("Invalid token detected near '{near}' in the expression."))
    }
}

/// Reads a number; version 2 allows the suffixes of its types.
fn number(word: &str, is_v2: bool) -> Option<Literal> {
    let digits = if is_v2 {
        word.trim_end_matches(['M', 'm', 'L', 'l', 'd', 'f'])
    } else {
        word
    };
    digits.parse().ok().map(Literal::Number)
}

/// Reads a date and time without zone; seconds may be missing.
pub(crate) fn date_time(text: &str) -> Option<NaiveDateTime> {
    text.parse()
        .ok()
        .or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok())
}

/// Reads a point in time with its zone.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|instant| instant.with_timezone(&Utc))
}

/// Reads a time of day written as a duration: `PT10H30M00S`.
pub(crate) fn duration(text: &str) -> Option<NaiveTime> {
    let mut rest = text.strip_prefix("PT")?;
    let mut part = |unit: char| -> Option<u32> {
        let Some((number, after)) = rest.split_once(unit) else {
            return Some(0);
        };
        rest = after;
        number.parse().ok()
    };
    let (hours, minutes, seconds) = (part('H')?, part('M')?, part('S')?);
    NaiveTime::from_hms_opt(hours, minutes, seconds)
}
