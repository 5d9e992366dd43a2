//! Which fields a condition is about: whether they are there, and their names in a table.

use super::super::columns::Columns;
use super::super::condition::{Condition, Path, Term, path};
use super::super::problem::Problem;

/// Returns the condition if a table has all its fields.
pub(super) fn known(mut condition: Condition, columns: &Columns) -> Result<Condition, Problem> {
    rename(&mut condition, &mut |field| {
        columns.require(field).map(|_| field.to_owned())
    })?;
    Ok(condition)
}

/// Returns the condition with its fields spelled as the table does, in whatever letters they were written.
pub(crate) fn spelled(mut condition: Condition, columns: &Columns) -> Result<Condition, Problem> {
    rename(&mut condition, &mut |field| {
        let spelled = columns.spelled(field).map(str::to_owned);
        spelled.ok_or_else(|| Problem::unknown_field(field))
    })?;
    Ok(condition)
}

/// Gives every field of a condition another name.
pub(crate) fn rename(
    condition: &mut Condition,
    name: &mut dyn FnMut(&str) -> Result<String, Problem>,
) -> Result<(), Problem> {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                rename(part, name)?;
            }
            Ok(())
        }
        Condition::Not(inner) => rename(inner, name),
        Condition::Compare(left, _, right) | Condition::Text(left, _, right) => {
            rename_term(left, name)?;
            rename_term(right, name)
        }
        Condition::In(term, terms) => {
            rename_term(term, name)?;
            terms.iter_mut().try_for_each(|term| rename_term(term, name))
        }
        Condition::Missing(term) | Condition::Empty(term) => rename_term(term, name),
        // The fields of the elements are told by their full names.
        Condition::Some(list, inner) | Condition::Every(list, inner) => {
            let prefix = list.join(".");
            *list = renamed(list, name)?;
            rename(inner, &mut |field| {
                let whole = name(&format!("{prefix}.{field}"))?;
                Ok(whole.strip_prefix(&format!("{prefix}.")).unwrap_or(&whole).to_owned())
            })
        }
    }
}

/// Gives every field of a term another name.
pub(crate) fn rename_term(
    term: &mut Term,
    name: &mut dyn FnMut(&str) -> Result<String, Problem>,
) -> Result<(), Problem> {
    match term {
        Term::Field(field) => {
            *field = renamed(field, name)?;
            Ok(())
        }
        Term::Call(_, terms) => terms.iter_mut().try_for_each(|term| rename_term(term, name)),
        Term::Value(_) => Ok(()),
    }
}

fn renamed(field: &Path, name: &mut dyn FnMut(&str) -> Result<String, Problem>) -> Result<Path, Problem> {
    name(&field.join(".")).map(|field| path(&field))
}
