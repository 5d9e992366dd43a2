//! Writes conditions as OSLC `where` clauses: comparisons joined by `and`, nothing else.

use super::{Comparison, Constant, Expression, constant::clock_text};

/// Writes a condition; empty when it always holds. "Or" does not exist here and is never given.
pub(super) fn write(expression: &Expression) -> String {
    let mut terms = Vec::new();
    collect(expression, &mut terms);
    terms.join(" and ")
}

fn collect(expression: &Expression, terms: &mut Vec<String>) {
    match expression {
        Expression::All(parts) => parts.iter().for_each(|part| collect(part, terms)),
        Expression::In { name, constants } => {
            let list: Vec<String> = constants.iter().map(write_constant).collect();
            terms.push(format!("{name} in [{}]", list.join(",")));
        }
        Expression::Missing { name, missing } => {
            terms.push(format!("{name}{}\"*\"", if *missing { "!=" } else { "=" }));
        }
        Expression::Pattern { name, pattern } => terms.push(format!("{name}={}", quoted(pattern))),
        Expression::Compare {
            name,
            comparison,
            constant,
        } => terms.push(compare(name, *comparison, constant)),
        Expression::Native(condition) => {
            if let Some(text) = condition.as_str().map(str::trim).filter(|text| !text.is_empty()) {
                terms.push(text.to_owned());
            }
        }
        Expression::Any(_) | Expression::Parameter { .. } => {}
    }
}

fn compare(name: &str, comparison: Comparison, constant: &Constant) -> String {
    let sign = match (comparison, constant) {
        (Comparison::Contains, Constant::Text(text)) => return format!("{name}={}", quoted(&format!("%{text}%"))),
        (Comparison::StartsWith, Constant::Text(text)) => return format!("{name}={}", quoted(&format!("{text}%"))),
        (Comparison::Ne, _) => "!=",
        (Comparison::Gt, _) => ">",
        (Comparison::Gte, _) => ">=",
        (Comparison::Lt, _) => "<",
        (Comparison::Lte, _) => "<=",
        (Comparison::Eq | Comparison::Contains | Comparison::StartsWith, _) => "=",
    };
    format!("{name}{sign}{}", write_constant(constant))
}

fn write_constant(constant: &Constant) -> String {
    match constant {
        Constant::Null => quoted(""),
        Constant::Text(text) | Constant::Guid(text) | Constant::Enum { value: text, .. } => quoted(text),
        Constant::Number(text) => text.clone(),
        Constant::Boolean(flag) => flag.to_string(),
        Constant::Date(date) => quoted(&date.to_string()),
        Constant::Moment(moment) => quoted(&format!("{}+00:00", clock_text(moment))),
        Constant::LocalMoment(moment) => quoted(&clock_text(moment)),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Writes a text for use inside quotes.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
