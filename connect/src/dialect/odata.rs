//! Writes conditions as `OData` expressions, versions 2 and 4.

use super::{Comparison, Constant, Expression, constant::clock_text};

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Version 2.
    V2,
    /// Version 4.
    V4,
}

/// Writes a condition; empty when it always holds.
pub(super) fn write(expression: &Expression, version: Version, in_lists: bool) -> String {
    let mut text = String::new();
    Writer { version, in_lists }.write(expression, Around::Nothing, &mut text);
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    And,
    Or,
}

struct Writer {
    version: Version,
    in_lists: bool,
}

impl Writer {
    fn write(&self, expression: &Expression, around: Around, text: &mut String) {
        match expression {
            Expression::All(parts) => self.join(parts, " and ", Around::And, around, text),
            Expression::Any(parts) => self.join(parts, " or ", Around::Or, around, text),
            Expression::In { name, constants } if self.in_lists && self.version == Version::V4 => {
                let list: Vec<String> = constants.iter().map(|constant| self.constant(constant)).collect();
                text.push_str(&format!("{name} in ({})", list.join(",")));
            }
            Expression::In { name, constants } => {
                let parts: Vec<Expression> = constants
                    .iter()
                    .map(|constant| Expression::compare(name, Comparison::Eq, constant.clone()))
                    .collect();
                self.join(&parts, " or ", Around::Or, around, text);
            }
            Expression::Missing { name, missing } => {
                text.push_str(&format!("{name} {} null", if *missing { "eq" } else { "ne" }));
            }
            Expression::Pattern { name, pattern } => text.push_str(&format!("{name} eq {}", quoted(pattern))),
            Expression::Compare {
                name,
                comparison,
                constant,
            } => text.push_str(&self.compare(name, *comparison, constant)),
            Expression::Native(condition) => {
                let condition = condition.as_str().unwrap_or_default();
                if around == Around::Nothing {
                    text.push_str(condition);
                } else {
                    text.push_str(&format!("({condition})"));
                }
            }
            Expression::Parameter { .. } => {}
        }
    }

    fn join(&self, parts: &[Expression], word: &str, inside: Around, around: Around, text: &mut String) {
        let bare = around == Around::Nothing || around == inside || parts.len() == 1;
        if !bare {
            text.push('(');
        }
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                text.push_str(word);
            }
            self.write(part, if parts.len() == 1 { around } else { inside }, text);
        }
        if !bare {
            text.push(')');
        }
    }

    fn compare(&self, name: &str, comparison: Comparison, constant: &Constant) -> String {
        let value = self.constant(constant);
        let word = match comparison {
            Comparison::Contains if self.version == Version::V2 => return format!("substringof({value},{name})"),
            Comparison::Contains => return format!("contains({name},{value})"),
            Comparison::StartsWith => return format!("startswith({name},{value})"),
            Comparison::Eq => "eq",
            Comparison::Ne => "ne",
            Comparison::Gt => "gt",
            Comparison::Gte => "ge",
            Comparison::Lt => "lt",
            Comparison::Lte => "le",
        };
        format!("{name} {word} {value}")
    }

    fn constant(&self, constant: &Constant) -> String {
        let two = self.version == Version::V2;
        match constant {
            Constant::Null => "null".to_owned(),
            Constant::Text(text) => quoted(text),
            Constant::Number(text) if two && text.contains('.') => format!("{text}M"),
            Constant::Number(text) => text.clone(),
            Constant::Boolean(flag) => flag.to_string(),
            Constant::Date(date) if two => format!("datetime'{date}T00:00:00'"),
            Constant::Date(date) => date.to_string(),
            Constant::Moment(moment) if two => format!("datetimeoffset'{}Z'", clock_text(moment)),
            Constant::LocalMoment(moment) if two => format!("datetime'{}'", clock_text(moment)),
            Constant::Moment(moment) | Constant::LocalMoment(moment) => format!("{}Z", clock_text(moment)),
            Constant::Guid(text) if two => format!("guid'{text}'"),
            Constant::Guid(text) => text.clone(),
            Constant::Enum { value, .. } if two => quoted(value),
            Constant::Enum { kind, value } => format!("{kind}{}", quoted(value)),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
