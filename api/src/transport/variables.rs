//! Compares the variables of a request with their declarations, as far as that needs no schema.

use async_graphql::{
    Value as ConstValue, Variables,
    parser::types::{BaseType, OperationDefinition, Type},
};

use super::{Code, Refusal};

/// Refuses a required variable that is missing or null, and values of built-in types that are of
/// another kind. Enums, input objects and other scalars are left to the engine.
pub(super) fn check(operation: &OperationDefinition, variables: &Variables) -> Result<(), Refusal> {
    for definition in &operation.variable_definitions {
        let (name, kind) = (&definition.node.name.node, &definition.node.var_type.node);
        let fits = match variables.get(name) {
            None => kind.nullable || definition.node.default_value.is_some(),
            Some(value) => fits(value, kind),
        };
        if !fits {
            let problem = if variables.contains_key(name) {
                "has a value that does not fit"
            } else {
                "is missing"
            };
            let message = format!("variable ${name} of type {kind} {problem}");
            return Err(Refusal::new(Code::BadUserInput, message).at(definition.pos));
        }
    }
    Ok(())
}

fn fits(value: &ConstValue, kind: &Type) -> bool {
    match (value, &kind.base) {
        (ConstValue::Null, _) => kind.nullable,
        (ConstValue::List(items), BaseType::List(inner)) => items.iter().all(|item| fits(item, inner)),
        (single, BaseType::List(inner)) => fits(single, inner),
        (value, BaseType::Named(name)) => match name.as_str() {
            "Int" => matches!(value, ConstValue::Number(number) if number.is_i64() || number.is_u64()),
            "Float" => matches!(value, ConstValue::Number(_)),
            "String" => matches!(value, ConstValue::String(_)),
            "Boolean" => matches!(value, ConstValue::Boolean(_)),
            "ID" => match value {
                ConstValue::String(_) => true,
                ConstValue::Number(number) => number.is_i64() || number.is_u64(),
                _ => false,
            },
            _ => true,
        },
    }
}
