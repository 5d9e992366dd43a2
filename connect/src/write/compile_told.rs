//! What is told of the writes of a type.

use lineshaft_schema::FieldIndex;

use super::{
    OperationCapability, WritableChildren, WriteCapability,
    compile::{ChildPlan, Place, WayPlan, WritePlan},
    compile_fields::Target,
    compile_steps::OperationPlan,
};

impl Place<'_> {
    pub(super) fn capability(&self, plan: &WritePlan) -> WriteCapability {
        let of = |operation: &Option<OperationPlan>, fields: &dyn Fn(&Target) -> bool, occasion: Option<bool>| {
            let operation = operation.as_ref()?;
            let mut told: Vec<_> = plan
                .fields
                .iter()
                .filter(|target| fields(target))
                .map(|target| target.capability(occasion == Some(true)))
                .collect();
            let children = occasion
                .map(|creates| self.children_capability(plan, creates))
                .unwrap_or_default();
            for child in &children {
                if let Some(inline) = plan.children.get(&child.field).and_then(|child| child.inline.as_ref()) {
                    told.push(inline.capability(child.field));
                }
            }
            Some(OperationCapability {
                fields: told,
                children,
                allowed_in: operation.allowed_in.clone(),
                leads_to: operation.leads_to.clone(),
                native_lock: operation.native_lock,
                reads_first: operation.reads_first,
            })
        };
        let actions = plan.actions.iter().map(|(name, action)| {
            let operation = &action.operation;
            let told = OperationCapability {
                fields: action.fields.iter().map(|target| target.capability(true)).collect(),
                children: Vec::new(),
                allowed_in: operation.allowed_in.clone(),
                leads_to: operation.leads_to.clone(),
                native_lock: operation.native_lock,
                reads_first: operation.reads_first,
            };
            (name.clone(), told)
        });
        WriteCapability {
            create: of(&plan.create, &Target::on_create, Some(true)),
            update: of(&plan.update, &Target::on_update, Some(false)),
            delete: of(&plan.delete, &|_| false, None),
            soft_delete: of(&plan.soft_delete, &|_| false, None),
            actions: actions.collect(),
            instead: self.write.instead.clone(),
            custom: plan.custom.is_some(),
            client_reference: plan.reference.as_ref().map(|reference| reference.field),
            fields: plan
                .fields
                .iter()
                .filter(|target| target.on_create())
                .map(|target| target.capability(true))
                .collect(),
            described: plan.describe.is_some(),
        }
    }

    /// Returns whether embedded rows go out in the only request that changes something.
    fn goes_at_once(&self, field: FieldIndex, operation: &Option<OperationPlan>) -> bool {
        let name = self.def.field_at(field).map(|field| format!("children.{}", field.name));
        let Some((operation, name)) = operation.as_ref().zip(name) else {
            return true;
        };
        let changing = || operation.steps.iter().filter(|step| step.call.changes());
        let is_alone = changing().count() == 1;
        is_alone && changing().all(|step| step.for_each.as_ref() != Some(&name))
    }

    fn children_capability(&self, plan: &WritePlan, creates: bool) -> Vec<WritableChildren> {
        let of = |(field, child): (&FieldIndex, &ChildPlan)| {
            let way = if creates { &child.create } else { &child.update };
            let (create, update, delete, atomic) = match way.as_ref()? {
                WayPlan::Embed(embed) => (
                    embed.create.is_some(),
                    embed.update.is_some(),
                    embed.delete.is_some(),
                    self.goes_at_once(*field, if creates { &plan.create } else { &plan.update }),
                ),
                WayPlan::Each => {
                    let def = self.context.catalogue.type_at(child.kind)?;
                    let write = self.context.manifest.resources.get(&def.name)?.write.as_ref()?;
                    let later = !creates;
                    (
                        write.create.is_some(),
                        later && write.update.is_some(),
                        later && (write.delete.is_some() || write.soft_delete.is_some()),
                        false,
                    )
                }
            };
            let inline = child.inline.iter().flat_map(|inline| &inline.fields);
            Some(WritableChildren {
                field: *field,
                kind: child.kind,
                fields: inline.map(|target| target.capability(true)).collect(),
                create,
                update,
                delete,
                atomic,
            })
        };
        plan.children.iter().filter_map(of).collect()
    }
}
