//! Forms with words in braces, filled in one pass, so that a value is never read as a form again.

use serde_json::Value;

/// A piece of a form: text as it stands, or a word in braces.
enum Piece<'f> {
    Text(&'f str),
    Word(&'f str),
}

fn pieces(form: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut rest, mut text) = (form, form);
    let mut taken = 0;
    while let Some((before, after)) = rest.split_once('{') {
        let word = after.split_once('}').filter(|(word, _)| is_word(word));
        let Some((word, behind)) = word else {
            taken += before.len() + 1;
            rest = after;
            continue;
        };
        pieces.push(Piece::Text(text.get(..taken + before.len()).unwrap_or_default()));
        pieces.push(Piece::Word(word));
        (rest, text, taken) = (behind, behind, 0);
    }
    pieces.push(Piece::Text(text));
    pieces
}

fn is_word(word: &str) -> bool {
    let name = word.strip_suffix("...").unwrap_or(word);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Returns the words of a form.
pub(super) fn words(form: &str) -> Vec<&str> {
    let words = pieces(form).into_iter().filter_map(|piece| match piece {
        Piece::Word(word) => Some(word),
        Piece::Text(_) => None,
    });
    words.collect()
}

/// Returns the words of a form of JSON, those of the names of members too.
pub(super) fn words_of_json(form: &Value) -> Vec<&str> {
    match form {
        Value::String(text) => words(text),
        Value::Array(list) => list.iter().flat_map(words_of_json).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| words(name).into_iter().chain(words_of_json(value)))
            .collect(),
        _ => Vec::new(),
    }
}

/// Fills a form of text. Words without a value stay as they are.
pub(super) fn fill(form: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    for piece in pieces(form) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Word(word) => match value(word) {
                Some(value) => filled.push_str(&value),
                None => filled.push_str(&format!("{{{word}}}")),
            },
        }
    }
    filled
}

/// Fills a form of JSON.
pub(super) fn fill_json(form: &Value, value: &dyn Fn(&str) -> Option<Value>) -> Value {
    match form {
        Value::String(text) => match only_word(text).and_then(value) {
            Some(value) => value,
            None => Value::String(fill(text, &|word| value(word).map(text_of))),
        },
        Value::Array(list) => {
            let mut filled = Vec::new();
            for element in list {
                let spread = element
                    .as_str()
                    .and_then(only_word)
                    .and_then(|word| value(word.strip_suffix("...")?));
                match spread {
                    Some(Value::Array(elements)) => filled.extend(elements),
                    Some(other) => filled.push(other),
                    None => filled.push(fill_json(element, value)),
                }
            }
            Value::Array(filled)
        }
        Value::Object(members) => {
            let fill_member = |(name, member): (&String, &Value)| {
                let name = fill(name, &|word| value(word).map(text_of));
                (name, fill_json(member, value))
            };
            Value::Object(members.iter().map(fill_member).collect())
        }
        other => other.clone(),
    }
}

fn only_word(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}').filter(|word| is_word(word))
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
