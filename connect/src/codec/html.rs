//! HTML turned into plain text: blocks become lines, entities become characters, scripts and styles go.

/// Elements whose ends, or starts for the empty ones, break the line.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tr",
    "ul",
];

/// Elements whose content is not text.
const HIDDEN: &[&str] = &["script", "style", "head", "template"];

const ENTITIES: &[(&str, &str)] = &[
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("ndash", "–"),
    ("mdash", "—"),
    ("hellip", "…"),
    ("copy", "©"),
    ("reg", "®"),
    ("euro", "€"),
    ("deg", "°"),
    ("micro", "µ"),
    ("plusmn", "±"),
    ("times", "×"),
    ("frac12", "½"),
    ("auml", "ä"),
    ("ouml", "ö"),
    ("uuml", "ü"),
    ("Auml", "Ä"),
    ("Ouml", "Ö"),
    ("Uuml", "Ü"),
    ("szlig", "ß"),
    ("eacute", "é"),
    ("egrave", "è"),
    ("agrave", "à"),
    ("ccedil", "ç"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("bull", "•"),
];

/// Returns the text that a reader of the page would see.
pub(super) fn to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, marked) = rest.split_at(at);
        push_words(&mut text, before);
        rest = if marked.starts_with('&') {
            take_entity(&mut text, marked)
        } else {
            take_tag(&mut text, marked)
        };
    }
    push_words(&mut text, rest);
    text.lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .replace("\n\n\n", "\n\n")
}

/// Returns HTML that a reader sees as this text.
pub(super) fn from_text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\n' => html.push_str("<br>"),
            ' ' if html.ends_with(' ') || html.ends_with("&nbsp;") => html.push_str("&nbsp;"),
            other => html.push(other),
        }
    }
    html
}

/// Adds text with every run of blanks as one.
fn push_words(text: &mut String, part: &str) {
    for character in part.chars() {
        if character.is_whitespace() && character != '\u{a0}' {
            if !text.ends_with([' ', '\n']) && !text.is_empty() {
                text.push(' ');
            }
        } else {
            text.push(if character == '\u{a0}' { ' ' } else { character });
        }
    }
}

fn take_entity<'a>(text: &mut String, marked: &'a str) -> &'a str {
    let inner = marked.get(1..).unwrap_or_default();
    let known = inner
        .split_once(';')
        .and_then(|(name, after)| Some((entity(name)?, after)));
    match known {
        Some((character, after)) => {
            text.push_str(&character);
            after
        }
        None => {
            text.push('&');
            inner
        }
    }
}

fn entity(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code)
            .filter(|character| !character.is_control() || *character == '\n')
            .map(String::from);
    }
    ENTITIES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, character)| (*character).to_owned())
}

fn take_tag<'a>(text: &mut String, marked: &'a str) -> &'a str {
    if let Some(comment) = marked.strip_prefix("<!--") {
        return comment.split_once("-->").map_or("", |(_, after)| after);
    }
    let inner = marked.get(1..).unwrap_or_default();
    let opens =
        inner.starts_with(|character: char| character.is_ascii_alphabetic() || matches!(character, '/' | '!' | '?'));
    let Some((tag, after)) = inner.split_once('>').filter(|_| opens) else {
        text.push('<');
        return inner;
    };
    let closing = tag.starts_with('/');
    let name: String = tag
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let name = name.to_ascii_lowercase();
    if HIDDEN.contains(&name.as_str()) && !closing && !tag.ends_with('/') {
        return after_end(after, &name);
    }
    if BLOCKS.contains(&name.as_str()) && !text.is_empty() {
        let is_break = matches!(name.as_str(), "br" | "hr");
        if is_break || !text.ends_with('\n') {
            text.push('\n');
        }
    } else if matches!(name.as_str(), "td" | "th") && !text.ends_with([' ', '\n']) && !text.is_empty() {
        text.push(' ');
    }
    if name == "li" && !closing {
        text.push_str("- ");
    }
    after
}

/// Returns what follows the end of an element.
fn after_end<'a>(rest: &'a str, name: &str) -> &'a str {
    let mut from = rest;
    while let Some((_, after)) = from.split_once("</") {
        let is_end = after
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name));
        if is_end {
            return after.split_once('>').map_or("", |(_, after)| after);
        }
        from = after;
    }
    ""
}
