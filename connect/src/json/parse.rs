//! Parses JSON in one pass over the text, strictly, to a bounded depth.

use std::borrow::Cow;

use lineshaft_schema::json::find_special;

use super::{MAX_DEPTH, Value};

/// Why a text could not be parsed.
pub(super) enum Wrong {
    /// It is no JSON at this byte.
    Syntax(usize),
    /// It is nested too deep.
    Deep,
}

type Parsed<T> = Result<T, Wrong>;

/// Parses a whole text.
pub(super) fn parse(text: &str) -> Parsed<Value<'_>> {
    let mut parser = Parser {
        text,
        at: 0,
        sizes: [0; SIZES],
    };
    parser.skip_blanks();
    let value = parser.value(0)?;
    parser.skip_blanks();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.wrong()),
    }
}

/// Of how many levels the size of the last object is remembered.
const SIZES: usize = 8;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// How many members the last object of a level had: the next one, of the same list, likely has as many.
    sizes: [usize; SIZES],
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self) -> Wrong {
        Wrong::Syntax(self.at)
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes a mark, with the blanks before it.
    fn take(&mut self, mark: u8) -> bool {
        self.skip_blanks();
        let is_next = self.peek() == Some(mark);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Parsed<Value<'a>> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Boolean(true)),
            Some(b'f') => self.word("false", Value::Boolean(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.wrong()),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Parsed<Value<'a>> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.wrong());
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Parsed<Value<'a>> {
        let depth = deeper(depth)?;
        self.at += 1;
        if self.take(b'}') {
            return Ok(Value::Object(Box::default()));
        }
        let mut members = Vec::with_capacity(self.sizes.get(depth).copied().unwrap_or_default());
        loop {
            self.skip_blanks();
            let name = self.string()?;
            if !self.take(b':') {
                return Err(self.wrong());
            }
            self.skip_blanks();
            members.push((name, self.value(depth)?));
            if self.take(b',') {
                continue;
            }
            if !self.take(b'}') {
                return Err(self.wrong());
            }
            if let Some(size) = self.sizes.get_mut(depth) {
                *size = members.len().min(1_000);
            }
            return Ok(Value::Object(members.into_boxed_slice()));
        }
    }

    fn list(&mut self, depth: usize) -> Parsed<Value<'a>> {
        let depth = deeper(depth)?;
        self.at += 1;
        let mut elements = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(Box::default()));
        }
        loop {
            self.skip_blanks();
            elements.push(self.value(depth)?);
            if self.take(b',') {
                continue;
            }
            if self.take(b']') {
                return Ok(Value::List(elements.into_boxed_slice()));
            }
            return Err(self.wrong());
        }
    }

    fn number(&mut self) -> Parsed<Value<'a>> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        self.between(start, self.at).map(|text| Value::Number(text.into()))
    }

    /// Takes at least one digit.
    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.wrong()) }
    }

    fn between(&self, start: usize, end: usize) -> Parsed<&'a str> {
        self.text.get(start..end).ok_or_else(|| self.wrong())
    }

    /// Takes a text; one without escapes is not copied.
    fn string(&mut self) -> Parsed<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong());
        }
        self.at += 1;
        let first = self.plain()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(first));
        }
        let mut text = first.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                _ => return Err(self.wrong()),
            }
            text.push_str(self.plain()?);
        }
    }

    /// Takes the text up to a quote, a backslash or a control character.
    fn plain(&mut self) -> Parsed<&'a str> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = find_special(rest).ok_or(Wrong::Syntax(self.text.len()))?;
        let start = self.at;
        self.at += length;
        self.between(start, self.at)
    }

    /// Takes what follows a backslash.
    fn escape(&mut self) -> Parsed<char> {
        let mark = self.peek().ok_or_else(|| self.wrong())?;
        self.at += 1;
        Ok(match mark {
            b'"' | b'\\' | b'/' => char::from(mark),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.wrong()),
        })
    }

    /// Takes the digits of a character, two times four when it has two halves.
    fn unicode(&mut self) -> Parsed<char> {
        let first = self.four_digits()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            if !self
                .text
                .as_bytes()
                .get(self.at..)
                .unwrap_or_default()
                .starts_with(b"\\u")
            {
                return Err(self.wrong());
            }
            self.at += 2;
            let second = self.four_digits()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.wrong());
            }
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.wrong())
    }

    fn four_digits(&mut self) -> Parsed<u32> {
        let digits = self.between(self.at, self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.wrong());
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| self.wrong())
    }
}

fn deeper(depth: usize) -> Parsed<usize> {
    if depth < MAX_DEPTH {
        Ok(depth + 1)
    } else {
        Err(Wrong::Deep)
    }
}
