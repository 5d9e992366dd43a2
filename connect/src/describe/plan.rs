//! How a system is asked which fields an object has: the compiled request and the form of its answer.

use std::sync::Arc;

use super::{Described, read_description};
use crate::{
    blueprint::{Base, Call, Known, Problem},
    classify::{BodyCheck, parse_path},
    error::Error,
    manifest::{Describe, DescribeForm},
    request::{RequestPlan, complete_headers},
    template::{Scope, Variables},
};

const VARIABLES: &[&str] = &["resource.remote"];
const OBJECT_VARIABLES: &[&str] = &["resource.remote", "resource.described_as"];

/// How a system is asked which fields an object has.
#[derive(Clone, Debug)]
pub(crate) struct DescribePlan {
    call: Arc<Call>,
    form: Arc<DescribeForm>,
}

impl DescribePlan {
    /// Compiles how a resource is described.
    pub(crate) fn compile(
        describe: &Describe,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        Self::compile_with(describe, &known.with(VARIABLES), pointer, problems)
    }

    /// Compiles how any object is described.
    pub(crate) fn compile_any(
        describe: &Describe,
        known: &Known,
        pointer: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        Self::compile_with(describe, &known.with(OBJECT_VARIABLES), pointer, problems)
    }

    fn compile_with(describe: &Describe, known: &Known, pointer: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        check_form(&describe.form, &format!("{pointer}/form"), problems);
        let call = Call::compile(&describe.request, true, known, &format!("{pointer}/request"), problems)?;
        Some(Self {
            call: Arc::new(call),
            form: Arc::new(describe.form.clone()),
        })
    }

    /// Returns whether it needs the name under which an object is described.
    pub(crate) fn uses_described_as(&self) -> bool {
        self.call.uses("resource.described_as")
    }

    /// Plans the request.
    pub(crate) fn plan(
        &self,
        base: &Base,
        remote: &str,
        described_as: &str,
        variables: &Variables<'_>,
    ) -> Result<RequestPlan, Error> {
        let scope = Scope::new(variables)
            .with("resource.remote", remote)
            .with("resource.described_as", described_as);
        let mut plan = self.call.plan(base, &scope, &scope, Vec::new())?;
        if !matches!(*self.form, DescribeForm::OdataMetadata { .. }) {
            complete_headers(&mut plan);
        }
        Ok(plan)
    }

    /// Reads the answer.
    pub(crate) fn read(&self, remote: &str, body: &[u8]) -> Result<Described, Error> {
        read_description(&self.form, remote, body)
    }
}

fn check_form(form: &DescribeForm, pointer: &str, problems: &mut Vec<Problem>) {
    let mut check = |text: &str, name: &str| {
        let _path = parse_path(text, &format!("{pointer}/{name}"), problems);
    };
    match form {
        DescribeForm::OdataMetadata { .. } => {}
        DescribeForm::JsonSchema { path } => check(path, "json_schema/path"),
        DescribeForm::Fields(form) => {
            check(&form.items, "fields/items");
            let paths = [
                ("name", &form.name),
                ("label", &form.label),
                ("type", &form.kind),
                ("required", &form.required),
                ("read_only", &form.read_only),
                ("max_length", &form.max_length),
                ("choices", &form.choices),
                ("choice_value", &form.choice_value),
                ("choice_label", &form.choice_label),
                ("relation", &form.relation),
                ("key", &form.key),
            ];
            for (name, path) in paths {
                if let Some(path) = path {
                    check(path, &format!("fields/{name}"));
                }
            }
            for (name, tests) in [("only", &form.only), ("required_only", &form.required_only)] {
                let _checks = BodyCheck::compile(tests, &format!("{pointer}/fields/{name}"), problems);
            }
        }
    }
}
