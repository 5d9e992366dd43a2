//! Parses expressions, in the manner of Jinja: operators, filters behind `|`, calls, tables and lists.

mod literals;

use super::{Comparison, FUNCTIONS, Function, Kind, Node, Operator};
use crate::{json::Place, manifest::suggest, path::Path};
use literals::pattern;

/// Most bytes of an expression.
const MAX_BYTES: usize = 4_000;

/// Most parts of an expression.
const MAX_NODES: usize = 1_000;

/// How deep parts may stand in one another.
const MAX_DEPTH: usize = 40;

/// Parses an expression; tells also what it reads of the row, when that can be told.
pub(super) fn parse(text: &str) -> Result<(Node, Option<Vec<Path>>), String> {
    if text.len() > MAX_BYTES {
        return Err(format!("the expression is longer than {MAX_BYTES} bytes"));
    }
    let mut parser = Parser {
        text,
        at: 0,
        nodes: 0,
        members: Vec::new(),
        is_whole: false,
    };
    let root = parser.expression(0)?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.unexpected());
    }
    let members = parser.members.iter().map(|names| Path::parse(names));
    let members: Result<Vec<_>, _> = members.collect();
    Ok((root.node, members.ok().filter(|_| !parser.is_whole)))
}

/// A part and how deep it goes.
struct Part {
    node: Node,
    depth: usize,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    nodes: usize,
    /// Paths into the row.
    members: Vec<String>,
    /// Whether the row is used otherwise than by its members.
    is_whole: bool,
}

type Parsed = Result<Part, String>;

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn unexpected(&self) -> String {
        let column = self.text.get(..self.at).unwrap_or_default().chars().count() + 1;
        match self.rest().chars().next() {
            Some(sign) => format!("unexpected `{sign}` at place {column}"),
            None => "the expression ends too early".to_owned(),
        }
    }

    /// Takes a sign if it is next.
    fn sign(&mut self, sign: &str) -> bool {
        self.blanks();
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        match self.sign(sign) {
            true => Ok(()),
            false => Err(format!("{}, expected `{sign}`", self.unexpected())),
        }
    }

    /// Takes a word if it is next.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let after = self.rest().strip_prefix(word);
        let is_next = after.is_some_and(|after| !after.starts_with(is_name_sign));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn name(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let length = rest.find(|sign| !is_name_sign(sign)).unwrap_or(rest.len());
        let name = rest.get(..length).filter(|name| !name.is_empty())?;
        self.at += length;
        Some(name)
    }

    fn part(&mut self, node: Node, below: usize) -> Parsed {
        self.nodes += 1;
        let depth = below + 1;
        if self.nodes > MAX_NODES {
            return Err(format!("the expression has more than {MAX_NODES} parts"));
        }
        if depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(Part { node, depth })
    }

    fn expression(&mut self, level: usize) -> Parsed {
        if level > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH} levels"));
        }
        let value = self.any(level)?;
        if !self.word("if") {
            return Ok(value);
        }
        let test = self.any(level)?;
        let otherwise = match self.word("else") {
            true => self.expression(level + 1)?,
            false => self.part(Node::Null, 0)?,
        };
        let depth = value.depth.max(test.depth).max(otherwise.depth);
        let node = Node::If(test.node.into(), value.node.into(), otherwise.node.into());
        self.part(node, depth)
    }

    fn any(&mut self, level: usize) -> Parsed {
        self.several(level, Self::all, "or", Node::Any)
    }

    fn all(&mut self, level: usize) -> Parsed {
        self.several(level, Self::not, "and", Node::All)
    }

    fn several(
        &mut self,
        level: usize,
        one: fn(&mut Self, usize) -> Parsed,
        word: &str,
        join: fn(Vec<Node>) -> Node,
    ) -> Parsed {
        let first = one(self, level)?;
        let mut depth = first.depth;
        let mut nodes = vec![first.node];
        while self.word(word) {
            let next = one(self, level)?;
            depth = depth.max(next.depth);
            nodes.push(next.node);
        }
        match (nodes.len(), nodes.pop()) {
            (1, Some(node)) => Ok(Part { node, depth }),
            (_, last) => {
                nodes.extend(last);
                self.part(join(nodes), depth)
            }
        }
    }

    fn not(&mut self, level: usize) -> Parsed {
        let mut negated = false;
        while self.word("not") {
            negated = !negated;
            self.nodes += 1;
        }
        let value = self.comparison(level)?;
        match negated {
            true => self.part(Node::Not(value.node.into()), value.depth),
            false => Ok(value),
        }
    }

    fn comparison(&mut self, level: usize) -> Parsed {
        let left = self.sum(level)?;
        if self.word("is") {
            return self.is(left);
        }
        let comparison = if self.sign("==") {
            Comparison::Equal
        } else if self.sign("!=") {
            Comparison::Other
        } else if self.sign("<=") {
            Comparison::AtMost
        } else if self.sign(">=") {
            Comparison::AtLeast
        } else if self.sign("<") {
            Comparison::Less
        } else if self.sign(">") {
            Comparison::Greater
        } else if self.word("in") {
            Comparison::In
        } else if self.word("not") {
            match self.word("in") {
                true => Comparison::NotIn,
                false => return Err(format!("{}, expected `in`", self.unexpected())),
            }
        } else {
            return Ok(left);
        };
        let right = self.sum(level)?;
        let depth = left.depth.max(right.depth);
        self.part(Node::Compare(comparison, left.node.into(), right.node.into()), depth)
    }

    fn is(&mut self, value: Part) -> Parsed {
        let negated = self.word("not");
        let kinds = [
            ("none", Kind::Null),
            ("null", Kind::Null),
            ("empty", Kind::Empty),
            ("number", Kind::Number),
            ("string", Kind::Text),
            ("list", Kind::List),
        ];
        let (kind, negated) = match kinds.iter().find(|(word, _)| self.word(word)) {
            Some((_, kind)) => (*kind, negated),
            None if self.word("defined") => (Kind::Null, !negated),
            None => {
                return Err(format!(
                    "{}, expected one of none, defined, empty, number, string, list",
                    self.unexpected()
                ));
            }
        };
        let is = self.part(Node::Is(kind, value.node.into()), value.depth)?;
        match negated {
            true => self.part(Node::Not(is.node.into()), is.depth),
            false => Ok(is),
        }
    }

    fn sum(&mut self, level: usize) -> Parsed {
        let mut left = self.concat(level)?;
        loop {
            let operator = if self.sign("+") {
                Operator::Add
            } else if self.sign("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            let right = self.concat(level)?;
            left = self.computed(operator, left, right)?;
        }
    }

    fn computed(&mut self, operator: Operator, left: Part, right: Part) -> Parsed {
        let depth = left.depth.max(right.depth);
        self.part(Node::Compute(operator, left.node.into(), right.node.into()), depth)
    }

    fn concat(&mut self, level: usize) -> Parsed {
        let first = self.product(level)?;
        if !self.sign("~") {
            return Ok(first);
        }
        let mut depth = first.depth;
        let mut nodes = vec![first.node];
        loop {
            let next = self.product(level)?;
            depth = depth.max(next.depth);
            nodes.push(next.node);
            if !self.sign("~") {
                return self.part(Node::Concat(nodes), depth);
            }
        }
    }

    fn product(&mut self, level: usize) -> Parsed {
        let mut left = self.signed(level)?;
        loop {
            let operator = if self.sign("*") {
                Operator::Multiply
            } else if self.sign("//") {
                Operator::Whole
            } else if self.sign("/") {
                Operator::Divide
            } else if self.sign("%") {
                Operator::Rest
            } else {
                return Ok(left);
            };
            let right = self.signed(level)?;
            left = self.computed(operator, left, right)?;
        }
    }

    fn signed(&mut self, level: usize) -> Parsed {
        let mut negative = false;
        while self.sign("-") {
            negative = !negative;
            self.nodes += 1;
        }
        let mut value = self.postfix(level)?;
        if negative {
            value = self.part(Node::Negative(value.node.into()), value.depth)?;
        }
        while self.sign("|") {
            self.blanks();
            let Some(name) = self.name() else {
                return Err(format!("{}, expected the name of a filter", self.unexpected()));
            };
            let arguments = match self.sign("(") {
                true => self.arguments(level)?,
                false => Vec::new(),
            };
            value = self.call(name, Some(value), arguments)?;
        }
        Ok(value)
    }

    fn postfix(&mut self, level: usize) -> Parsed {
        let begin = self.at;
        let mut value = self.primary(level)?;
        let is_row = matches!(value.node, Node::Row);
        // The names behind `row`, as far as they are plain.
        let mut path: Option<String> = is_row.then(String::new);
        let mut goes_on = is_row;
        loop {
            if self.rest().starts_with('.') {
                self.at += 1;
                let Some(name) = self.name() else {
                    return Err(format!("{}, expected a name", self.unexpected()));
                };
                extend(&mut path, name, goes_on);
                value = self.member(value, name)?;
                continue;
            }
            if !self.rest().starts_with('[') {
                break;
            }
            self.at += 1;
            if self.sign(":") {
                goes_on = false;
                value = self.slice(value, None, level)?;
                continue;
            }
            let key = self.expression(level + 1)?;
            if self.sign(":") {
                goes_on = false;
                value = self.slice(value, Some(key), level)?;
                continue;
            }
            self.expect("]")?;
            match key.node {
                Node::Text(name) if goes_on => {
                    extend(&mut path, &name, goes_on);
                    value = self.member(value, &name)?;
                }
                node => {
                    goes_on = false;
                    let depth = value.depth.max(key.depth);
                    value = self.part(Node::Index(value.node.into(), node.into()), depth)?;
                }
            }
        }
        match path {
            Some(path) if path.is_empty() => self.is_whole = true,
            Some(path) if !self.members.contains(&path) => self.members.push(path),
            _ => {}
        }
        debug_assert!(self.at > begin, "something was read");
        Ok(value)
    }

    fn member(&mut self, base: Part, name: &str) -> Parsed {
        let node = Node::Member(base.node.into(), name.into(), name.parse().ok(), Place::default());
        self.part(node, base.depth)
    }

    fn slice(&mut self, base: Part, from: Option<Part>, level: usize) -> Parsed {
        let to = match self.sign("]") {
            true => None,
            false => {
                let to = self.expression(level + 1)?;
                self.expect("]")?;
                Some(to)
            }
        };
        let depth = |part: &Option<Part>| part.as_ref().map_or(0, |part| part.depth);
        let depth = base.depth.max(depth(&from)).max(depth(&to));
        let boxed = |part: Option<Part>| part.map(|part| Box::new(part.node));
        self.part(Node::Slice(base.node.into(), boxed(from), boxed(to)), depth)
    }

    fn arguments(&mut self, level: usize) -> Result<Vec<Part>, String> {
        let mut arguments = Vec::new();
        while !self.sign(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.expression(level + 1)?);
        }
        Ok(arguments)
    }

    fn call(&mut self, name: &str, first: Option<Part>, more: Vec<Part>) -> Parsed {
        let Some(about) = FUNCTIONS.iter().find(|about| about.name == name) else {
            let known = FUNCTIONS.iter().map(|about| about.name);
            return Err(suggest::unknown("function", name, known));
        };
        let arguments: Vec<Part> = first.into_iter().chain(more).collect();
        let (least, most) = about.takes;
        if !(least..=most).contains(&arguments.len()) {
            return Err(format!("`{name}` is called like `{}`", about.usage));
        }
        let depth = arguments.iter().map(|part| part.depth).max().unwrap_or(0);
        let nodes: Vec<Node> = arguments.into_iter().map(|part| part.node).collect();
        let pattern = match about.function {
            Function::Matches | Function::Extract => Some(pattern(name, nodes.get(1))?),
            _ => None,
        };
        self.part(Node::Call(about.function, nodes, pattern), depth)
    }

    fn primary(&mut self, level: usize) -> Parsed {
        self.blanks();
        let Some(sign) = self.rest().chars().next() else {
            return Err(self.unexpected());
        };
        match sign {
            '(' => {
                self.at += 1;
                let inner = self.expression(level + 1)?;
                self.expect(")")?;
                Ok(inner)
            }
            '[' => {
                self.at += 1;
                let mut nodes = Vec::new();
                let mut depth = 0;
                while !self.sign("]") {
                    if !nodes.is_empty() {
                        self.expect(",")?;
                    }
                    let part = self.expression(level + 1)?;
                    depth = depth.max(part.depth);
                    nodes.push(part.node);
                }
                self.part(Node::List(nodes), depth)
            }
            '{' => {
                self.at += 1;
                self.table(level)
            }
            '\'' | '"' => {
                let text = self.text(sign)?;
                self.part(Node::Text(text.into()), 0)
            }
            '0'..='9' => self.number(),
            _ => self.named(level),
        }
    }

    fn table(&mut self, level: usize) -> Parsed {
        let mut entries: Vec<(Box<str>, Node)> = Vec::new();
        let mut depth = 0;
        while !self.sign("}") {
            if !entries.is_empty() {
                self.expect(",")?;
            }
            let name = match self.expression(level + 1)?.node {
                Node::Text(name) => name,
                Node::Number(number) => number.to_string().into(),
                Node::Boolean(value) => value.to_string().into(),
                _ => return Err("the names in a table are texts or numbers".to_owned()),
            };
            self.expect(":")?;
            let value = self.expression(level + 1)?;
            depth = depth.max(value.depth);
            if entries.iter().any(|(known, _)| *known == name) {
                return Err(format!("`{name}` stands twice in a table"));
            }
            entries.push((name, value.node));
        }
        self.part(Node::Table(entries), depth)
    }

    fn named(&mut self, level: usize) -> Parsed {
        let Some(name) = self.name() else {
            return Err(self.unexpected());
        };
        let node = match name {
            "row" => Node::Row,
            "true" | "True" => Node::Boolean(true),
            "false" | "False" => Node::Boolean(false),
            "none" | "None" | "null" => Node::Null,
            _ if self.sign("(") => {
                let arguments = self.arguments(level)?;
                return self.call(name, None, arguments);
            }
            _ => {
                let message = suggest::unknown("name", name, ["row", "true", "false", "none"]);
                return Err(format!("{message}; members of the row are written `row.{name}`"));
            }
        };
        self.part(node, 0)
    }
}

fn is_name_sign(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '$' | '@')
}

/// Adds a name to the path into the row.
fn extend(path: &mut Option<String>, name: &str, goes_on: bool) {
    let Some(path) = path.as_mut().filter(|_| goes_on) else {
        return;
    };
    let plain = name.chars().all(is_name_sign);
    if !path.is_empty() {
        path.push('.');
    }
    match plain {
        true => path.push_str(name),
        false => path.push_str(&format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))),
    }
}
