//! Reads what stands between the braces of a template.

use super::Part;

/// Splits at the end of a variable; braces in quoted texts do not end it.
pub(super) fn split_end(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, sign) in text.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            '}' if !quoted && text.get(at..)?.starts_with("}}") => {
                return Some((text.get(..at)?, text.get(at + 2..)?));
            }
            _ => {}
        }
    }
    None
}

/// Reads the inside of a variable.
pub(super) fn parse_variable(inner: &str) -> Result<Part, String> {
    if let Some(part) = parse_with_texts(inner)? {
        return Ok(part);
    }
    let mut words = inner.split_whitespace();
    let first = words.next().ok_or("`{{}}` names no variable")?;
    let rest: Vec<Box<str>> = words.map(Into::into).collect();
    if first == "base64" {
        if rest.is_empty() {
            return Err("`base64` needs at least one variable".to_owned());
        }
        rest.iter().try_for_each(|name| check_name(name))?;
        return Ok(Part::Base64(rest.into_boxed_slice()));
    }
    if let ("marks", [name, keep @ ..]) = (first, rest.as_slice()) {
        check_name(name)?;
        return Ok(Part::Marks(name.clone(), keep.into()));
    }
    if let ("number", [name]) = (first, rest.as_slice()) {
        check_name(name)?;
        return Ok(Part::Number(name.clone()));
    }
    if let ("optional", [name]) = (first, rest.as_slice()) {
        check_name(name)?;
        return Ok(Part::Optional(name.clone()));
    }
    if let ("upper", [name]) = (first, rest.as_slice()) {
        check_name(name)?;
        return Ok(Part::Upper(name.clone()));
    }
    if let ("unless", [condition, name]) = (first, rest.as_slice()) {
        check_name(condition)?;
        check_name(name)?;
        return Ok(Part::Unless([condition.clone(), name.clone()]));
    }
    if let ("tail", [name]) = (first, rest.as_slice()) {
        check_name(name)?;
        return Ok(Part::Tail(name.clone()));
    }
    if let ("head", [name]) = (first, rest.as_slice()) {
        check_name(name)?;
        return Ok(Part::Head(name.clone()));
    }
    if !rest.is_empty() {
        return Err(format!(
            "`{}` is neither a variable nor `number`, `upper`, `head`, `tail`, `unless`, `optional`, `marks` or `base64` of variables",
            inner.trim()
        ));
    }
    check_name(first)?;
    Ok(Part::Variable(first.into()))
}

fn check_name(name: &str) -> Result<(), String> {
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    if name.split('.').all(is_name) {
        return Ok(());
    }
    Err(format!("`{name}` is not the name of a variable"))
}

/// Splits the inside of a variable into words and quoted texts.
fn words_of(inner: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = inner.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (text, after) = quoted.split_once('"').ok_or("a quoted text is never closed")?;
                (Word::Text(text.into()), after)
            }
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                (Word::Name(name.into()), after)
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

enum Word {
    Name(Box<str>),
    Text(Box<str>),
}

/// Reads a variable with texts around it; nothing when there are none.
fn parse_with_texts(inner: &str) -> Result<Option<Part>, String> {
    if !inner.contains('"') {
        return Ok(None);
    }
    let words = words_of(inner)?;
    let part = match words.as_slice() {
        [Word::Name(way), Word::Text(before), Word::Name(name)] if way.as_ref() == "prefix" => Part::Around {
            before: before.clone(),
            name: name.clone(),
            after: "".into(),
        },
        [Word::Name(way), Word::Name(name), Word::Text(after)] if way.as_ref() == "suffix" => Part::Around {
            before: "".into(),
            name: name.clone(),
            after: after.clone(),
        },
        [Word::Name(way), Word::Text(before), Word::Name(name), Word::Text(after)] if way.as_ref() == "around" => {
            Part::Around {
                before: before.clone(),
                name: name.clone(),
                after: after.clone(),
            }
        }
        [Word::Name(way), Word::Name(name), Word::Text(text)] if way.as_ref() == "when" => {
            Part::When(name.clone(), text.clone())
        }
        _ => {
            return Err(format!(
                "`{}` is none of `prefix \"…\" name`, `suffix name \"…\"`, `around \"…\" name \"…\"` and `when name \"…\"`",
                inner.trim()
            ));
        }
    };
    if let Part::Around { name, .. } | Part::When(name, _) = &part {
        check_name(name)?;
    }
    Ok(Some(part))
}
