//! One SELECT statement: its columns, its table with those joined to it, its condition and its order.

use serde_json::Value;

use super::super::super::condition::{Condition, Term};
use super::super::super::problem::Problem;
use super::super::{fields, moments, scanner::Quote};
use super::{DISPLAY, Form, Place, Reader};

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    /// What is shown; everything when there is none.
    pub(crate) columns: Vec<Column>,
    /// Equal rows are shown once.
    pub(crate) distinct: bool,
    /// The table, in small letters.
    pub(crate) table: String,
    /// The tables joined to it.
    pub(crate) joins: Vec<Join>,
    /// What rows have to be like. Fields of a joined table carry its name: `transaction.status`.
    pub(crate) condition: Condition,
    /// What rows are sorted by, and whether downwards.
    pub(crate) order: Vec<(Term, bool)>,
}

/// A column that is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// The name it is shown under.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) shown: Shown,
}

/// What a column shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    /// A field, a value or a function.
    Term(Term),
    /// A date in a format.
    Formatted(Term, String),
    /// How many rows there are.
    Count,
}

/// A table that is joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Join {
    /// The table, in small letters.
    pub(crate) table: String,
    /// Rows without a partner are kept.
    pub(crate) is_outer: bool,
    /// Pairs of a field that was there before and one of this table.
    pub(crate) on: Vec<(String, String)>,
}

/// Reads a statement.
pub(crate) fn select(text: &str) -> Result<Select, Problem> {
    let text = text.trim().trim_end_matches(';');
    let mut reader = Reader::new(text, &[], Form::Standard);
    if !reader.scanner.take_word("select") {
        return Err(reader.scanner.unexpected());
    }
    let distinct = reader.scanner.take_word("distinct");
    let columns = reader.columns()?;
    if !reader.scanner.take_word("from") {
        return Err(reader.scanner.unexpected());
    }
    let mut tables = Tables::default();
    let table = reader.table(&mut tables)?;
    let mut joins = Vec::new();
    while let Some(is_outer) = reader.joins()? {
        let joined = reader.table(&mut tables)?;
        let on = reader.on(&tables, &joined)?;
        let table = joined;
        joins.push(Join { table, is_outer, on });
    }
    let condition = match reader.scanner.take_word("where") {
        true => reader.or()?,
        false => Condition::always(),
    };
    let order = reader.order()?;
    reader.end()?;
    let mut select = Select {
        columns,
        distinct,
        table,
        joins,
        condition,
        order,
    };
    select.resolve(&tables)?;
    Ok(select)
}

/// The tables of a statement by the names they have in it; the first is the one that the others are joined to.
#[derive(Debug, Default)]
struct Tables {
    names: Vec<(String, String)>,
}

impl Tables {
    /// Returns the name that a field has in a row: fields of the first table have no prefix.
    fn field(&self, written: &str) -> String {
        let written = written.to_lowercase();
        let Some((prefix, field)) = written.split_once('.') else {
            return written;
        };
        let place = self
            .names
            .iter()
            .position(|(name, _)| name.eq_ignore_ascii_case(prefix));
        match place.and_then(|place| self.names.get(place).map(|(_, table)| (place, table))) {
            Some((0, _)) => field.to_owned(),
            Some((_, table)) => format!("{table}.{field}"),
            None => written,
        }
    }
}

impl Select {
    fn resolve(&mut self, tables: &Tables) -> Result<(), Problem> {
        let mut resolve = |field: &str| Ok(tables.field(field));
        for column in &mut self.columns {
            match &mut column.shown {
                Shown::Term(term) | Shown::Formatted(term, _) => fields::rename_term(term, &mut resolve)?,
                Shown::Count => {}
            }
        }
        for (key, _) in &mut self.order {
            // What is shown under a name may be sorted by it.
            let name = match &*key {
                Term::Field(path) => path.join("."),
                _ => String::new(),
            };
            let shown = self
                .columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(&name));
            match shown.map(|column| &column.shown) {
                Some(Shown::Term(term) | Shown::Formatted(term, _)) => *key = term.clone(),
                _ => fields::rename_term(key, &mut resolve)?,
            }
        }
        fields::rename(&mut self.condition, &mut resolve)
    }
}

impl Reader<'_> {
    fn columns(&mut self) -> Result<Vec<Column>, Problem> {
        if self.scanner.take("*") {
            return Ok(Vec::new());
        }
        let mut columns = vec![self.column()?];
        while self.scanner.take(",") {
            columns.push(self.column()?);
        }
        Ok(columns)
    }

    fn column(&mut self) -> Result<Column, Problem> {
        let shown = self.shown()?;
        let is_named = self.scanner.take_word("as")
            || self
                .scanner
                .peek_word()
                .is_some_and(|word| !word.eq_ignore_ascii_case("from"));
        let quoted = self.scanner.quoted(Quote::Doubled('"'))?;
        let name = match (quoted, is_named) {
            (Some(name), _) => name,
            (None, true) => self.alias()?,
            (None, false) => match &shown {
                Shown::Term(Term::Field(path)) | Shown::Formatted(Term::Field(path), _) => {
                    let last = path.last().map_or("", String::as_str);
                    last.trim_end_matches(DISPLAY).to_owned()
                }
                _ => "expr1".to_owned(),
            },
        };
        // Names are answered in small letters, whatever was asked for.
        let name = name.to_lowercase();
        Ok(Column { name, shown })
    }

    fn alias(&mut self) -> Result<String, Problem> {
        let name = self.scanner.name();
        name.map(str::to_owned).ok_or_else(|| self.scanner.unexpected())
    }

    fn shown(&mut self) -> Result<Shown, Problem> {
        let mut ahead = self.scanner.clone();
        match ahead.name().map(str::to_ascii_uppercase).as_deref() {
            Some("COUNT") if ahead.take("(") => {
                if !ahead.take("*") {
                    ahead.path('.')?;
                }
                ahead.expect(")")?;
                self.scanner = ahead;
                return Ok(Shown::Count);
            }
            Some("TO_CHAR") if ahead.take("(") => {
                self.scanner = ahead;
                return self.formatted();
            }
            _ => {}
        }
        self.operand(Place::Front).map(Shown::Term)
    }

    fn formatted(&mut self) -> Result<Shown, Problem> {
        let field = self.operand(Place::Front)?;
        if self.scanner.take(")") {
            return Ok(Shown::Term(field));
        }
        self.scanner.expect(",")?;
        let format = self.scanner.quoted(Quote::Doubled('\''))?;
        let format = format.ok_or_else(|| self.scanner.unexpected())?;
        self.scanner.expect(")")?;
        Ok(Shown::Formatted(field, format))
    }

    /// Reads a table and the name it gets.
    fn table(&mut self, tables: &mut Tables) -> Result<String, Problem> {
        const NEXT: [&str; 10] = [
            "where", "order", "join", "inner", "left", "on", "fetch", "group", "right", "full",
        ];
        let table = self.scanner.path('.')?.to_lowercase();
        let is_alias = self.scanner.take_word("as")
            || self
                .scanner
                .peek_word()
                .is_some_and(|word| !NEXT.iter().any(|next| word.eq_ignore_ascii_case(next)));
        let name = match is_alias {
            true => self.alias()?,
            false => table.clone(),
        };
        tables.names.push((name, table.clone()));
        Ok(table)
    }

    fn joins(&mut self) -> Result<Option<bool>, Problem> {
        let is_outer = self.scanner.take_word("left");
        let is_kind = match is_outer {
            true => {
                self.scanner.take_word("outer");
                true
            }
            false => self.scanner.take_word("inner"),
        };
        match (self.scanner.take_word("join"), is_kind) {
            (true, _) => Ok(Some(is_outer)),
            (false, true) => Err(self.scanner.unexpected()),
            (false, false) => Ok(None),
        }
    }

    fn on(&mut self, tables: &Tables, joined: &str) -> Result<Vec<(String, String)>, Problem> {
        if !self.scanner.take_word("on") {
            return Err(self.scanner.unexpected());
        }
        let is_grouped = self.scanner.take("(");
        let own = format!("{joined}.");
        let mut pairs = Vec::new();
        loop {
            let left = tables.field(&self.scanner.path('.')?);
            self.scanner.expect("=")?;
            let right = tables.field(&self.scanner.path('.')?);
            let pair = match (left.strip_prefix(&own), right.strip_prefix(&own)) {
                (None, Some(field)) => (left.clone(), field.to_owned()),
                (Some(field), None) => (right.clone(), field.to_owned()),
                _ => {
                    return Err(Problem::malformed(format!(
                        "a join of {joined} compares one field of each table"
                    )));
                }
            };
            pairs.push(pair);
            if !self.scanner.take_word("and") {
                break;
            }
        }
        if is_grouped {
            self.scanner.expect(")")?;
        }
        Ok(pairs)
    }

    fn order(&mut self) -> Result<Vec<(Term, bool)>, Problem> {
        let mut order = Vec::new();
        if !self.scanner.take_word("order") {
            return Ok(order);
        }
        if !self.scanner.take_word("by") {
            return Err(self.scanner.unexpected());
        }
        loop {
            let key = self.operand(Place::Front)?;
            let descending = self.scanner.take_word("desc");
            if !descending {
                self.scanner.take_word("asc");
            }
            if self.scanner.take_word("nulls") && !self.scanner.take_word("last") {
                return Err(self.scanner.unexpected());
            }
            order.push((key, descending));
            if !self.scanner.take(",") {
                return Ok(order);
            }
        }
    }
}

impl Shown {
    /// Writes the value of a field as the column shows it.
    pub(crate) fn show(&self, value: Value) -> Value {
        match (self, value) {
            (Self::Formatted(_, format), Value::String(text)) => match moments::any_moment(&text) {
                Some(moment) => Value::String(moments::format_moment(moment, format)),
                None => Value::String(text),
            },
            (_, value) => value,
        }
    }
}
