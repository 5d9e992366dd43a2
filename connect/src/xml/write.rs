//! Writes values as the elements of a body: a member is an element, a list repeats it, `@` is an attribute, `#text` text.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Returns text as it stands in elements and attributes.
///
/// # Errors
/// Refuses signs that XML cannot carry.
pub(crate) fn escape(text: &str) -> Result<Cow<'_, str>, String> {
    let is_plain = |sign: char| !matches!(sign, '&' | '<' | '>' | '"' | '\'') && !sign.is_control();
    let blank = !text.is_empty() && text.bytes().all(|byte| byte == b' ');
    if !blank && text.chars().all(|sign| is_plain(sign) && !is_no_sign(sign)) {
        return Ok(Cow::Borrowed(text));
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // As references they are not taken for the layout of the document.
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            ' ' if blank => escaped.push_str("&#32;"),
            '\u{7f}'..='\u{9f}' => escaped.push_str(&format!("&#{};", u32::from(sign))),
            sign if sign.is_control() || is_no_sign(sign) => {
                return Err(format!(
                    "has the sign U+{:04X}, which XML cannot carry",
                    u32::from(sign)
                ));
            }
            sign => escaped.push(sign),
        }
    }
    Ok(Cow::Owned(escaped))
}

const fn is_no_sign(sign: char) -> bool {
    matches!(sign, '\u{fffe}' | '\u{ffff}')
}

/// Refuses what cannot be the name of an element or attribute, so that no name can change the form of a body.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let mut signs = name.chars();
    let begins = signs.next().is_some_and(|sign| sign.is_alphabetic() || sign == '_');
    let goes_on = signs.all(|sign| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | ':'));
    if begins && goes_on && !name.ends_with(':') {
        return Ok(());
    }
    Err(format!(
        "`{}` is not the name of an element",
        name.chars().take(40).collect::<String>()
    ))
}

/// Returns the text of a value that is no object: lists are joined by commas.
pub(crate) fn text_of(value: &Value) -> Result<Cow<'_, str>, String> {
    Ok(match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Array(list) => {
            let texts = list.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
            Cow::Owned(texts.join(","))
        }
        Value::Object(_) => return Err("is an object where a text is expected".to_owned()),
    })
}

/// Returns the attributes that the members with `@` are, each with a blank before it.
pub(crate) fn attributes_of(value: &Value) -> Result<String, String> {
    let mut written = String::new();
    let members = value.as_object().into_iter().flatten();
    for (name, value) in members.filter_map(|(name, value)| Some((name.strip_prefix('@')?, value))) {
        check_name(name)?;
        written.push(' ');
        written.push_str(name);
        written.push_str("=\"");
        written.push_str(&escape(&text_of(value)?)?);
        written.push('"');
    }
    Ok(written)
}

/// Writes what stands between the tags of an element: the text of a value, or the elements of an object.
///
/// # Errors
/// Tells what has no form in XML.
pub(crate) fn elements(value: &Value, into: &mut String) -> Result<(), String> {
    match value {
        Value::Object(members) => write_members(members, into),
        other => {
            into.push_str(&escape(&text_of(other)?)?);
            Ok(())
        }
    }
}

fn write_members(members: &Map<String, Value>, into: &mut String) -> Result<(), String> {
    for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
        match value {
            value if name == "#text" => into.push_str(&escape(&text_of(value)?)?),
            Value::Array(list) => list.iter().try_for_each(|element| write_element(name, element, into))?,
            value => write_element(name, value, into)?,
        }
    }
    Ok(())
}

fn write_element(name: &str, value: &Value, into: &mut String) -> Result<(), String> {
    check_name(name)?;
    if value.is_array() {
        return Err(format!("has lists of lists in `{name}`, which have no form in XML"));
    }
    into.push('<');
    into.push_str(name);
    into.push_str(&attributes_of(value)?);
    let start = into.len();
    into.push('>');
    elements(value, into)?;
    if into.len() == start + 1 {
        into.truncate(start);
        into.push_str("/>");
    } else {
        into.push_str("</");
        into.push_str(name);
        into.push('>');
    }
    Ok(())
}
