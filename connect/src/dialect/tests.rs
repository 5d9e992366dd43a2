//! Tests that what is written reads back as the same condition, whatever stands in the constants.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn constant() -> BoxedStrategy<Constant> {
    prop_oneof![
        4 => "([a-z]|'|\"|\\\\|%|_|\\*|\\(|\\)| or | and |,|\\]|\u{20ac}|&|=){0,6}".prop_map(Constant::Text),
        2 => "\\PC{0,8}".prop_map(Constant::Text),
        1 => "-?[1-9][0-9]{0,6}(\\.[0-9]{1,4})?".prop_map(Constant::Number),
        1 => any::<bool>().prop_map(Constant::Boolean),
        1 => (0_i32..40_000).prop_map(|day| Constant::Date(NaiveDate::from_num_days_from_ce_opt(700_000 + day).unwrap())),
        1 => (0_i64..4_000_000_000_000).prop_map(|at| Constant::Moment(DateTime::from_timestamp_millis(at).unwrap())),
        1 => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(Constant::Guid),
    ]
    .boxed()
}

fn name() -> BoxedStrategy<String> {
    "(Number|Vendor/Name|status|in|x_studio_a)".boxed()
}

fn leaf(texts: BoxedStrategy<Constant>) -> BoxedStrategy<Expression> {
    let comparisons = [
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Gt,
        Comparison::Gte,
        Comparison::Lt,
        Comparison::Lte,
    ];
    prop_oneof![
        4 => (name(), prop::sample::select(comparisons.to_vec()), texts.clone())
            .prop_map(|(name, comparison, constant)| Expression::Compare { name, comparison, constant }),
        1 => (name(), any::<bool>()).prop_map(|(name, missing)| Expression::Missing { name, missing }),
        1 => (name(), prop::collection::vec(texts, 2..4)).prop_map(|(name, constants)| Expression::In { name, constants }),
    ]
    .boxed()
}

fn search() -> BoxedStrategy<Expression> {
    (name(), any::<bool>(), "([a-z]|'|\"|%|_|\\\\){1,4}")
        .prop_map(|(name, contains, text)| Expression::Compare {
            name,
            comparison: if contains {
                Comparison::Contains
            } else {
                Comparison::StartsWith
            },
            constant: Constant::Text(text),
        })
        .boxed()
}

fn tree(leaf: BoxedStrategy<Expression>) -> BoxedStrategy<Expression> {
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expression::all),
            prop::collection::vec(inner, 1..4).prop_map(|parts| Expression::any(parts).unwrap()),
        ]
    })
    .boxed()
}

/// Writes lists as chains, as version 2 knows them.
fn chained(expression: &Expression) -> Expression {
    match expression {
        Expression::All(parts) => Expression::all(parts.iter().map(chained)),
        Expression::Any(parts) => Expression::any(parts.iter().map(chained)).unwrap(),
        Expression::In { name, constants } => Expression::any(
            constants
                .iter()
                .map(|constant| Expression::compare(name, Comparison::Eq, constant.clone())),
        )
        .unwrap(),
        other => other.clone(),
    }
}

/// A small reader of `OData` expressions of both versions.
struct Odata<'a>(&'a str);

impl Odata<'_> {
    fn whole(text: &str) -> Expression {
        let mut reader = Odata(text);
        let expression = reader.or();
        assert_eq!(reader.0, "", "in {text}");
        expression
    }

    fn take(&mut self, start: &str) -> bool {
        match self.0.strip_prefix(start) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> Expression {
        let mut parts = vec![self.and()];
        while self.take(" or ") {
            parts.push(self.and());
        }
        Expression::any(parts).unwrap()
    }

    fn and(&mut self) -> Expression {
        let mut parts = vec![self.primary()];
        while self.take(" and ") {
            parts.push(self.primary());
        }
        Expression::all(parts)
    }

    fn primary(&mut self) -> Expression {
        if self.take("(") {
            let inner = self.or();
            assert!(self.take(")"));
            return inner;
        }
        for (function, comparison, name_first) in [
            ("substringof(", Comparison::Contains, false),
            ("contains(", Comparison::Contains, true),
            ("startswith(", Comparison::StartsWith, true),
        ] {
            if self.take(function) {
                let (name, constant);
                if name_first {
                    name = self.word();
                    assert!(self.take(","));
                    constant = self.constant();
                } else {
                    constant = self.constant();
                    assert!(self.take(","));
                    name = self.word();
                }
                assert!(self.take(")"));
                return Expression::Compare {
                    name,
                    comparison,
                    constant,
                };
            }
        }
        let name = self.word();
        if self.take(" in (") {
            let mut constants = vec![self.constant()];
            while self.take(",") {
                constants.push(self.constant());
            }
            assert!(self.take(")"));
            return Expression::In { name, constants };
        }
        let operators = [
            (" eq ", Comparison::Eq),
            (" ne ", Comparison::Ne),
            (" gt ", Comparison::Gt),
            (" ge ", Comparison::Gte),
            (" lt ", Comparison::Lt),
            (" le ", Comparison::Lte),
        ];
        let (_, comparison) = operators
            .into_iter()
            .find(|(word, _)| self.take(word))
            .unwrap_or_else(|| panic!("at {}", self.0));
        Expression::compare(&name, comparison, self.constant())
    }

    fn word(&mut self) -> String {
        let end = self.0.find([' ', ',', ')', '\'']).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word.to_owned()
    }

    fn quoted(&mut self) -> String {
        assert!(self.take("'"));
        let mut text = String::new();
        loop {
            if self.take("''") {
                text.push('\'');
            } else if self.take("'") {
                return text;
            } else {
                let sign = self.0.chars().next().expect("a text is never closed");
                text.push(sign);
                self.0 = &self.0[sign.len_utf8()..];
            }
        }
    }

    fn constant(&mut self) -> Constant {
        let word = self.word();
        if self.0.starts_with('\'') {
            let text = self.quoted();
            return match word.as_str() {
                "" => Constant::Text(text),
                "guid" => Constant::Guid(text),
                "datetimeoffset" => Constant::Moment(text.parse().unwrap()),
                "datetime" => Constant::Date(text.parse::<NaiveDateTime>().unwrap().date()),
                kind => Constant::Enum {
                    kind: kind.to_owned(),
                    value: text,
                },
            };
        }
        match word.as_str() {
            "null" => Constant::Null,
            "true" => Constant::Boolean(true),
            "false" => Constant::Boolean(false),
            word if word.len() == 36 => Constant::Guid(word.to_owned()),
            word if word.ends_with('Z') => Constant::Moment(word.parse().unwrap()),
            word => match word.parse() {
                Ok(date) => Constant::Date(date),
                Err(_) => Constant::Number(word.strip_suffix('M').unwrap_or(word).to_owned()),
            },
        }
    }
}

/// A small reader of OSLC conditions; constants that are quoted are all text.
fn read_oslc(text: &str) -> Expression {
    let mut rest = text;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        if !parts.is_empty() {
            rest = rest.strip_prefix(" and ").unwrap_or_else(|| panic!("at {rest}"));
        }
        let end = rest.find(['=', '!', '<', '>', ' ']).unwrap();
        let (name, after) = rest.split_at(end);
        if let Some(after) = after.strip_prefix(" in [") {
            let mut constants = Vec::new();
            rest = after;
            loop {
                let (constant, after) = read_oslc_constant(rest);
                constants.push(constant);
                match after.strip_prefix(',') {
                    Some(after) => rest = after,
                    None => {
                        rest = after.strip_prefix(']').unwrap();
                        break;
                    }
                }
            }
            parts.push(Expression::In {
                name: name.to_owned(),
                constants,
            });
            continue;
        }
        let signs = [
            ("!=", Comparison::Ne),
            (">=", Comparison::Gte),
            ("<=", Comparison::Lte),
            ("=", Comparison::Eq),
            (">", Comparison::Gt),
            ("<", Comparison::Lt),
        ];
        let (comparison, after) = signs
            .iter()
            .find_map(|(sign, comparison)| Some((*comparison, after.strip_prefix(sign)?)))
            .unwrap();
        let (constant, after) = read_oslc_constant(after);
        rest = after;
        parts.push(match (&constant, comparison) {
            (Constant::Text(text), Comparison::Eq | Comparison::Ne) if text == "*" => Expression::Missing {
                name: name.to_owned(),
                missing: comparison == Comparison::Ne,
            },
            _ => Expression::Compare {
                name: name.to_owned(),
                comparison,
                constant,
            },
        });
    }
    Expression::all(parts)
}

fn read_oslc_constant(text: &str) -> (Constant, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ',', ']']).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return match word {
            "true" => (Constant::Boolean(true), rest),
            "false" => (Constant::Boolean(false), rest),
            number => (Constant::Number(number.to_owned()), rest),
        };
    };
    let mut read = String::new();
    let mut signs = quoted.chars();
    loop {
        match signs.next().expect("a text is never closed") {
            '"' => return (Constant::Text(read), signs.as_str()),
            '\\' => read.push(signs.next().unwrap()),
            sign => read.push(sign),
        }
    }
}

/// What OSLC keeps of a condition: the types of quoted constants are not written.
fn flattened(expression: &Expression) -> Expression {
    let flat = |constant: &Constant| match constant {
        Constant::Number(_) | Constant::Boolean(_) => constant.clone(),
        Constant::Moment(_) => Constant::Text(constant.text().replace('Z', "+00:00")),
        other => Constant::Text(other.text()),
    };
    match expression {
        Expression::All(parts) => Expression::all(parts.iter().map(flattened)),
        Expression::Compare {
            name,
            comparison,
            constant,
        } => match (comparison, flat(constant)) {
            (Comparison::Contains, Constant::Text(text)) => Expression::Compare {
                name: name.clone(),
                comparison: Comparison::Eq,
                constant: Constant::Text(format!("%{text}%")),
            },
            (Comparison::StartsWith, Constant::Text(text)) => Expression::Compare {
                name: name.clone(),
                comparison: Comparison::Eq,
                constant: Constant::Text(format!("{text}%")),
            },
            (comparison, constant) => Expression::Compare {
                name: name.clone(),
                comparison: *comparison,
                constant,
            },
        },
        Expression::In { name, constants } => Expression::In {
            name: name.clone(),
            constants: constants.iter().map(flat).collect(),
        },
        other => other.clone(),
    }
}

/// A small reader of Polish notation: how many operands each sign takes decides the shape.
fn read_prefix(domain: &Value) -> Expression {
    fn one(terms: &mut std::slice::Iter<'_, Value>) -> Expression {
        match terms.next().expect("an operand is missing") {
            Value::String(sign) if sign == "&" => {
                let (a, b) = (one(terms), one(terms));
                Expression::all([a, b])
            }
            Value::String(sign) if sign == "|" => {
                let (a, b) = (one(terms), one(terms));
                Expression::any([a, b]).unwrap()
            }
            term => Expression::Native(term.clone()),
        }
    }
    let mut terms = domain.as_array().unwrap().iter();
    let mut parts = Vec::new();
    while terms.len() > 0 {
        parts.push(one(&mut terms));
    }
    Expression::all(parts)
}

fn read_nested(domain: &Value) -> Expression {
    let list = domain.as_array().unwrap();
    match list.first() {
        Some(Value::String(word)) if word == "OR" => Expression::any(list[1..].iter().map(read_nested)).unwrap(),
        Some(Value::String(_)) => Expression::Native(domain.clone()),
        _ => Expression::all(list.iter().map(read_nested)),
    }
}

/// Replaces each leaf by what a domain holds for it.
fn leaves(expression: &Expression, write: &impl Fn(&Expression) -> Expression) -> Expression {
    match expression {
        Expression::All(parts) => Expression::all(parts.iter().map(|part| leaves(part, write))),
        Expression::Any(parts) => Expression::any(parts.iter().map(|part| leaves(part, write))).unwrap(),
        leaf => write(leaf),
    }
}

fn language(dialect: Dialect, in_lists: bool) -> Language {
    Language::of(dialect, in_lists)
}

fn text_of(dialect: Dialect, in_lists: bool, expression: &Expression) -> String {
    language(dialect, in_lists)
        .write(expression)
        .unwrap()
        .condition
        .as_str()
        .unwrap()
        .to_owned()
}

fn any_leaf() -> BoxedStrategy<Expression> {
    prop_oneof![4 => leaf(constant()), 1 => search()].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn version_2_reads_back(expression in tree(any_leaf())) {
        let text = text_of(Dialect::OdataV2, false, &expression);
        prop_assert_eq!(Odata::whole(&text), chained(&expression), "{}", text);
    }

    #[test]
    fn version_4_reads_back(expression in tree(any_leaf()), in_lists in any::<bool>()) {
        let text = text_of(Dialect::OdataV4, in_lists, &expression);
        let wanted = if in_lists { expression } else { chained(&expression) };
        prop_assert_eq!(Odata::whole(&text), wanted, "{}", text);
    }

    #[test]
    fn oslc_reads_back(parts in prop::collection::vec(any_leaf(), 1..5)) {
        let star = |constant: &Constant| constant == &Constant::Text("*".to_owned());
        prop_assume!(!parts.iter().any(|part| matches!(part, Expression::Compare { constant, .. } if star(constant))));
        let expression = Expression::all(parts);
        let text = text_of(Dialect::Oslc, true, &expression);
        prop_assert_eq!(read_oslc(&text), flattened(&expression), "{}", text);
    }

    #[test]
    fn polish_notation_keeps_the_shape(expression in tree(any_leaf())) {
        let domain = language(Dialect::DomainPrefix, true).write(&expression).unwrap().condition;
        let wanted = leaves(&expression, &|leaf| read_prefix(&language(Dialect::DomainPrefix, true).write(leaf).unwrap().condition));
        prop_assert_eq!(read_prefix(&domain), wanted, "{}", domain);
    }

    #[test]
    fn nested_lists_keep_the_shape(expression in tree(any_leaf())) {
        let domain = language(Dialect::DomainNested, true).write(&expression).unwrap().condition;
        let wanted = leaves(&expression, &|leaf| read_nested(&language(Dialect::DomainNested, true).write(leaf).unwrap().condition[0]));
        prop_assert_eq!(read_nested(&domain), wanted, "{}", domain);
    }
}

#[test]
fn constants_take_the_type_that_is_asked_for() {
    use crate::codec::Literal;
    let of = |literal: Literal, kind: &str| Constant::of(literal, Some(&LiteralKind::named(kind)));
    let text = |text: &str| Literal::Text(text.to_owned());
    assert_eq!(of(text("007"), "number"), Some(Constant::Number("007".to_owned())));
    assert_eq!(of(text("1 or 1"), "number"), None);
    assert_eq!(of(text("x' or 1 eq 1"), "guid"), None);
    assert_eq!(
        of(text("/Date(253402214400000)/"), "datetime").map(|constant| constant.text()),
        Some("9999-12-31T00:00:00".to_owned())
    );
    assert_eq!(
        of(text("2026-11-22T10:00:00+01:00"), "datetimeoffset").map(|constant| constant.text()),
        Some("2026-11-22T09:00:00Z".to_owned())
    );
    assert_eq!(
        of(Literal::Number("5".to_owned()), "string"),
        Some(Constant::Text("5".to_owned()))
    );
    assert_eq!(
        of(Literal::Boolean(true), "number"),
        Some(Constant::Number("1".to_owned()))
    );
    assert_eq!(Constant::of(Literal::Number("1e5".to_owned()), None), None);
}

#[test]
fn equality_with_null_asks_whether_there_is_a_value() {
    let one = Expression::one_of("a", vec![Constant::Null, Constant::Text("x".to_owned())]).unwrap();
    assert_eq!(text_of(Dialect::OdataV4, false, &one), "a eq 'x' or a eq null");
    assert_eq!(
        language(Dialect::DomainPrefix, true).write(&one).unwrap().condition,
        json!(["|", ["a", "=", "x"], ["a", "=", false]])
    );
    assert_eq!(Expression::one_of("a", Vec::new()), None);
}

#[test]
fn sorts_are_written_in_every_dialect() {
    let terms = [
        SortTerm {
            name: "a".to_owned(),
            direction: Direction::Descending,
            by: SortedBy::Field,
        },
        SortTerm {
            name: "id".to_owned(),
            direction: Direction::Ascending,
            by: SortedBy::Field,
        },
    ];
    let order = |dialect| language(dialect, false).write_order(&terms, ",");
    assert_eq!(order(Dialect::OdataV2), json!("a desc,id asc"));
    assert_eq!(order(Dialect::Oslc), json!("-a,+id"));
    assert_eq!(order(Dialect::DomainPrefix), json!("a desc,id asc"));
    assert_eq!(order(Dialect::DomainNested), json!([["a", "DESC"], ["id", "ASC"]]));
    assert_eq!(order(Dialect::Parameters), json!("-a,id"));
}
