//! Reads the text of a document once, token by token, and refuses it before the recursive parser
//! sees too many tokens, too deep brackets or too long names.

use async_graphql::Pos;

use super::{Code, Limits, Refusal};

/// The deepest nesting that may be configured: the parser recurses on the stack.
const MAX_NESTING: usize = 200;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Returns the number of tokens in the text.
pub(super) fn count_tokens(text: &str, limits: &Limits) -> Result<usize, Refusal> {
    // The parser goes over white space, comments and strings several times, so bytes count as well.
    if text.len() > limits.document_bytes {
        let message = format!(
            "the document has {} bytes; at most {} are allowed",
            text.len(),
            limits.document_bytes
        );
        return Err(Refusal::new(Code::QueryTooLarge, message));
    }
    let nesting = limits.nesting.min(MAX_NESTING);
    let bytes = text.as_bytes();
    let (mut at, mut tokens, mut depth) = (0, 0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b'#' | 0xEF if is_ignored(bytes, at) => {
                at = end_of_ignored(bytes, at);
                continue;
            }
            b'"' => end_of_string(bytes, at).ok_or_else(|| {
                Refusal::new(Code::GraphqlParseFailed, "syntax error: unterminated string").at(position(text, start))
            })?,
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > nesting {
                    let message = format!("brackets are nested more than {nesting} deep");
                    return Err(Refusal::new(Code::QueryNestedTooDeeply, message).at(position(text, start)));
                }
                at + 1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            b'.' if rest(bytes, at).starts_with(b"...") => at + 3,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => run(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            b'-' | b'0'..=b'9' => end_of_number(bytes, at),
            _ => at + 1,
        };
        if at - start > limits.name_bytes && (byte.is_ascii_alphabetic() || byte == b'_') {
            let message = format!(
                "a name has {} bytes; at most {} are allowed",
                at - start,
                limits.name_bytes
            );
            return Err(Refusal::new(Code::QueryNameTooLong, message).at(position(text, start)));
        }
        tokens += 1;
        if tokens > limits.tokens {
            let message = format!("the document has more than {} tokens", limits.tokens);
            return Err(Refusal::new(Code::QueryTooManyTokens, message).at(position(text, start)));
        }
    }
    Ok(tokens)
}

fn rest(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

fn run(bytes: &[u8], at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let tail = rest(bytes, at);
    at + tail.iter().position(|&byte| !belongs(byte)).unwrap_or(tail.len())
}

fn is_ignored(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|&byte| byte != 0xEF) || rest(bytes, at).starts_with(BYTE_ORDER_MARK)
}

fn end_of_ignored(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'#') => run(bytes, at, |byte| byte != b'\n' && byte != b'\r'),
        Some(0xEF) => at + BYTE_ORDER_MARK.len(),
        _ => run(bytes, at, |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',')),
    }
}

/// A leading zero ends an integer: the parser reads `00` as two numbers.
fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let digits = |at| run(bytes, at, |byte| byte.is_ascii_digit());
    let is = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|byte| wanted.contains(byte));
    let mut at = if is(start, b"-") { start + 1 } else { start };
    at = if is(at, b"0") { at + 1 } else { digits(at) };
    if is(at, b".") && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at = digits(at + 1);
    }
    if is(at, b"eE") {
        let exponent = if is(at + 1, b"+-") { at + 2 } else { at + 1 };
        if bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
            at = digits(exponent);
        }
    }
    at.max(start + 1)
}

/// An unterminated string is refused here: the parser would read what follows in another way.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    if rest(bytes, start).starts_with(b"\"\"\"") {
        return end_of_block_string(bytes, start + 3);
    }
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn end_of_block_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' if rest(bytes, at).starts_with(b"\"\"\"") => return Some(at + 3),
            b'\\' if rest(bytes, at).starts_with(b"\\\"\"\"") => at += 4,
            _ => at += 1,
        }
    }
}

/// Returns line and column of a byte offset.
fn position(text: &str, offset: usize) -> Pos {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    Pos { line, column }
}
