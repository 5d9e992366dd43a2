//! Plans look-ups: records by their own keys, and children by the keys of their parents, in as few calls as possible.

use lineshaft_schema::{Condition, FieldIndex, Filter, KeySet, Operand, Operator, Projection, RemoteKey, Value};

use super::{
    ListRequest, LookUp, PageState, PlannedLookUp, RequestPlan,
    list::{Asked, complete_headers, key_text},
};
use crate::{
    blueprint::{KeptList, KeyPart, ResourcePlan, group_rows, key_rows},
    dialect::{Constant, Expression},
    error::{Error, ErrorKind},
    manifest::Strategy,
    template::{Scope, Variables},
};

/// Names of the variables of key parts.
const PART_NAMES: [&str; 8] = ["key.0", "key.1", "key.2", "key.3", "key.4", "key.5", "key.6", "key.7"];

impl ResourcePlan {
    /// Plans the calls that fetch the records with these keys, or the records whose reference field holds one of these
    /// keys. Keys that no record can have are in none of the calls.
    ///
    /// # Errors
    /// Returns `NotSupported` when the system cannot be asked so, `InvalidSettings` when a template cannot be filled in.
    pub fn plan_look_ups(
        &self,
        by: LookUp,
        keys: &[RemoteKey],
        projection: &Projection,
        variables: &Variables<'_>,
    ) -> Result<Vec<PlannedLookUp>, Error> {
        let mut known = KeySet::default();
        let keys: Vec<&RemoteKey> = keys.iter().filter(|key| known.insert(*key)).collect();
        let mut projection = projection.clone();
        let mut planned = Vec::new();
        let strategy = match by {
            LookUp::Key => {
                let get_many = self
                    .parts
                    .get_many
                    .as_ref()
                    .ok_or_else(|| self.unsupported("be fetched by keys"))?;
                get_many.via
            }
            LookUp::Field(field) => {
                if !self.parts.capability.children.contains(&field) {
                    return Err(self.unsupported("be fetched by this reference"));
                }
                projection.insert(field);
                // One call for each parent, whose rows come page by page.
                if self.parts.children.contains_key(&field) {
                    for key in keys {
                        let one = vec![key.clone()];
                        self.plan_chunk(by, Strategy::In, one, &projection, variables, &mut planned)?;
                    }
                    return Ok(planned);
                }
                Strategy::In
            }
        };
        for chunk in self.chunks(by, strategy, keys) {
            self.plan_chunk(by, strategy, chunk, &projection, variables, &mut planned)?;
        }
        Ok(planned)
    }

    /// Plans the next page of a look-up.
    ///
    /// # Errors
    /// As `plan_list`.
    pub fn next_look_up(
        &self,
        look_up: PlannedLookUp,
        page: PageState,
        variables: &Variables<'_>,
    ) -> Result<PlannedLookUp, Error> {
        let request = ListRequest {
            page: Some(page),
            ..look_up.request
        };
        let asked = self.asked(look_up.by, &look_up.keys)?;
        let plan = self.plan_page(&request, asked, variables)?;
        Ok(PlannedLookUp {
            plan,
            request,
            ..look_up
        })
    }

    /// Returns whether each parent is asked for by a request of its own.
    pub(crate) fn asks_for_one_parent(&self, by: LookUp) -> bool {
        matches!(by, LookUp::Field(field) if self.parts.children.contains_key(&field))
    }

    /// Returns how the list is kept from which records are taken by their keys, if they are.
    pub(crate) fn kept_list(&self) -> Option<KeptList> {
        let get_many = self.parts.get_many.as_ref()?;
        (get_many.via == Strategy::List).then_some(get_many.kept)
    }

    /// Plans a page of the whole list, with everything that any projection may ask for.
    ///
    /// # Errors
    /// As `plan_list`.
    pub(crate) fn plan_whole(
        &self,
        page: Option<PageState>,
        variables: &Variables<'_>,
    ) -> Result<(RequestPlan, ListRequest), Error> {
        let mut projection = self.mapping.definition().map(Projection::all).unwrap_or_default();
        (projection.raw, projection.custom) = (true, true);
        let request = ListRequest {
            kind: self.kind(),
            filter: Filter::always(),
            order: None,
            after: None,
            limit: self.parts.list.max_page_size,
            projection,
            count: false,
            page,
        };
        let asked = Asked {
            by_key: true,
            ..Asked::default()
        };
        Ok((self.plan_page(&request, asked, variables)?, request))
    }

    fn unsupported(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::NotSupported,
            format!("{} cannot {what} in this system", self.parts.type_name),
        )
    }

    /// Plans one call, or two with half of the keys when the address would be too long. Keys that no record can have
    /// are left out.
    fn plan_chunk(
        &self,
        by: LookUp,
        strategy: Strategy,
        mut keys: Vec<RemoteKey>,
        projection: &Projection,
        variables: &Variables<'_>,
        planned: &mut Vec<PlannedLookUp>,
    ) -> Result<(), Error> {
        let asked = match strategy {
            Strategy::Each => Asked::default(),
            _ => match self.asked(by, &keys) {
                Ok(asked) => asked,
                Err(_) if self.are_unspeakable(&keys) => {
                    return Err(self.unsupported("be fetched by keys with such signs"));
                }
                // What can be asked for together can be asked for one by one, so only now each key is looked at.
                Err(error) => {
                    let before = keys.len();
                    keys.retain(|key| self.asked(by, std::slice::from_ref(key)).is_ok());
                    return match keys.len() {
                        0 => Ok(()),
                        left if left == before => Err(error),
                        _ => self.plan_chunk(by, strategy, keys, projection, variables, planned),
                    };
                }
            },
        };
        let Ok(count) = u32::try_from(keys.len()) else {
            return Err(Error::new(ErrorKind::Internal, "too many keys in one call"));
        };
        let request = ListRequest {
            kind: self.kind(),
            filter: Filter::always(),
            order: None,
            after: None,
            limit: if by == LookUp::Key && strategy != Strategy::List {
                count
            } else {
                self.parts.list.max_page_size
            },
            projection: projection.clone(),
            count: false,
            page: None,
        };
        let plan = match strategy {
            Strategy::Each => self.plan_one(&keys, &request, variables)?,
            _ => self.plan_page(&request, asked, variables)?,
        };
        if plan.url.len() > self.parts.max_url_bytes && keys.len() > 1 {
            let (first, second) = keys.split_at(keys.len() / 2);
            self.plan_chunk(by, strategy, first.to_vec(), projection, variables, planned)?;
            return self.plan_chunk(by, strategy, second.to_vec(), projection, variables, planned);
        }
        planned.push(PlannedLookUp {
            plan,
            by,
            keys,
            request,
            single: strategy == Strategy::Each,
        });
        Ok(())
    }

    /// Plans the request of one record.
    fn plan_one(
        &self,
        keys: &[RemoteKey],
        request: &ListRequest,
        variables: &Variables<'_>,
    ) -> Result<RequestPlan, Error> {
        let parts = &self.parts;
        let call = parts.get_many.as_ref().and_then(|get_many| get_many.call.as_ref());
        let (Some(call), [key]) = (call, keys) else {
            return Err(Error::new(ErrorKind::Internal, "one record is fetched at a time"));
        };
        let (select, expand) = super::select::selection(self, &request.projection);
        let scope = Scope::new(variables)
            .with("resource.remote", parts.capability.remote.as_str())
            .with("select", select)
            .with("expand", expand);
        let texts: Vec<String> = key
            .parts()
            .iter()
            .map(|part| parts.language.escape_quoted(part))
            .collect();
        let mut path_scope = scope.clone().with("key", texts.join(","));
        let mut scope = scope.with("key", self.key_json(key).unwrap_or_else(|| key_text(key).into()));
        for (name, (text, part)) in PART_NAMES.iter().zip(texts.iter().zip(key.parts())) {
            path_scope = path_scope.with(name, text.as_str());
            scope = scope.with(name, part.as_str());
        }
        let mut query = Vec::new();
        for (name, template) in &parts.scope.query {
            query.push((
                name.clone(),
                template.render(&scope).map_err(crate::blueprint::unusable)?,
            ));
        }
        call.check_query(&scope, &|text| parts.language.takes(text))?;
        let query_scope = scope.clone().with_texts(&|text| parts.language.escape_in_query(text));
        let mut plan = call.plan_quoted(&parts.base, &scope, &path_scope, &query_scope, query)?;
        complete_headers(&mut plan);
        Ok(plan)
    }

    /// Divides keys into those of one call each.
    fn chunks(&self, by: LookUp, strategy: Strategy, keys: Vec<&RemoteKey>) -> Vec<Vec<RemoteKey>> {
        let parts = self.key_parts(by);
        let possible = self.possible(by, parts, keys);
        match strategy {
            Strategy::Each | Strategy::None => return possible.into_iter().map(|key| vec![key]).collect(),
            Strategy::List if possible.is_empty() => return Vec::new(),
            Strategy::List => return vec![possible],
            Strategy::In | Strategy::OrChain => {}
        }
        let most = self.most_keys(by);
        let whole = |keys: Vec<RemoteKey>| {
            if keys.len() <= most && !keys.is_empty() {
                return vec![keys];
            }
            keys.chunks(most).map(<[RemoteKey]>::to_vec).collect::<Vec<_>>()
        };
        if self.parts.language.has_or_of_all() || parts.len() == 1 {
            let mut keys = possible;
            if parts.len() > 1 {
                // Keys that share their leading parts are written together.
                keys.sort_by(RemoteKey::compare);
            }
            return whole(keys);
        }
        // Without "or", one call can ask for keys that differ in one part only.
        let groups = (0..parts.len()).rev().map(|varying| {
            let mut groups: indexmap::IndexMap<Vec<&str>, Vec<RemoteKey>> = indexmap::IndexMap::new();
            for key in &possible {
                let others = key
                    .parts()
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at != varying)
                    .map(|(_, part)| part.as_ref())
                    .collect();
                groups.entry(others).or_default().push(key.clone());
            }
            groups.into_values().collect::<Vec<_>>()
        });
        groups
            .min_by_key(Vec::len)
            .unwrap_or_default()
            .into_iter()
            .flat_map(whole)
            .collect()
    }

    /// Returns whether a key has signs that the language of filters cannot hold, though a record may have them.
    fn are_unspeakable(&self, keys: &[RemoteKey]) -> bool {
        let mut parts = keys.iter().flat_map(|key| key.parts());
        parts.any(|part| !self.parts.language.takes(part))
    }

    fn most_keys(&self, by: LookUp) -> usize {
        let most = self.parts.max_keys;
        match by {
            // All records must fit on one page.
            LookUp::Key => most.min(usize::try_from(self.page_limit(u32::MAX)).unwrap_or(most)),
            LookUp::Field(field) if self.parts.language.is_parameters() && !self.has_list_parameter(field) => 1,
            LookUp::Field(_) => most,
        }
    }

    fn has_list_parameter(&self, field: FieldIndex) -> bool {
        self.parts.capability.filter(field, Operator::In).is_some()
    }

    fn key_parts(&self, by: LookUp) -> &[KeyPart] {
        match by {
            LookUp::Key => &self.parts.key,
            LookUp::Field(field) => self.parts.filters.get(&field).map_or(&[], |rule| rule.key_parts()),
        }
    }

    /// Returns the keys that records can have, as far as the keys themselves tell.
    fn possible(&self, by: LookUp, parts: &[KeyPart], keys: Vec<&RemoteKey>) -> Vec<RemoteKey> {
        let is_possible = |key: &&RemoteKey| {
            let says_something = key.parts().iter().any(|part| !part.is_empty());
            let has_own_key =
                || key_rows(parts, None, key).is_some() && !(self.takes_keys_as_text() && key_text(key).contains(','));
            says_something && (by != LookUp::Key || has_own_key())
        };
        keys.into_iter().filter(is_possible).cloned().collect()
    }

    fn takes_keys_as_text(&self) -> bool {
        self.parts.language.is_parameters()
            && self
                .parts
                .get_many
                .as_ref()
                .is_some_and(|get_many| get_many.via == Strategy::In)
    }

    fn key_json(&self, key: &RemoteKey) -> Option<serde_json::Value> {
        let rows = key_rows(&self.parts.key, None, key)?;
        match rows.first()?.as_slice() {
            [only] => Some(only.json()),
            _ => Some(key_text(key).into()),
        }
    }

    /// Writes what is asked for.
    fn asked(&self, by: LookUp, keys: &[RemoteKey]) -> Result<Asked, Error> {
        let impossible = || self.unsupported("be fetched by these keys");
        match by {
            LookUp::Key if self.kept_list().is_some() => Ok(Asked {
                by_key: true,
                ..Asked::default()
            }),
            LookUp::Key if self.parts.language.is_parameters() => {
                let list = keys
                    .iter()
                    .map(|key| self.key_json(key))
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(impossible)?;
                Ok(Asked {
                    keys: Some(list.into()),
                    by_key: true,
                    ..Asked::default()
                })
            }
            LookUp::Key => {
                let rows: Vec<Vec<Constant>> = keys
                    .iter()
                    .filter_map(|key| key_rows(&self.parts.key, None, key))
                    .flatten()
                    .collect();
                let groups = group_rows(self.parts.key.len(), rows);
                let parts: Option<Vec<Expression>> =
                    groups.iter().map(|group| group.expression(&self.parts.key)).collect();
                let condition = parts.and_then(Expression::any).ok_or_else(impossible)?;
                self.parts.language.widened(&condition).ok_or_else(impossible)?;
                Ok(Asked {
                    condition: Some(condition),
                    by_key: true,
                    ..Asked::default()
                })
            }
            LookUp::Field(field) if self.parts.children.contains_key(&field) => {
                let children = self.parts.children.get(&field).ok_or_else(impossible)?;
                let parent = keys
                    .first()
                    .and_then(|key| key_rows(&children.key, None, key)?.first()?.first().map(Constant::json));
                Ok(Asked {
                    parent: Some((field, parent.ok_or_else(impossible)?)),
                    ..Asked::default()
                })
            }
            LookUp::Field(field) => {
                let values = keys.iter().cloned().map(Value::Reference).collect();
                let condition = Condition {
                    field,
                    operator: Operator::In,
                    operand: Operand::Many(values),
                };
                let (condition, _) = self.lowering().condition(&condition).ok_or_else(impossible)?;
                Ok(Asked {
                    condition: Some(condition),
                    ..Asked::default()
                })
            }
        }
    }
}
