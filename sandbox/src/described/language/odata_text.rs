//! The text of `$filter` where there is no service document: names are not looked up, values have the types they are
//! written with.

use serde_json::{Value, json};

use super::{
    Condition, DEEPEST, Operator, Problem, all, any, not,
    scanner::{Quote, Scanner},
    syntax, test,
};

/// Reads a filter.
pub(super) fn read(text: &str) -> Result<Condition, Problem> {
    let scanner = Scanner::new(text);
    let mut reader = Reader { scanner, depth: 0 };
    let condition = reader.or()?;
    match reader.scanner.is_at_end() {
        true => Ok(condition),
        false => Err(reader.scanner.unexpected()),
    }
}

struct Reader<'a> {
    scanner: Scanner<'a>,
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
            self.term().map(not)
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
            return self.function(&name);
        }
        let Some(word) = self.scanner.name() else {
            return Err(self.scanner.unexpected());
        };
        let operator = match word {
            "eq" => Operator::Equal,
            "ne" => Operator::NotEqual,
            "gt" => Operator::Greater,
            "ge" => Operator::GreaterOrEqual,
            "lt" => Operator::Less,
            "le" => Operator::LessOrEqual,
            other => return Err(Problem::unknown_operator(other)),
        };
        let value = self.value()?;
        Ok(match (operator, value.is_null()) {
            (Operator::Equal, true) => test(name, Operator::Missing, Value::Null),
            (Operator::NotEqual, true) => not(test(name, Operator::Missing, Value::Null)),
            (_, true) => return Err(Problem::wrong_type(&name, format!("{name} cannot be compared with null"))),
            _ => test(name, operator, value),
        })
    }

    fn function(&mut self, name: &str) -> Result<Condition, Problem> {
        let operator = match name {
            "substringof" | "contains" => Operator::Contains,
            "startswith" => Operator::StartsWith,
            "endswith" => Operator::EndsWith,
            other => return Err(Problem::unknown_operator(other)),
        };
        // Here the text comes first.
        let is_turned = name == "substringof";
        let (field, text) = if is_turned {
            let text = self.value()?;
            self.scanner.expect(",")?;
            (self.scanner.path('/')?, text)
        } else {
            let field = self.scanner.path('/')?;
            self.scanner.expect(",")?;
            (field, self.value()?)
        };
        self.scanner.expect(")")?;
        if !text.is_string() {
            return Err(Problem::wrong_type(&field, format!("{name} needs a text")));
        }
        let condition = test(field, operator, text);
        if !self.scanner.take_word("eq") {
            return Ok(condition);
        }
        match self.value()? {
            Value::Bool(true) => Ok(condition),
            Value::Bool(false) => Ok(not(condition)),
            other => Err(syntax(other.to_string())),
        }
    }

    fn value(&mut self) -> Result<Value, Problem> {
        if let Some(text) = self.scanner.quoted(Quote::Doubled('\''))? {
            return Ok(json!(text));
        }
        if let Some(number) = self.scanner.number() {
            return Ok(number);
        }
        match self.scanner.name() {
            Some("true") => Ok(Value::Bool(true)),
            Some("false") => Ok(Value::Bool(false)),
            Some("null") => Ok(Value::Null),
            Some("datetimeoffset" | "datetime" | "guid") => {
                let quoted = self.scanner.quoted(Quote::Doubled('\''))?;
                quoted.map(Value::String).ok_or_else(|| self.scanner.unexpected())
            }
            Some(other) => Err(syntax(other)),
            None => Err(self.scanner.unexpected()),
        }
    }
}
