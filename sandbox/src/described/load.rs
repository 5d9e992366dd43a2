//! Reads tables of words out of a described system's file: what is wrong or unknown is noted with its place, all of it.

use std::fmt;

use serde_json::Value as Json;

use super::yaml::{Data, Entry, Node, Place};

/// What is wrong with a description, with the place of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faulty {
    /// The file.
    pub file: String,
    /// `line:column: message`, in the order of the file.
    pub problems: Vec<String>,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            let line_break = if number == 0 { "" } else { "\n" };
            write!(f, "{line_break}{}:{problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faulty {}

/// Collects what is wrong while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    problems: Vec<(Place, String)>,
    /// Names that steps give to their results.
    pub(crate) names: Vec<String>,
}

impl Loader {
    /// Notes what is wrong.
    pub(crate) fn wrong(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push((place, message.into()));
    }

    /// Returns all that is wrong, if anything.
    pub(crate) fn finish(mut self, file: &str) -> Result<(), Faulty> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by_key(|(place, _)| *place);
        Err(Faulty {
            file: file.to_owned(),
            problems: self
                .problems
                .iter()
                .map(|(place, message)| format!("{}:{}: {message}", place.line, place.column))
                .collect(),
        })
    }

    /// Opens a table of words.
    pub(crate) fn fields<'a>(&mut self, node: &'a Node, what: &'static str) -> Fields<'a> {
        let entries = match &node.data {
            Data::Table(entries) => entries.as_slice(),
            Data::Null => &[],
            _ => {
                self.wrong(node.place, format!("{what} is a table of names and values"));
                &[]
            }
        };
        Fields {
            place: node.place,
            entries,
            asked: Vec::new(),
            what,
        }
    }

    /// Returns the elements of a list.
    pub(crate) fn list<'a>(&mut self, node: &'a Node, what: &str) -> &'a [Node] {
        match &node.data {
            Data::List(elements) => elements,
            Data::Null => &[],
            _ => {
                self.wrong(node.place, format!("{what} is a list"));
                &[]
            }
        }
    }

    /// Returns a text, or a number as text.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> String {
        match &node.data {
            Data::Text(text) | Data::Number(text) => text.clone(),
            _ => {
                self.wrong(node.place, format!("{what} is text"));
                String::new()
            }
        }
    }

    /// Returns the texts of a list; one text is a list of one.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Vec<String> {
        match &node.data {
            Data::List(elements) => elements.iter().map(|element| self.text(element, what)).collect(),
            _ => vec![self.text(node, what)],
        }
    }

    /// Returns a truth value.
    pub(crate) fn flag(&mut self, node: &Node, what: &str) -> bool {
        match node.data {
            Data::Boolean(flag) => flag,
            _ => {
                self.wrong(node.place, format!("{what} is true or false"));
                false
            }
        }
    }

    /// Returns a whole number.
    pub(crate) fn number(&mut self, node: &Node, what: &str) -> u64 {
        match node.to_json().as_u64() {
            Some(number) => number,
            None => {
                self.wrong(node.place, format!("{what} is a whole number"));
                0
            }
        }
    }

    /// Returns one of a few words.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, what);
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(
                node.place,
                format!("{what} is one of {}, not {text:?}", known.join(", ")),
            );
        }
        found
    }
}

/// A table whose words are taken one by one.
pub(crate) struct Fields<'a> {
    pub(crate) place: Place,
    entries: &'a [Entry],
    asked: Vec<&'static str>,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// Returns the value of a word.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<&'a Node> {
        self.asked.push(name);
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| &entry.value)
    }

    /// Returns the value of a word that must stand there.
    pub(crate) fn require(&mut self, loader: &mut Loader, name: &'static str) -> Option<&'a Node> {
        let found = self.take(name);
        if found.is_none() {
            loader.wrong(self.place, format!("{} needs `{name}`", self.what));
        }
        found
    }

    pub(crate) fn text(&mut self, loader: &mut Loader, name: &'static str) -> Option<String> {
        self.take(name).map(|node| loader.text(node, name))
    }

    pub(crate) fn texts(&mut self, loader: &mut Loader, name: &'static str) -> Vec<String> {
        self.take(name).map(|node| loader.texts(node, name)).unwrap_or_default()
    }

    pub(crate) fn flag(&mut self, loader: &mut Loader, name: &'static str) -> bool {
        self.take(name).is_some_and(|node| loader.flag(node, name))
    }

    pub(crate) fn number(&mut self, loader: &mut Loader, name: &'static str) -> Option<u64> {
        self.take(name).map(|node| loader.number(node, name))
    }

    pub(crate) fn word<T: Copy>(&mut self, loader: &mut Loader, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.take(name).and_then(|node| loader.word(node, name, words))
    }

    pub(crate) fn json(&mut self, name: &'static str) -> Option<Json> {
        self.take(name).map(Node::to_json)
    }

    /// Notes all words that nobody asked for.
    pub(crate) fn finish(self, loader: &mut Loader) {
        for entry in self.entries {
            if !self.asked.contains(&entry.name.as_str()) {
                let known = self.asked.join(", ");
                let message = format!("unknown word `{}` in {}; known are {known}", entry.name, self.what);
                loader.wrong(entry.place, message);
            }
        }
    }
}
