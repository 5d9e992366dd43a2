//! Conditions in SQL: those of statements, of `ql` with its parameters, and of Oracle's `q`, which leaves quotes out and
//! writes semicolons.

mod select;

use serde_json::{Value, json};

use super::super::condition::{Comparison, Function, Match, Part, Term};
use super::{
    Condition, DEEPEST, Problem, all, any,
    moments::read_moment,
    scanner::{Quote, Scanner},
    syntax,
};

pub(crate) use select::{Join, Select, Shown, select};

/// Behind the name of a field: what people see in the place of its code.
pub(crate) const DISPLAY: &str = "@display";

/// Reads a condition: a text, or an object with a text and the parameters for its `?`, or a list of these, which all hold.
pub(super) fn conditions(input: &Value) -> Result<Condition, Problem> {
    match input {
        Value::Null => Ok(Condition::always()),
        Value::String(text) => condition(text, &[]),
        Value::Array(list) => {
            let parts = list.iter().map(conditions);
            Ok(all(parts.collect::<Result<_, _>>()?))
        }
        Value::Object(members) => {
            let text = ["text", "ql"].iter().find_map(|name| members.get(*name)?.as_str());
            let parameters = members.get("parameters").and_then(Value::as_array);
            condition(text.unwrap_or_default(), parameters.map_or(&[], Vec::as_slice))
        }
        other => Err(syntax(other.to_string())),
    }
}

fn condition(text: &str, parameters: &[Value]) -> Result<Condition, Problem> {
    let mut reader = Reader::new(text, parameters, Form::Standard);
    if reader.scanner.is_at_end() && parameters.is_empty() {
        return Ok(Condition::always());
    }
    let condition = reader.or()?;
    reader.end()?;
    match reader.parameters.is_empty() {
        true => Ok(condition),
        false => Err(Problem::malformed("there are more parameters than placeholders")),
    }
}

/// Reads a condition in the looser form of row matching.
pub(super) fn row_match(text: &str) -> Result<Condition, Problem> {
    let mut reader = Reader::new(text, &[], Form::Loose);
    let condition = reader.or()?;
    reader.end()?;
    Ok(condition)
}

/// How strict the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As the standard has it.
    Standard,
    /// Semicolons stand for AND, and a value may stand without quotes.
    Loose,
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    parameters: &'a [Value],
    form: Form,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, parameters: &'a [Value], form: Form) -> Self {
        Self {
            scanner: Scanner::new(text),
            parameters,
            form,
            depth: 0,
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        match self.scanner.is_at_end() {
            true => Ok(()),
            false => Err(self.scanner.unexpected()),
        }
    }

    fn or(&mut self) -> Result<Condition, Problem> {
        let mut parts = vec![self.and()?];
        while self.scanner.take_word("or") {
            parts.push(self.and()?);
        }
        Ok(any(parts))
    }

    fn and(&mut self) -> Result<Condition, Problem> {
        let mut parts = vec![self.term()?];
        while self.scanner.take_word("and") || (self.form == Form::Loose && self.scanner.take(";")) {
            if self.form == Form::Loose && self.scanner.is_at_end() {
                break;
            }
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
            self.predicate()
        };
        self.depth -= 1;
        term
    }

    fn predicate(&mut self) -> Result<Condition, Problem> {
        let left = self.operand(Place::Front)?;
        if self.scanner.take_word("is") {
            let negated = self.scanner.take_word("not");
            if !self.scanner.take_word("null") {
                return Err(self.scanner.unexpected());
            }
            let missing = Condition::Missing(left);
            return Ok(if negated { missing.negated() } else { missing });
        }
        let negated = self.scanner.take_word("not");
        let condition = if self.scanner.take_word("in") {
            Condition::In(left, self.list()?)
        } else if self.scanner.take_word("like") {
            let pattern = self.pattern()?;
            let part = Part::Like;
            Condition::Text(left, Match { part, case: None }, pattern)
        } else if self.scanner.take_word("between") {
            let from = self.operand(Place::Behind)?;
            if !self.scanner.take_word("and") {
                return Err(self.scanner.unexpected());
            }
            let to = self.operand(Place::Behind)?;
            Condition::All(vec![
                Condition::Compare(left.clone(), Comparison::Ge, from),
                Condition::Compare(left, Comparison::Le, to),
            ])
        } else if negated {
            return Err(self.scanner.unexpected());
        } else {
            let comparison = self.comparison()?;
            Condition::Compare(left, comparison, self.operand(Place::Behind)?)
        };
        Ok(if negated { condition.negated() } else { condition })
    }

    fn comparison(&mut self) -> Result<Comparison, Problem> {
        const SIGNS: [(&str, Comparison); 7] = [
            ("!=", Comparison::Ne),
            ("<>", Comparison::Ne),
            (">=", Comparison::Ge),
            ("<=", Comparison::Le),
            ("=", Comparison::Eq),
            (">", Comparison::Gt),
            ("<", Comparison::Lt),
        ];
        let found = SIGNS.iter().find(|(sign, _)| self.scanner.take(sign));
        found
            .map(|(_, comparison)| *comparison)
            .ok_or_else(|| self.scanner.unexpected())
    }

    fn pattern(&mut self) -> Result<Term, Problem> {
        let pattern = self.operand(Place::Behind)?;
        let escape = match self.scanner.take_word("escape") {
            true => {
                let sign = self.scanner.quoted(Quote::Doubled('\''))?.unwrap_or_default();
                let mut signs = sign.chars();
                match (signs.next(), signs.next()) {
                    (Some(sign), None) => Some(sign),
                    _ => return Err(Problem::malformed("the escape must be one character")),
                }
            }
            false => None,
        };
        self.neutral(pattern, escape)
    }

    /// Brings a pattern to the neutral form, also where it stands in a function.
    fn neutral(&self, pattern: Term, escape: Option<char>) -> Result<Term, Problem> {
        let wrong = || Problem::malformed("the escape stands before neither % nor _");
        match pattern {
            Term::Value(Value::String(text)) => {
                let neutral = neutral_pattern(&text, escape).ok_or_else(wrong)?;
                Ok(Term::Value(json!(neutral)))
            }
            Term::Call(function, terms) => {
                let terms = terms.into_iter().map(|term| self.neutral(term, escape));
                Ok(Term::Call(function, terms.collect::<Result<_, _>>()?))
            }
            Term::Field(_) | Term::Value(_) => Err(Problem::malformed("LIKE needs a text")),
        }
    }

    fn list(&mut self) -> Result<Vec<Term>, Problem> {
        self.scanner.expect("(")?;
        let mut values = Vec::new();
        loop {
            values.push(self.operand(Place::Behind)?);
            if self.scanner.take(")") {
                return Ok(values);
            }
            self.scanner.expect(",")?;
        }
    }

    /// Reads a field, a value or a function.
    fn operand(&mut self, place: Place) -> Result<Term, Problem> {
        if let Some(text) = self.scanner.quoted(Quote::Doubled('\''))? {
            return Ok(Term::Value(Value::String(text)));
        }
        if self.form == Form::Loose {
            if let Some(text) = self.scanner.quoted(Quote::Doubled('"'))? {
                return Ok(Term::Value(Value::String(text)));
            }
            if place == Place::Behind {
                return self.bare();
            }
        }
        if self.scanner.take("?") {
            let (first, rest) = (self.parameters.split_first())
                .ok_or_else(|| Problem::malformed("there are fewer parameters than placeholders"))?;
            self.parameters = rest;
            return Ok(Term::Value(first.clone()));
        }
        if let Some(number) = self.scanner.number() {
            return Ok(Term::Value(number));
        }
        let name = self.scanner.path('.')?;
        if self.scanner.take("(") {
            return self.function(&name);
        }
        Ok(match name.to_ascii_lowercase().as_str() {
            "null" => Term::Value(Value::Null),
            "true" => Term::Value(Value::Bool(true)),
            "false" => Term::Value(Value::Bool(false)),
            _ => Term::field(&name),
        })
    }

    /// Reads a value that may stand without quotes.
    fn bare(&mut self) -> Result<Term, Problem> {
        if let Some(number) = self.scanner.number() {
            return Ok(Term::Value(number));
        }
        let word = self.scanner.until(&[' ', ';', ')', ',', '(', '\'', '"']);
        Ok(Term::Value(match word {
            "" => return Err(self.scanner.unexpected()),
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            word => json!(word),
        }))
    }

    fn function(&mut self, name: &str) -> Result<Term, Problem> {
        let function = match name.to_ascii_uppercase().as_str() {
            "TO_DATE" | "TO_TIMESTAMP" => return self.moment(name).map(Term::Value),
            "BUILTIN.DF" => {
                let field = self.scanner.path('.')?;
                self.scanner.expect(")")?;
                return Ok(Term::field(&format!("{field}{DISPLAY}")));
            }
            "LOWER" => Function::Lower,
            "UPPER" => Function::Upper,
            "TRIM" => Function::Trim,
            "LENGTH" => Function::Length,
            "NVL" | "COALESCE" => Function::Coalesce,
            _ => return Err(Problem::unknown_operator(name)),
        };
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(syntax("("));
        }
        let mut terms = vec![self.operand(Place::Front)?];
        while self.scanner.take(",") {
            terms.push(self.operand(Place::Front)?);
        }
        self.depth -= 1;
        self.scanner.expect(")")?;
        Ok(Term::Call(function, terms))
    }

    /// Reads the text and the format of a date; its value is written as rows hold points in time.
    fn moment(&mut self, name: &str) -> Result<Value, Problem> {
        let quoted = |reader: &mut Self| {
            let text = reader.scanner.quoted(Quote::Doubled('\''))?;
            text.ok_or_else(|| reader.scanner.unexpected())
        };
        let text = quoted(self)?;
        self.scanner.expect(",")?;
        let format = quoted(self)?;
        self.scanner.expect(")")?;
        let moment = read_moment(&text, &format);
        let moment =
            moment.ok_or_else(|| Problem::wrong_type(name, format!("{text:?} is not written as {format:?}")))?;
        Ok(json!(moment.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()))
    }
}

/// Where an operand stands in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Front,
    Behind,
}

/// Brings a pattern to the neutral form, in which a backslash stands before `%`, `_` and itself.
fn neutral_pattern(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut neutral = String::new();
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        if Some(sign) == escape {
            let next = signs
                .next()
                .filter(|next| matches!(next, '%' | '_') || Some(*next) == escape)?;
            if matches!(next, '%' | '_' | '\\') {
                neutral.push('\\');
            }
            neutral.push(next);
            continue;
        }
        if sign == '\\' {
            neutral.push('\\');
        }
        neutral.push(sign);
    }
    Some(neutral)
}
