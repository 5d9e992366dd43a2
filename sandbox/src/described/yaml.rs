//! Reads a YAML text as a tree that remembers where everything stands, so that what is wrong in it is told with its place.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Map, Value as Json};

/// How deep lists and tables may be nested.
const MAX_DEPTH: usize = 100;

/// How many nodes a text may have after its aliases are filled in.
const MAX_NODES: usize = 200_000;

/// A place in a text; both numbers begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The line.
    pub(crate) line: usize,
    /// The column, in characters.
    pub(crate) column: usize,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxProblem {
    /// Where.
    pub(crate) place: Place,
    /// What.
    pub(crate) message: String,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) place: Place,
    /// The value.
    pub(crate) data: Data,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// Nothing.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A number, in the form of JSON.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Names and values, in order.
    Table(Vec<Entry>),
}

/// A name and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The name.
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) place: Place,
    /// The value.
    pub(crate) value: Node,
}

/// Parses every document of a text.
///
/// # Errors
/// Returns the first error of syntax, or every name that stands twice and every value that is not clear.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, Vec<SyntaxProblem>> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        problems: Vec::new(),
        nodes: 0,
        last: Place { line: 1, column: 1 },
    };
    match reader.documents() {
        Err(problem) => {
            reader.problems.push(problem);
            Err(reader.problems)
        }
        Ok(_) if !reader.problems.is_empty() => Err(reader.problems),
        Ok(documents) => Ok(documents),
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    problems: Vec<SyntaxProblem>,
    nodes: usize,
    last: Place,
}

fn place_of(marker: &Marker) -> Place {
    Place {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

fn syntax(error: &ScanError) -> SyntaxProblem {
    SyntaxProblem {
        place: place_of(error.marker()),
        message: format!("not YAML: {}", error.info()),
    }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Place)>, SyntaxProblem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Err(error)) => Err(syntax(&error)),
            Some(Ok((event, Span { start, .. }))) => {
                self.last = place_of(&start);
                Ok(Some((event, self.last)))
            }
        }
    }

    fn documents(&mut self) -> Result<Vec<Node>, SyntaxProblem> {
        let mut documents = Vec::new();
        while let Some((event, place)) = self.next()? {
            match event {
                Event::DocumentStart(_) => self.anchors.clear(),
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
                event => documents.push(self.node(event, place, 0)?),
            }
        }
        Ok(documents)
    }

    fn problem(&self, place: Place, message: impl Into<String>) -> SyntaxProblem {
        SyntaxProblem {
            place,
            message: message.into(),
        }
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), SyntaxProblem> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(self.problem(place, format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, SyntaxProblem> {
        if depth > MAX_DEPTH {
            return Err(self.problem(place, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, place)?;
        let (data, anchor) = match event {
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| self.problem(place, "the alias stands inside its own anchor"))?;
                self.count(size(&node), place)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
                let data = if is_text {
                    Data::Text(text.into_owned())
                } else {
                    self.plain(&text, place)
                };
                (data, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.table(depth)?, anchor),
            _ => return Err(self.problem(place, "a value is expected")),
        };
        let node = Node { place, data };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Data, SyntaxProblem> {
        let mut elements = Vec::new();
        loop {
            match self.next()? {
                None | Some((Event::SequenceEnd, _)) => return Ok(Data::List(elements)),
                Some((event, place)) => elements.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Data, SyntaxProblem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (name, place) = match self.next()? {
                None | Some((Event::MappingEnd, _)) => return Ok(Data::Table(entries)),
                Some((Event::Scalar(text, style, ..), place)) => (name_of(&text, style), place),
                Some((_, place)) => return Err(self.problem(place, "a name must be text")),
            };
            let value = match self.next()? {
                None => return Err(self.problem(place, format!("`{name}` has no value"))),
                Some((event, place)) => self.node(event, place, depth + 1)?,
            };
            if let Some(first) = entries.iter().find(|entry| entry.name == name) {
                let message = format!("`{name}` stands twice, first in line {}", first.place.line);
                self.problems.push(SyntaxProblem { place, message });
                continue;
            }
            entries.push(Entry { name, place, value });
        }
    }

    /// Reads a scalar without quotes.
    fn plain(&mut self, text: &str, place: Place) -> Data {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
            "true" | "True" | "TRUE" => return Data::Boolean(true),
            "false" | "False" | "FALSE" => return Data::Boolean(false),
            _ => {}
        }
        match number_of(text) {
            Some(number) => Data::Number(number),
            None if looks_like_number(text) => {
                let message = format!("`{text}` may be a number or text: put it in quotes if it is text");
                self.problems.push(SyntaxProblem { place, message });
                Data::Null
            }
            None => Data::Text(text.to_owned()),
        }
    }
}

/// Returns the name of an entry: as it is written, with one spelling for null.
fn name_of(text: &str, style: ScalarStyle) -> String {
    match text {
        "" | "~" | "Null" | "NULL" if style == ScalarStyle::Plain => "null".to_owned(),
        text => text.to_owned(),
    }
}

/// Returns a number in the form of JSON.
fn number_of(text: &str) -> Option<String> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(|number| number.to_string());
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, rest.get(at + 1..)?),
        None => (rest, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let well_formed = is_digits(whole) && is_digits(part) && !(whole.is_empty() && part.is_empty());
    let has_exponent = rest.len() != digits.len();
    if !well_formed
        || !is_digits(power)
        || (has_exponent && power.is_empty())
        || (whole.len() > 1 && whole.starts_with('0'))
    {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if part.is_empty() { "" } else { "." };
    let exponent = if has_exponent {
        format!("e{exponent}")
    } else {
        String::new()
    };
    Some(format!("{sign}{whole}{point}{part}{exponent}"))
}

/// Returns whether YAML would read a number that JSON cannot write: zeros in front, octal, infinite.
fn looks_like_number(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = rest.strip_prefix("0o").unwrap_or(rest);
    let zeros =
        rest.starts_with('0') && rest.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let one_point = digits.bytes().filter(|byte| *byte == b'.').count() <= 1;
    (zeros && one_point) || matches!(rest.to_ascii_lowercase().as_str(), ".inf" | ".nan")
}

fn size(node: &Node) -> usize {
    match &node.data {
        Data::List(elements) => elements.iter().map(size).sum::<usize>() + 1,
        Data::Table(entries) => entries.iter().map(|entry| size(&entry.value)).sum::<usize>() + 1,
        _ => 1,
    }
}

impl Node {
    /// Returns the value as JSON.
    pub(crate) fn to_json(&self) -> Json {
        match &self.data {
            Data::Null => Json::Null,
            Data::Boolean(value) => Json::Bool(*value),
            Data::Number(number) => serde_json::from_str(number).unwrap_or_else(|_| Json::String(number.clone())),
            Data::Text(text) => Json::String(text.clone()),
            Data::List(elements) => elements.iter().map(Self::to_json).collect(),
            Data::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.name.clone(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// Returns the value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match &self.data {
            Data::Table(entries) => entries
                .iter()
                .find(|entry| entry.name == name)
                .map(|entry| &entry.value),
            _ => None,
        }
    }
}
