//! Collects the query parameters that conditions were turned into.

use super::Expression;

/// Returns the parameters of a condition, each name once.
pub(super) fn collect(expression: &Expression) -> Vec<(String, String)> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    visit(expression, &mut parameters);
    parameters
}

fn visit(expression: &Expression, parameters: &mut Vec<(String, String)>) {
    match expression {
        Expression::All(parts) => parts.iter().for_each(|part| visit(part, parameters)),
        Expression::Parameter { name, value } if parameters.iter().all(|(known, _)| known != name) => {
            parameters.push((name.clone(), value.clone()));
        }
        _ => {}
    }
}
