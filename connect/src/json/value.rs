//! Parsed JSON that borrows from the text: numbers digit for digit, objects in the order of the text.

use std::{
    borrow::Cow,
    fmt,
    sync::atomic::{AtomicU32, Ordering},
};

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// Null.
    #[default]
    Null,
    /// A truth value.
    Boolean(bool),
    /// A number as it was written.
    Number(Cow<'a, str>),
    /// Text.
    Text(Cow<'a, str>),
    /// A list.
    List(Box<[Value<'a>]>),
    /// An object.
    Object(Box<[Member<'a>]>),
}

/// A member of an object.
pub type Member<'a> = (Cow<'a, str>, Value<'a>);

/// Where a member stood in the last object it was looked for in: rows of a list have their members at the same places.
#[derive(Debug, Default)]
pub(crate) struct Place(AtomicU32);

impl<'a> Value<'a> {
    /// Returns whether it is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns whether it is a number.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// Returns whether it is a list.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }

    /// Returns whether it is an object.
    #[must_use]
    pub const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Returns the text of a text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a truth value.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the elements of a list.
    #[must_use]
    pub fn elements(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the members of an object.
    #[must_use]
    pub fn members(&self) -> Option<&[Member<'a>]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns a member of an object; of several with one name the first.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        let member = self.members()?.iter().find(|(known, _)| known == name);
        member.map(|(_, value)| value)
    }

    /// Returns a member of an object, looked for first where it stood the last time.
    pub(crate) fn get_near(&self, name: &str, place: &Place) -> Option<&Self> {
        let members = self.members()?;
        let last = usize::try_from(place.0.load(Ordering::Relaxed)).ok()?;
        if let Some((known, value)) = members.get(last)
            && known == name
        {
            return Some(value);
        }
        let at = members.iter().position(|(known, _)| known == name)?;
        place.0.store(u32::try_from(at).unwrap_or_default(), Ordering::Relaxed);
        members.get(at).map(|(_, value)| value)
    }

    /// Adds a member to an object, in the place of one with this name.
    pub(crate) fn insert(&mut self, name: &'a str, value: Self) {
        if let Self::Object(members) = self {
            let mut list = std::mem::take(members).into_vec();
            list.retain(|(known, _)| known != name);
            list.push((name.into(), value));
            *members = list.into();
        }
    }

    /// Returns it with all of its texts copied.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Number(number) => Value::Number(owned(number)),
            Self::Text(text) => Value::Text(owned(text)),
            Self::List(list) => Value::List(list.into_iter().map(Value::into_owned).collect()),
            Self::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (owned(name), value.into_owned()))
                    .collect(),
            ),
        }
    }
}

impl<'a> From<&'a serde_json::Value> for Value<'a> {
    fn from(value: &'a serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Boolean(*value),
            serde_json::Value::Number(number) => Self::Number(number.to_string().into()),
            serde_json::Value::String(text) => Self::Text(text.as_str().into()),
            serde_json::Value::Array(list) => Self::List(list.iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, value)| (name.as_str().into(), value.into()))
                    .collect(),
            ),
        }
    }
}

/// Writes JSON without blanks.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Text(text) => write_text(f, text),
            Self::List(list) => {
                f.write_str("[")?;
                for (at, element) in list.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    element.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    f.write_str(if at > 0 { "," } else { "" })?;
                    write_text(f, name)?;
                    f.write_str(":")?;
                    value.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut written = Vec::with_capacity(text.len() + 2);
    lineshaft_schema::json::write_text(&mut written, text);
    f.write_str(&String::from_utf8_lossy(&written))
}

impl Clone for Place {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

/// A place says nothing about what is looked for.
impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}
