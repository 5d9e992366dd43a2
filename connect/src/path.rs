//! Paths into JSON values: parsed once, evaluated without ever failing.
//!
//! `partner_id.0`, `"party.".name`, `items[2]`, `texts[language=EN].text`, `items[*].name`; inside the elements
//! of a list, `^.currency` starts at the row that holds the list. `body.*.message` goes through members of any name.

use std::fmt;

use smallvec::SmallVec;

use crate::json::{self, Place, Value};

/// A path into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: Box<str>,
    levels_up: u8,
    segments: Box<[Segment]>,
    finds_many: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// A member of an object; of a list, when it is a number, the element at that place.
    Name(Box<str>, Option<usize>, Place),
    /// The element at a place.
    Index(usize),
    /// Every element.
    Every,
    /// Every member of an object, whatever its name.
    EveryMember,
    /// The first element whose member has this text; an object counts as a list of one.
    Where(Box<str>, Box<str>),
}

impl Path {
    /// Parses a path; an empty text is the path of the whole value.
    ///
    /// # Errors
    /// Tells what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut levels_up = 0_u8;
        while let Some(after) = rest.strip_prefix('^') {
            levels_up = levels_up.checked_add(1).ok_or("too many `^`")?;
            rest = match after.strip_prefix('.') {
                Some(after) if !after.is_empty() => after,
                Some(_) => return Err("it ends with a dot".to_owned()),
                None if after.is_empty() => after,
                None => return Err("`^` is followed by a dot".to_owned()),
            };
        }
        let segments = if rest.is_empty() {
            Vec::new()
        } else {
            parse_segments(rest)?
        };
        Ok(Self {
            text: text.into(),
            levels_up,
            finds_many: segments.contains(&Segment::Every) || segments.contains(&Segment::EveryMember),
            segments: segments.into_boxed_slice(),
        })
    }

    /// Returns the path as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether it is the path of the whole value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Returns how many rows outwards it starts: 0 in the row itself, 1 in the row that holds the list.
    #[must_use]
    pub fn levels_up(&self) -> u8 {
        self.levels_up
    }

    /// Returns the name of the first member on the way, or nothing when the path does not begin with a name.
    #[must_use]
    pub fn root(&self) -> &str {
        match self.segments.first() {
            Some(Segment::Name(name, ..)) => name,
            _ => "",
        }
    }

    /// Returns the names of the members on the way, without places, marks of every element and tests.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Name(name, ..) => Some(name.as_ref()),
            _ => None,
        })
    }

    /// Returns the names of the members, when it leads to one member and nowhere else: no lists, no rows further out.
    #[must_use]
    pub fn members(&self) -> Option<Vec<&str>> {
        let name = |segment: &'_ Segment| match segment {
            Segment::Name(..) => true,
            Segment::Index(_) | Segment::Every | Segment::EveryMember | Segment::Where(..) => false,
        };
        let leads_to_one = self.levels_up == 0 && !self.segments.is_empty() && self.segments.iter().all(name);
        leads_to_one.then(|| self.names().collect())
    }

    /// Returns the members of the elements that it reads, when the first member is a list: those that choose the
    /// element, and the one that is read of it.
    pub(crate) fn members_of_elements(&self) -> Option<impl Iterator<Item = &str>> {
        let (_, rest) = self.segments.split_first()?;
        let brackets = rest
            .iter()
            .take_while(|segment| !matches!(segment, Segment::Name(..)))
            .count();
        let read = rest.get(..=brackets).unwrap_or(rest);
        (brackets > 0).then(|| {
            read.iter().filter_map(|segment| match segment {
                Segment::Name(name, ..) | Segment::Where(name, _) => Some(name.as_ref()),
                Segment::Index(_) | Segment::Every | Segment::EveryMember => None,
            })
        })
    }

    /// Returns whether it can find several values.
    #[must_use]
    pub const fn finds_many(&self) -> bool {
        self.finds_many
    }

    /// Finds the first value that is not null; a null only when there is nothing else.
    #[must_use]
    pub fn first<'v>(&self, value: &'v Value<'v>) -> Option<&'v Value<'v>> {
        if let [Segment::Name(name, None, place)] = &*self.segments {
            return value.get_near(name, place);
        }
        let mut null = None;
        let found = visit(value, &self.segments, &mut |value| {
            if value.is_null() {
                null = Some(value);
                return None;
            }
            Some(value)
        });
        found.or(null)
    }

    /// Finds every value.
    #[must_use]
    pub fn all<'v>(&self, value: &'v Value<'v>) -> SmallVec<[&'v Value<'v>; 4]> {
        let mut found = SmallVec::new();
        visit(value, &self.segments, &mut |value| {
            found.push(value);
            None
        });
        found
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Walks to every value of the path until the function keeps one.
fn visit<'v>(
    value: &'v Value<'v>,
    segments: &[Segment],
    take: &mut impl FnMut(&'v Value<'v>) -> Option<&'v Value<'v>>,
) -> Option<&'v Value<'v>> {
    let mut value = value;
    let mut rest = segments;
    while let Some((segment, after)) = rest.split_first() {
        value = match segment {
            Segment::Name(name, index, place) => match value.elements() {
                Some(list) => list.get((*index)?)?,
                None => value.get_near(name, place)?,
            },
            Segment::Index(place) => value.elements()?.get(*place)?,
            Segment::Where(member, wanted) => {
                let fits = |element: &Value<'_>| {
                    let text = element.get(member).and_then(json::scalar_text);
                    text.is_some_and(|text| text == wanted.as_ref())
                };
                match value.elements() {
                    Some(elements) => elements.iter().find(|element| fits(element))?,
                    None => Some(value).filter(|value| fits(value))?,
                }
            }
            Segment::EveryMember => {
                let mut members = value.members()?.iter();
                return members.find_map(|(_, member)| visit(member, after, take));
            }
            Segment::Every => return value.elements()?.iter().find_map(|element| visit(element, after, take)),
        };
        rest = after;
    }
    take(value)
}

fn parse_segments(text: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = text;
    loop {
        if rest.starts_with('[') {
            if !segments.is_empty() {
                return Err("a dot is followed by a name".to_owned());
            }
        } else {
            let (name, quoted, after) = take_name(rest, &['.', '[', ']', '"'])?;
            let place = if quoted { None } else { name.parse().ok() };
            segments.push(match name.as_str() {
                "*" if !quoted => Segment::EveryMember,
                _ => Segment::Name(name.into(), place, Place::default()),
            });
            rest = after;
        }
        while let Some(after) = rest.strip_prefix('[') {
            let (segment, after) = parse_bracket(after)?;
            segments.push(segment);
            rest = after;
        }
        if rest.is_empty() {
            return Ok(segments);
        }
        rest = match rest.strip_prefix('.') {
            Some("") => return Err("it ends with a dot".to_owned()),
            Some(after) => after,
            None => return Err(format!("a dot or `[` is missing before `{rest}`")),
        };
    }
}

/// Parses what follows an opening bracket, with the closing one.
fn parse_bracket(text: &str) -> Result<(Segment, &str), String> {
    if let Some(after) = text.strip_prefix("*]") {
        return Ok((Segment::Every, after));
    }
    let unclosed = || "`]` is missing".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && text.as_bytes().get(digits) == Some(&b']') {
        let (number, after) = text.split_at(digits);
        let place = number.parse().map_err(|_| format!("`{number}` is too large"))?;
        return Ok((Segment::Index(place), after.strip_prefix(']').ok_or_else(unclosed)?));
    }
    let (member, _, after) = take_name(text, &['=', '[', ']', '"'])?;
    let after = after
        .strip_prefix('=')
        .ok_or("brackets hold a place, `*`, or `name=value`")?;
    if let Some(after) = after.strip_prefix(']') {
        return Ok((Segment::Where(member.into(), "".into()), after));
    }
    let (wanted, _, after) = take_name(after, &['[', ']', '"'])?;
    let after = after.strip_prefix(']').ok_or_else(unclosed)?;
    Ok((Segment::Where(member.into(), wanted.into()), after))
}

/// Takes a quoted name, or the text up to one of the marks; tells whether it was quoted and what follows.
fn take_name<'a>(text: &'a str, marks: &[char]) -> Result<(String, bool, &'a str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(marks).unwrap_or(text.len());
        let (name, after) = text.split_at(end);
        if name.is_empty() {
            return Err(match after.chars().next() {
                Some(mark) => format!("a name is missing before `{mark}`"),
                None => "a name is missing at the end".to_owned(),
            });
        }
        return Ok((name.to_owned(), false, after));
    };
    let mut name = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Ok((name, true, characters.as_str())),
            '\\' => name.push(characters.next().ok_or("a closing quote is missing")?),
            other => name.push(other),
        }
    }
    Err("a closing quote is missing".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::json::tests::any_json;

    fn value(text: &str) -> Value<'_> {
        json::parse_text(text).unwrap()
    }

    fn first(path: &str, row: &str) -> Option<String> {
        let row = value(row);
        Path::parse(path).unwrap().first(&row).map(ToString::to_string)
    }

    #[test]
    fn every_form_finds_its_value() {
        assert_eq!(first("partner_id.0", r#"{"partner_id":[7,"Ada"]}"#).unwrap(), "7");
        assert_eq!(first("a.0", r#"{"a":{"0":1}}"#).unwrap(), "1");
        assert_eq!(
            first(r#""party.".name"#, r#"{"party.":{"name":"x"}}"#).unwrap(),
            r#""x""#
        );
        assert_eq!(first(r#""@odata.etag""#, r#"{"@odata.etag":"W"}"#).unwrap(), r#""W""#);
        assert_eq!(first("items[2]", r#"{"items":[1,2,3]}"#).unwrap(), "3");
        assert_eq!(first("[1].a", r#"[0,{"a":5}]"#).unwrap(), "5");
        let texts = r#"{"texts":[{"language":"DE","text":"Pumpe"},{"language":"EN","text":"Pump"}]}"#;
        assert_eq!(first("texts[language=EN].text", texts).unwrap(), r#""Pump""#);
        assert_eq!(first("texts[language=FR].text", texts), None);
        let parent = r#"{"parent":{"id":7,"type":"task"}}"#;
        assert_eq!(first("parent[type=task].id", parent).unwrap(), "7");
        assert_eq!(first("parent[type=project].id", parent), None);
        assert_eq!(first(r#"x[a="]"].b"#, r#"{"x":[{"a":"]","b":1}]}"#).unwrap(), "1");
        assert_eq!(first("x[n=1.50].b", r#"{"x":[{"n":1.50,"b":1}]}"#).unwrap(), "1");
        assert_eq!(first("", "[1]").unwrap(), "[1]");
        assert_eq!(first("a.b", r#"{"a":false}"#), None);
    }

    #[test]
    fn every_element_is_found_and_a_null_comes_last() {
        let row = value(r#"{"items":[{"n":null},{"n":"a"},{},{"n":"b"}]}"#);
        let path = Path::parse("items[*].n").unwrap();
        assert_eq!(path.first(&row).unwrap().as_str(), Some("a"));
        assert_eq!(path.all(&row).len(), 3);
        let nested = value(r#"{"a":[{"b":[1,2]},{"b":[3]}]}"#);
        assert_eq!(Path::parse("a[*].b[*]").unwrap().all(&nested).len(), 3);
    }

    #[test]
    fn the_parts_of_a_path_are_told() {
        let path = Path::parse("^.header.currency").unwrap();
        assert_eq!(
            (path.levels_up(), path.root(), path.text()),
            (1, "header", "^.header.currency")
        );
        assert_eq!(path.names().collect::<Vec<_>>(), ["header", "currency"]);
        assert!(Path::parse("").unwrap().is_empty());
    }

    #[test]
    fn members_of_any_name_are_gone_through() {
        let body = serde_json::json!({"Body": {"@id": "1", "A.Response": {"RETURN": {"item": [{"TYPE": "S"}, {"TYPE": "E", "MESSAGE": "no"}]}}}});
        let path = Path::parse("Body.*.RETURN.item[TYPE=E].MESSAGE").unwrap();
        assert!(path.finds_many() && path.members().is_none());
        assert_eq!(path.first(&Value::from(&body)).and_then(Value::as_str), Some("no"));
        assert_eq!(Path::parse("\"*\".a").unwrap().names().collect::<Vec<_>>(), ["*", "a"]);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for text in [
            "a..b",
            ".a",
            "a.",
            "a[",
            "a[1",
            "a]",
            "a[x]",
            "\"a",
            "a\"b\"",
            "a[1]b",
            "a.[0]",
            "^a",
            "^.",
            "a[99999999999999999999]",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_json_makes_a_path_panic(text in "[a-c0-9.\\[\\]*=\"\\\\^ ]{0,12}", row in any_json()) {
            if let Ok(path) = Path::parse(&text) {
                let row = Value::from(&row);
                let _ = path.all(&row);
                let _ = path.first(&row);
                prop_assert_eq!(path.text(), text);
            }
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC{0,30}") {
            let _ = Path::parse(&text);
        }

        #[test]
        fn a_quoted_name_finds_any_member(name in "\\PC{1,12}") {
            let row = serde_json::json!({ &name: { "x": 1 } });
            let row = Value::from(&row);
            let quoted = format!("\"{}\".x", name.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert!(Path::parse(&quoted).unwrap().first(&row).is_some());
        }
    }
}
