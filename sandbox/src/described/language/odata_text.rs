//! The text of `$filter` in versions 2 and 4, for systems that have no service of declared types: values have the types
//! they are written with.

use serde_json::{Value, json};

use super::super::condition::{Comparison, Function, Match, Part, Term, path};
use super::{
    Condition, DEEPEST, Problem, all, any,
    scanner::{Quote, Scanner},
    syntax,
};

/// The versions of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// Literals say their type, and `substringof` has its text in front.
    Two,
    /// Literals of dates and GUIDs stand alone; there are lists and conditions on nested rows.
    Four,
}

/// Reads a filter of version 2.
pub(super) fn read_v2(text: &str) -> Result<Condition, Problem> {
    read(text, Version::Two)
}

/// Reads a filter of version 4.
pub(super) fn read_v4(text: &str) -> Result<Condition, Problem> {
    read(text, Version::Four)
}

fn read(text: &str, version: Version) -> Result<Condition, Problem> {
    let scanner = Scanner::new(text);
    let mut reader = Reader {
        scanner,
        version,
        variable: None,
        depth: 0,
    };
    let condition = reader.or()?;
    match reader.scanner.is_at_end() {
        true => Ok(condition),
        false => Err(reader.scanner.unexpected()),
    }
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    version: Version,
    /// What stands for the element in a condition on nested rows.
    variable: Option<String>,
    depth: usize,
}

impl Reader<'_> {
    fn or(&mut self) -> Result<Condition, Problem> {
        let mut parts = vec![self.and()?];
        while self.scanner.take_word("or") {
            parts.push(self.and()?);
        }
        Ok(any(parts))
    }

    fn and(&mut self) -> Result<Condition, Problem> {
        let mut parts = vec![self.term()?];
        while self.scanner.take_word("and") {
            parts.push(self.term()?);
        }
        Ok(all(parts))
    }

    fn term(&mut self) -> Result<Condition, Problem> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(syntax("("));
        }
        let term = if self.scanner.take_word("not") {
            self.term().map(Condition::negated)
        } else if self.scanner.take("(") {
            let inner = self.or()?;
            self.scanner.expect(")").map(|()| inner)
        } else {
            self.comparison()
        };
        self.depth -= 1;
        term
    }

    fn comparison(&mut self) -> Result<Condition, Problem> {
        let name = self.scanner.path('/')?;
        if self.scanner.take("(") {
            return match name.rsplit_once('/') {
                Some((list, kind @ ("any" | "all"))) if self.version == Version::Four => self.each(list, kind),
                _ => self.predicate(&name),
            };
        }
        let left = Term::field(self.without_variable(&name));
        let Some(word) = self.scanner.peek_word() else {
            return self.flag(left);
        };
        self.compared(left, word)
    }

    /// A field that stands alone is true.
    fn flag(&mut self, term: Term) -> Result<Condition, Problem> {
        match self.scanner.peek() {
            None | Some(')') => Ok(Condition::Compare(term, Comparison::Eq, Term::value(true))),
            Some(_) => Err(self.scanner.unexpected()),
        }
    }

    fn compared(&mut self, left: Term, word: &str) -> Result<Condition, Problem> {
        let comparison = match word {
            "eq" => Comparison::Eq,
            "ne" => Comparison::Ne,
            "gt" => Comparison::Gt,
            "ge" => Comparison::Ge,
            "lt" => Comparison::Lt,
            "le" => Comparison::Le,
            "in" if self.version == Version::Four => {
                self.scanner.take_word("in");
                return self.list().map(|values| Condition::In(left, values));
            }
            "and" | "or" => return Ok(Condition::Compare(left, Comparison::Eq, Term::value(true))),
            other => return Err(Problem::unknown_operator(other)),
        };
        self.scanner.take_word(word);
        let right = self.operand()?;
        Ok(match (comparison, &right) {
            (Comparison::Eq, Term::Value(Value::Null)) => Condition::Missing(left),
            (Comparison::Ne, Term::Value(Value::Null)) => Condition::Missing(left).negated(),
            (_, Term::Value(Value::Null)) => {
                return Err(Problem::malformed(format!("null cannot be compared by {word}")));
            }
            // What has no value differs from every value.
            (Comparison::Ne, _) => any(vec![
                Condition::Compare(left.clone(), comparison, right),
                Condition::Missing(left),
            ]),
            _ => Condition::Compare(left, comparison, right),
        })
    }

    fn list(&mut self) -> Result<Vec<Term>, Problem> {
        self.scanner.expect("(")?;
        let mut values = Vec::new();
        loop {
            values.push(Term::Value(self.value()?));
            if self.scanner.take(")") {
                return Ok(values);
            }
            self.scanner.expect(",")?;
        }
    }

    /// Reads the rest of `lines/any(l:l/Quantity gt 1)`.
    fn each(&mut self, list: &str, kind: &str) -> Result<Condition, Problem> {
        let list = path(self.without_variable(list));
        if self.scanner.take(")") {
            return Ok(Condition::Some(list, Box::new(Condition::always())));
        }
        let variable = self.scanner.name().ok_or_else(|| self.scanner.unexpected())?;
        self.scanner.expect(":")?;
        let outer = self.variable.replace(variable.to_owned());
        let inner = Box::new(self.or()?);
        self.variable = outer;
        self.scanner.expect(")")?;
        Ok(match kind {
            "all" => Condition::Every(list, inner),
            _ => Condition::Some(list, inner),
        })
    }

    fn without_variable<'n>(&self, name: &'n str) -> &'n str {
        let inner = self
            .variable
            .as_deref()
            .and_then(|variable| name.strip_prefix(variable));
        inner.and_then(|rest| rest.strip_prefix('/')).unwrap_or(name)
    }

    /// Reads a function at the beginning of a condition: it is one itself, or it is compared.
    fn predicate(&mut self, name: &str) -> Result<Condition, Problem> {
        let part = match (name, self.version) {
            ("substringof", Version::Two) | ("contains", Version::Four) => Part::Anywhere,
            ("startswith", _) => Part::Start,
            ("endswith", _) => Part::End,
            _ => {
                let left = self.function(name)?;
                let word = self.scanner.peek_word().ok_or_else(|| self.scanner.unexpected())?;
                return self.compared(left, word);
            }
        };
        let (first, second) = (self.operand()?, {
            self.scanner.expect(",")?;
            self.operand()?
        });
        self.scanner.expect(")")?;
        let (field, text) = if name == "substringof" {
            (second, first)
        } else {
            (first, second)
        };
        if matches!(&text, Term::Value(value) if !value.is_string()) {
            return Err(Problem::malformed(format!("{name} needs a text")));
        }
        let condition = Condition::Text(field, Match { part, case: None }, text);
        if !self.scanner.take_word("eq") {
            return Ok(condition);
        }
        match self.value()? {
            Value::Bool(true) => Ok(condition),
            Value::Bool(false) => Ok(condition.negated()),
            other => Err(syntax(other.to_string())),
        }
    }

    fn function(&mut self, name: &str) -> Result<Term, Problem> {
        let function = match name {
            "tolower" => Function::Lower,
            "toupper" => Function::Upper,
            "trim" => Function::Trim,
            "length" => Function::Length,
            "concat" => Function::Concat,
            "substring" => Function::Substring,
            "date" => Function::Date,
            "year" => Function::Year,
            "month" => Function::Month,
            "day" => Function::Day,
            "hour" => Function::Hour,
            "minute" => Function::Minute,
            "second" => Function::Second,
            other => return Err(Problem::unknown_operator(other)),
        };
        let mut terms = vec![self.operand()?];
        while self.scanner.take(",") {
            terms.push(self.operand()?);
        }
        self.scanner.expect(")")?;
        Ok(Term::Call(function, terms))
    }

    fn operand(&mut self) -> Result<Term, Problem> {
        let mut ahead = self.scanner.clone();
        let starts_value = matches!(ahead.peek(), Some('\'' | '-' | '0'..='9'));
        let name = match starts_value {
            true => None,
            false => ahead.path('/').ok(),
        };
        match name {
            Some(name) if ahead.take("(") => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(syntax("("));
                }
                self.scanner = ahead;
                let term = self.function(&name);
                self.depth -= 1;
                term
            }
            // A quote behind a name makes it the type of a literal.
            Some(name) if !is_word(&name) && ahead.peek() != Some('\'') && !self.is_guid() => {
                self.scanner = ahead;
                Ok(Term::field(self.without_variable(&name)))
            }
            _ => self.value().map(Term::Value),
        }
    }

    fn is_guid(&self) -> bool {
        self.version == Version::Four && self.scanner.clone().guid().is_some()
    }

    fn value(&mut self) -> Result<Value, Problem> {
        if let Some(text) = self.scanner.quoted(Quote::Doubled('\''))? {
            return Ok(json!(text));
        }
        if self.version == Version::Four
            && let Some(text) = self.scanner.guid().or_else(|| self.scanner.moment())
        {
            return Ok(json!(text));
        }
        if let Some(number) = self.scanner.number() {
            return Ok(number);
        }
        match self.scanner.name() {
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            Some("null") => Ok(Value::Null),
            Some("datetimeoffset" | "datetime" | "guid") if self.version == Version::Two => {
                let quoted = self.scanner.quoted(Quote::Doubled('\''))?;
                quoted.map(Value::String).ok_or_else(|| self.scanner.unexpected())
            }
            Some(other) => Err(syntax(other)),
            None => Err(self.scanner.unexpected()),
        }
    }
}

fn is_word(name: &str) -> bool {
    matches!(name, "true" | "false" | "null")
}
