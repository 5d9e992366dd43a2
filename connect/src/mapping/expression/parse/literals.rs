//! Numbers, texts and patterns in expressions.

use regex::RegexBuilder;

use super::{Parsed, Parser};
use crate::{
    json,
    mapping::expression::{Node, Pattern},
};

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Parsed {
        let rest = self.rest();
        let is_digit = |sign: char| sign.is_ascii_digit();
        let whole = rest.find(|sign| !is_digit(sign)).unwrap_or(rest.len());
        let behind = rest
            .get(whole..)
            .and_then(|rest| rest.strip_prefix('.'))
            .unwrap_or_default();
        let places = behind.find(|sign| !is_digit(sign)).unwrap_or(behind.len());
        let length = if places > 0 { whole + 1 + places } else { whole };
        let digits = rest.get(..length).unwrap_or_default();
        let number = json::decimal_of(digits).ok_or_else(|| format!("`{digits}` has too many digits"))?;
        self.at += length;
        self.part(Node::Number(number), 0)
    }

    pub(super) fn text(&mut self, quote: char) -> Result<String, String> {
        self.at += quote.len_utf8();
        let mut text = String::new();
        let mut signs = self.rest().char_indices();
        while let Some((at, sign)) = signs.next() {
            match sign {
                sign if sign == quote => {
                    self.at += at + sign.len_utf8();
                    return Ok(text);
                }
                '\\' => match signs.next().map(|(_, sign)| sign) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(sign @ ('\\' | '\'' | '"')) => text.push(sign),
                    // As in regular expressions: `\d` needs no second backslash.
                    Some(sign) => {
                        text.push('\\');
                        text.push(sign);
                    }
                    None => break,
                },
                sign => text.push(sign),
            }
        }
        Err("a text has no end".to_owned())
    }
}

/// Compiles the pattern of a call: a text that stands in the expression itself.
pub(super) fn pattern(name: &str, node: Option<&Node>) -> Result<Pattern, String> {
    let Some(Node::Text(text)) = node else {
        return Err(format!("the pattern of `{name}` is a text in the expression itself"));
    };
    // What one byte costs at worst grows with the size of the machine that reads it.
    let sizes = [(16 * 1024, 64), (128 * 1024, 512)];
    let build = |size: usize| {
        RegexBuilder::new(text)
            .size_limit(size)
            .dfa_size_limit(256 * 1024)
            .nest_limit(50)
            .build()
    };
    let mut wrong = String::new();
    for (size, cost) in sizes {
        match build(size) {
            Ok(regex) => return Ok(Pattern { regex, cost }),
            Err(error) => wrong = error.to_string(),
        }
    }
    let reason = wrong
        .lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_owned();
    Err(format!(
        "`{text}` is not a regular expression that can be used: {reason}"
    ))
}
