//! Makes lists of what is one by chance: XML has no word for a list with one element or with none.

use std::{borrow::Cow, sync::Arc};

use crate::{
    blueprint::Problem,
    json::{Member, Value},
    path::Path,
};

/// Elements that are lists however often they come: the names that lead to each, which may begin at any element.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists(Arc<[Vec<String>]>);

impl Lists {
    pub(crate) fn compile(paths: &[String], pointer: &str, problems: &mut Vec<Problem>) -> Self {
        let mut lists = Vec::new();
        for (at, text) in paths.iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            match Path::parse(text).map(|path| path.members().map(owned)) {
                Ok(Some(names)) => lists.push(names),
                Ok(None) => {
                    let problem = Problem::new(pointer, format!("`{text}` does not lead to one element"));
                    problems.push(problem.with_help("names joined by dots: `Lines.Line`"));
                }
                Err(message) => problems.push(Problem::new(pointer, message)),
            }
        }
        Self(lists.into())
    }

    /// Adds the place of the rows, which are a list whatever is said.
    pub(crate) fn with(self, path: &Path) -> Self {
        match path.members().map(owned) {
            Some(names) => Self(self.0.iter().cloned().chain([names]).collect()),
            None => self,
        }
    }

    /// Makes lists of the elements in a value.
    pub(crate) fn apply(&self, value: &mut Value<'_>) {
        if !self.0.is_empty() {
            self.walk(value, &mut Vec::new());
        }
    }

    fn walk(&self, value: &mut Value<'_>, names: &mut Vec<String>) {
        match value {
            Value::List(list) => list.iter_mut().for_each(|element| self.walk(element, names)),
            Value::Object(members) => {
                self.normalize(members, names);
                for (name, member) in members.iter_mut() {
                    names.push(name.to_string());
                    self.walk(member, names);
                    names.pop();
                }
            }
            // An empty element that would hold a list.
            Value::Null => {
                let mut members = Vec::new().into_boxed_slice();
                self.normalize(&mut members, names);
                if !members.is_empty() {
                    *value = Value::Object(members);
                }
            }
            Value::Boolean(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    /// Makes lists of the members of one element.
    fn normalize(&self, members: &mut Box<[Member<'_>]>, names: &[String]) {
        for list in self.0.iter() {
            let Some((wanted, above)) = list.split_last() else {
                continue;
            };
            if !names.ends_with(above) {
                continue;
            }
            let found = members.iter_mut().find(|(name, _)| name == wanted);
            match found.map(|(_, member)| member) {
                Some(Value::List(_)) => {}
                Some(member) => {
                    *member = match std::mem::take(member) {
                        Value::Null => Value::List(Box::default()),
                        one => Value::List(Box::new([one])),
                    };
                }
                // Nobody knows where an element would stand that is named without the one around it.
                None if above.is_empty() => {}
                None => {
                    let mut more = std::mem::take(members).into_vec();
                    more.push((Cow::Owned(wanted.clone()), Value::List(Box::default())));
                    *members = more.into();
                }
            }
        }
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
