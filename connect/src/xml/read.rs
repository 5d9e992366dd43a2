//! Parses XML as a value, to a bounded depth: an element is an object, its attributes are members with `@`, its text is
//! the value itself or the member `#text`, an element that comes several times is a list.
//!
//! Document types and entities of their own are refused, prefixes of names are dropped.

use std::borrow::Cow;

use indexmap::IndexMap;
use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

use super::MAX_DEPTH;
use crate::json::Value;

/// Prefixes that stand for the namespace of `nil` at most; each attribute is compared with all of them.
const MOST_PREFIXES: usize = 16;
/// The namespace whose attributes say something about the form of an element, not about what is in it.
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The children of an element that have one name.
enum Children {
    One(Value<'static>),
    Many(Vec<Value<'static>>),
}

impl Children {
    fn into_value(self) -> Value<'static> {
        match self {
            Self::One(value) => value,
            Self::Many(list) => Value::List(list.into()),
        }
    }
}

/// An element that is not closed yet.
#[derive(Default)]
struct Open {
    name: String,
    members: IndexMap<String, Children>,
    text: String,
    /// Whether the text says something: blanks between elements do not, unless they are written as references.
    says: bool,
    nil: bool,
}

impl Open {
    fn add(&mut self, name: String, value: Value<'static>) {
        match self.members.entry(name) {
            indexmap::map::Entry::Vacant(place) => {
                place.insert(Children::One(value));
            }
            indexmap::map::Entry::Occupied(mut place) => match place.get_mut() {
                Children::Many(list) => list.push(value),
                Children::One(first) => {
                    let list = vec![std::mem::take(first), value];
                    place.insert(Children::Many(list));
                }
            },
        }
    }

    fn say(&mut self, text: &str) {
        self.says |= !text.trim_ascii().is_empty();
        self.text.push_str(text);
    }

    fn into_value(mut self) -> Value<'static> {
        if self.nil {
            return Value::Null;
        }
        if self.members.is_empty() {
            return match self.says {
                true => Value::Text(Cow::Owned(self.text)),
                false => Value::Null,
            };
        }
        if self.says {
            let has_elements = self.members.keys().any(|name| !name.starts_with('@'));
            let text = if has_elements {
                self.text.trim().to_owned()
            } else {
                self.text
            };
            self.members
                .insert("#text".to_owned(), Children::One(Value::Text(Cow::Owned(text))));
        }
        let members = self.members.into_iter();
        Value::Object(
            members
                .map(|(name, children)| (Cow::Owned(name), children.into_value()))
                .collect(),
        )
    }
}

/// Parses a whole document; the value is an object with the outermost element.
pub(super) fn parse(text: &str) -> Result<Value<'static>, String> {
    let mut parser = Parser {
        reader: Reader::from_str(text),
        open: Vec::new(),
        instance: Vec::new(),
        root: None,
    };
    match parser.run() {
        Ok(value) => Ok(value),
        Err(wrong) => {
            let at = usize::try_from(parser.reader.error_position().max(parser.reader.buffer_position()));
            let before = text.as_bytes().get(..at.unwrap_or(usize::MAX).min(text.len()));
            let before = before.unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
            Err(format!("{wrong} (line {line}, column {column})"))
        }
    }
}

struct Parser<'x> {
    reader: Reader<&'x [u8]>,
    open: Vec<Open>,
    /// Prefixes of the namespace of instances.
    instance: Vec<String>,
    root: Option<(String, Value<'static>)>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<Value<'static>, Cow<'static, str>> {
        const BROKEN: &str = "is not XML";
        loop {
            match self.reader.read_event().map_err(|_| BROKEN)? {
                Event::Start(tag) => self.begin(&tag)?,
                Event::Empty(tag) => {
                    self.begin(&tag)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.say(&text.xml10_content())?,
                Event::CData(data) => {
                    self.say(&data.xml10_content())?;
                    if let Some(open) = self.open.last_mut() {
                        open.says |= !data.is_empty();
                    }
                }
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|_| BROKEN)?;
                    let known = match character {
                        Some(character) => Some(Cow::Owned(character.to_string())),
                        None => resolve_predefined_entity(&reference).map(Cow::Borrowed),
                    };
                    let known = known.ok_or("has an entity that XML does not know by itself")?;
                    let open = self.open.last_mut().ok_or(BROKEN)?;
                    open.text.push_str(&known);
                    open.says = true;
                }
                Event::DocType(_) => return Err("has a document type, which is not read".into()),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        if !self.open.is_empty() {
            return Err("ends before its elements do".into());
        }
        let (name, value) = self.root.take().ok_or("has no element")?;
        Ok(Value::Object(Box::new([(Cow::Owned(name), value)])))
    }

    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<(), Cow<'static, str>> {
        if self.open.is_empty() && self.root.is_some() {
            return Err("goes on after its end".into());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("is nested deeper than {MAX_DEPTH} elements").into());
        }
        let name = tag.name().local_name().into_inner().to_owned();
        if name.is_empty() {
            return Err("has an element without a name".into());
        }
        let mut open = Open {
            name,
            ..Open::default()
        };
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| "has broken attributes")?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| "has an entity that XML does not know by itself")?;
            match attribute.key.prefix().map(quick_xml::name::Prefix::into_inner) {
                None if attribute.key.into_inner() == "xmlns" => {}
                Some("xmlns") if value == INSTANCE => {
                    let prefix = attribute.key.local_name().into_inner();
                    if self.instance.iter().all(|known| known != prefix) {
                        self.instance.push(prefix.to_owned());
                    }
                    if self.instance.len() > MOST_PREFIXES {
                        return Err(format!("has more than {MOST_PREFIXES} names for one namespace").into());
                    }
                }
                Some("xmlns") => {}
                prefix => {
                    let name = attribute.key.local_name().into_inner().to_owned();
                    attributes.push((prefix.map(str::to_owned), name, value.into_owned()));
                }
            }
        }
        for (prefix, name, value) in attributes {
            if prefix.is_some_and(|prefix| self.instance.contains(&prefix)) {
                open.nil |= name == "nil" && matches!(value.as_str(), "true" | "1");
                continue;
            }
            let text = Children::One(Value::Text(Cow::Owned(value)));
            open.members.entry(format!("@{name}")).or_insert(text);
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) {
        let Some(mut closed) = self.open.pop() else { return };
        let name = std::mem::take(&mut closed.name);
        let value = closed.into_value();
        match self.open.last_mut() {
            Some(parent) => parent.add(name, value),
            None => self.root = Some((name, value)),
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Cow<'static, str>> {
        match self.open.last_mut() {
            Some(open) => open.say(text),
            None if text.trim_ascii().is_empty() => {}
            None => return Err("has text outside of its elements".into()),
        }
        Ok(())
    }
}
