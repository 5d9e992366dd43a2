//! YAML texts as trees that remember where everything stands. Numbers are kept digit for digit.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Map, Value as Json};

/// How deep lists and tables may be nested.
const MAX_DEPTH: usize = 100;

/// How many nodes a text may have after its aliases are filled in.
const MAX_NODES: usize = 200_000;

/// A place in a text; both numbers begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// Where.
    pub place: Place,
    /// What.
    pub message: String,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// The value.
    pub data: Data,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Data {
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
pub struct Entry {
    /// The name.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

/// Parses every document of a text.
///
/// # Errors
/// Returns the first error of syntax, or every name that stands twice and every value that is not clear.
pub fn parse(text: &str) -> Result<Vec<Node>, Vec<SyntaxProblem>> {
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
    #[must_use]
    pub fn to_json(&self) -> Json {
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

    /// Returns the value as JSON text in which numbers keep every digit.
    #[must_use]
    pub fn to_json_text(&self) -> String {
        let joined = |parts: Vec<String>| parts.join(",");
        match &self.data {
            Data::Number(number) => number.clone(),
            Data::List(elements) => format!("[{}]", joined(elements.iter().map(Self::to_json_text).collect())),
            Data::Table(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| format!("{}:{}", Json::from(entry.name.as_str()), entry.value.to_json_text()));
                format!("{{{}}}", joined(entries.collect()))
            }
            _ => self.to_json().to_string(),
        }
    }

    /// Returns the value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.data {
            Data::Table(entries) => entries
                .iter()
                .find(|entry| entry.name == name)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Returns where a JSON pointer leads: to a scalar, or to the name or the beginning of a list or table. A pointer to
    /// what is not there leads to the nearest thing around it.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Place {
        self.walk(pointer, false)
    }

    /// Returns where the name stands that a JSON pointer ends with.
    #[must_use]
    pub fn locate_name(&self, pointer: &str) -> Place {
        self.walk(pointer, true)
    }

    fn walk(&self, pointer: &str, of_name: bool) -> Place {
        let mut node = self;
        let mut place = self.place;
        for name in pointer.split('/').skip(1) {
            let name = name.replace("~1", "/").replace("~0", "~");
            (node, place) = match &node.data {
                Data::Table(entries) => match entries.iter().find(|entry| entry.name == name) {
                    Some(entry) => (&entry.value, entry.place),
                    None => return place,
                },
                Data::List(elements) => match name.parse::<usize>().ok().and_then(|at| elements.get(at)) {
                    Some(element) => (element, element.place),
                    None => return place,
                },
                _ => return place,
            };
        }
        let is_scalar = !matches!(node.data, Data::List(_) | Data::Table(_) | Data::Null);
        if is_scalar && !of_name { node.place } else { place }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Node {
        parse(text).unwrap().remove(0)
    }

    #[test]
    fn values_and_their_places_are_kept() {
        let node = one("a: 1\nb:\n  - x\n  - {c: 1.50, d: yes}\n'1': ~\n0: off\n");
        assert_eq!(
            node.to_json_text(),
            r#"{"a":1,"b":["x",{"c":1.50,"d":"yes"}],"1":null,"0":"off"}"#
        );
        assert_eq!(node.locate("/b/1/c"), Place { line: 4, column: 9 });
        assert_eq!(node.locate_name("/b/1/c"), Place { line: 4, column: 6 });
        assert_eq!(node.locate("/b"), Place { line: 2, column: 1 });
        assert_eq!(node.locate("/b/1/missing/deeper"), Place { line: 4, column: 5 });
        assert_eq!(node.locate("/nothing"), Place { line: 1, column: 1 });
    }

    #[test]
    fn every_double_name_and_unclear_value_is_told() {
        let problems = parse("a: 1\nb: 007\na: 2\nc: {d: 1, d: 2}\n").unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.place.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert!(
            problems[1].message.contains("first in line 1"),
            "{}",
            problems[1].message
        );
    }

    #[test]
    fn syntax_errors_have_a_line() {
        let problems = parse("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].place.line >= 2, "{problems:?}");
    }

    #[test]
    fn aliases_are_filled_in_up_to_a_limit() {
        assert_eq!(
            one("a: &x {b: 1}\nc: *x\n").to_json_text(),
            r#"{"a":{"b":1},"c":{"b":1}}"#
        );
        let mut bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
        for at in 1..9 {
            let inner = vec![format!("*a{}", at - 1); 10].join(",");
            bomb.push_str(&format!("a{at}: &a{at} [{inner}]\n"));
        }
        assert!(parse(&bomb).is_err());
        assert!(parse(&"[".repeat(3000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_yaml_or_refused(text in "[a-c0-9:\\-\\[\\]{}&*'\"#.,|> \n]{0,60}") {
            if let Ok(documents) = parse(&text) {
                for document in documents {
                    serde_json::from_str::<Json>(&document.to_json_text()).unwrap();
                }
            }
        }

        #[test]
        fn numbers_keep_their_digits(number in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?") {
            prop_assert_eq!(one(&format!("a: {number}")).to_json_text(), format!("{{\"a\":{number}}}"));
        }
    }
}
