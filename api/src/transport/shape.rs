//! Measures a parsed document as it would be executed: each definition is walked once, then the
//! sums are carried from fragment to fragment, so that the cost is linear in the document however
//! often fragments are spread.

use std::collections::HashMap;

use async_graphql::{
    Pos, Positioned,
    parser::types::{Directive, ExecutableDocument, Field, FragmentDefinition, Selection, SelectionSet},
};
use async_graphql_value::Name;

use super::{Code, Limits, Refusal};

/// Fields of the introspection types that lead to lists of other types: nesting them multiplies.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
const MAX_INTROSPECTION_LISTS: usize = 2;

/// What a document amounts to after expansion of its fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Fields.
    pub fields: usize,
    /// Fields, spreads and inline fragments: the steps of a walk that expands every spread.
    pub selections: usize,
    /// Aliases.
    pub aliases: usize,
    /// Fields at the root (the most of any operation).
    pub root_fields: usize,
    /// Depth of fields, without introspection.
    pub depth: usize,
    /// Depth of selections of any kind.
    pub levels: usize,
    /// Depth of fields at and below `__schema` and `__type`.
    pub introspection_depth: usize,
    /// Whether `__schema` or `__type` is selected.
    pub introspects: bool,
    lists: usize,
    introspection_lists: usize,
}

/// Where in its definition a selection stands.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    levels: usize,
    lists: usize,
    root: bool,
    introspection: bool,
}

struct Spread<'a> {
    name: &'a Name,
    position: Pos,
    place: Place,
}

/// A definition by itself: its own sums and the spreads that are still to be added.
struct Outline<'a> {
    own: Shape,
    spreads: Vec<Spread<'a>>,
}

/// Measures the document, or says which bound it breaks.
pub(super) fn measure(document: &ExecutableDocument, limits: &Limits) -> Result<Shape, Refusal> {
    if document.fragments.len() > limits.fragments {
        let message = format!(
            "the document defines {} fragments; at most {} are allowed",
            document.fragments.len(),
            limits.fragments
        );
        return Err(Refusal::new(Code::QueryTooManyFragments, message));
    }
    let mut walk = Walk { limits, directives: 0 };
    let fragments = expand_fragments(document, &mut walk)?;
    let mut total = Shape::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        if operation.variable_definitions.len() > limits.variables {
            let message = format!(
                "an operation declares {} variables; at most {} are allowed",
                operation.variable_definitions.len(),
                limits.variables
            );
            return Err(Refusal::new(Code::QueryTooManyVariables, message));
        }
        for variable in &operation.variable_definitions {
            walk.count_directives(&variable.node.directives)?;
        }
        walk.count_directives(&operation.directives)?;
        let outline = walk.outline(&operation.selection_set)?;
        let shape = expand(&outline, &fragments);
        check(&shape, operation.selection_set.pos, limits)?;
        total = total.beside(&shape);
        check(&total, operation.selection_set.pos, limits)?;
    }
    Ok(total)
}

/// Visits fragments so that each comes after those it spreads; a fragment that meets itself is a cycle.
fn expand_fragments<'a>(
    document: &'a ExecutableDocument,
    walk: &mut Walk<'_>,
) -> Result<HashMap<&'a Name, Shape>, Refusal> {
    let mut outlines = HashMap::with_capacity(document.fragments.len());
    for (name, fragment) in &document.fragments {
        walk.count_directives(&fragment.node.directives)?;
        outlines.insert(name, walk.outline(&fragment.node.selection_set)?);
    }
    let mut shapes: HashMap<&Name, Shape> = HashMap::with_capacity(outlines.len());
    let mut open: Vec<(&Name, usize)> = Vec::new();
    let mut is_open: HashMap<&Name, bool> = HashMap::with_capacity(outlines.len());
    for start in outlines.keys().copied() {
        if !shapes.contains_key(start) {
            open.push((start, 0));
            is_open.insert(start, true);
        }
        while let Some((name, next)) = open.pop() {
            let Some(outline) = outlines.get(name) else { continue };
            if let Some(spread) = outline.spreads.get(next) {
                open.push((name, next + 1));
                if is_open.get(spread.name).copied().unwrap_or(false) {
                    let message = format!("fragment {} spreads itself", spread.name);
                    return Err(Refusal::new(Code::QueryFragmentCycle, message).at(spread.position));
                }
                if !shapes.contains_key(spread.name) && outlines.contains_key(spread.name) {
                    open.push((spread.name, 0));
                    is_open.insert(spread.name, true);
                }
                continue;
            }
            let shape = expand(outline, &shapes);
            let at = document
                .fragments
                .get(name)
                .map_or_else(Pos::default, fragment_position);
            check_size(&shape, at, walk.limits)?;
            shapes.insert(name, shape);
            is_open.insert(name, false);
        }
    }
    Ok(shapes)
}

fn fragment_position(fragment: &Positioned<FragmentDefinition>) -> Pos {
    fragment.pos
}

fn expand(outline: &Outline<'_>, fragments: &HashMap<&Name, Shape>) -> Shape {
    let mut shape = outline.own;
    for spread in &outline.spreads {
        // An unknown fragment is left to validation.
        if let Some(fragment) = fragments.get(spread.name) {
            shape.add(fragment, spread.place);
        }
    }
    shape
}

/// Checks what no place of a fragment makes harmless, whether it is spread or not.
fn check_size(shape: &Shape, position: Pos, limits: &Limits) -> Result<(), Refusal> {
    let refuse = |code, message: String| Err(Refusal::new(code, message).at(position));
    if shape.fields > limits.fields || shape.selections > limits.fields.saturating_mul(4) {
        let message = format!(
            "the document selects more than {} fields once fragments are expanded",
            limits.fields
        );
        return refuse(Code::QueryTooComplex, message);
    }
    if shape.levels > limits.nesting {
        let message = format!(
            "selections are nested more than {} deep once fragments are expanded",
            limits.nesting
        );
        return refuse(Code::QueryNestedTooDeeply, message);
    }
    if shape.aliases > limits.aliases {
        let message = format!(
            "the document uses more than {} aliases once fragments are expanded",
            limits.aliases
        );
        return refuse(Code::QueryTooManyAliases, message);
    }
    Ok(())
}

/// Checks an operation as a whole. A fragment alone is not judged by its depth: it may stand below
/// `__schema`, which has a bound of its own.
fn check(shape: &Shape, position: Pos, limits: &Limits) -> Result<(), Refusal> {
    let refuse = |code, message: String| Err(Refusal::new(code, message).at(position));
    check_size(shape, position, limits)?;
    if shape.depth > limits.depth {
        let message = format!(
            "fields are nested {} deep; at most {} are allowed",
            shape.depth, limits.depth
        );
        return refuse(Code::QueryTooDeep, message);
    }
    if shape.introspection_depth > limits.introspection_depth || shape.introspection_lists > MAX_INTROSPECTION_LISTS {
        return refuse(Code::QueryTooDeep, "introspection is nested too deep".to_owned());
    }
    if shape.root_fields > limits.root_fields {
        let message = format!(
            "an operation selects {} root fields; at most {} are allowed",
            shape.root_fields, limits.root_fields
        );
        return refuse(Code::QueryTooManyRootFields, message);
    }
    Ok(())
}

impl Shape {
    fn add(&mut self, fragment: &Self, place: Place) {
        self.fields = self.fields.saturating_add(fragment.fields);
        self.selections = self.selections.saturating_add(fragment.selections);
        self.aliases = self.aliases.saturating_add(fragment.aliases);
        if place.root {
            self.root_fields = self.root_fields.saturating_add(fragment.root_fields);
        }
        self.levels = self.levels.max(place.levels.saturating_add(fragment.levels));
        self.introspects |= fragment.introspects;
        let below = place.depth.saturating_add(fragment.introspection_depth);
        if fragment.introspects {
            self.introspection_depth = self.introspection_depth.max(below);
        }
        self.introspection_lists = self.introspection_lists.max(fragment.introspection_lists);
        let depth = place.depth.saturating_add(fragment.depth);
        let lists = place.lists.saturating_add(fragment.lists);
        if place.introspection {
            self.introspection_depth = self.introspection_depth.max(depth);
            self.introspection_lists = self.introspection_lists.max(lists);
        } else {
            self.depth = self.depth.max(depth);
            self.lists = self.lists.max(lists);
        }
    }

    fn beside(self, other: &Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            selections: self.selections.saturating_add(other.selections),
            aliases: self.aliases.saturating_add(other.aliases),
            root_fields: self.root_fields.max(other.root_fields),
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            introspects: self.introspects || other.introspects,
            lists: self.lists.max(other.lists),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
        }
    }
}

/// A walk over all definitions; directives are counted over the whole document.
struct Walk<'l> {
    limits: &'l Limits,
    directives: usize,
}

impl Walk<'_> {
    fn outline<'a>(&mut self, selections: &'a Positioned<SelectionSet>) -> Result<Outline<'a>, Refusal> {
        let mut outline = Outline {
            own: Shape::default(),
            spreads: Vec::new(),
        };
        let place = Place {
            depth: 0,
            levels: 0,
            lists: 0,
            root: true,
            introspection: false,
        };
        self.selection_set(&selections.node, place, &mut outline)?;
        Ok(outline)
    }

    fn count_directives(&mut self, directives: &[Positioned<Directive>]) -> Result<(), Refusal> {
        let Some(first) = directives.first() else { return Ok(()) };
        self.directives += directives.len();
        if directives.len() > self.limits.directives_per_field {
            let message = format!(
                "{} directives in one place; at most {} are allowed",
                directives.len(),
                self.limits.directives_per_field
            );
            return Err(Refusal::new(Code::QueryTooManyDirectives, message).at(first.pos));
        }
        if self.directives > self.limits.directives {
            let message = format!("the document has more than {} directives", self.limits.directives);
            return Err(Refusal::new(Code::QueryTooManyDirectives, message).at(first.pos));
        }
        Ok(())
    }

    /// Recurses only as deep as brackets are nested, which the scan of the text has bounded.
    fn selection_set<'a>(
        &mut self,
        set: &'a SelectionSet,
        place: Place,
        outline: &mut Outline<'a>,
    ) -> Result<(), Refusal> {
        let inside = Place {
            levels: place.levels + 1,
            ..place
        };
        for selection in &set.items {
            self.count_directives(selection.node.directives())?;
            outline.own.selections += 1;
            outline.own.levels = outline.own.levels.max(inside.levels);
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, inside, outline)?,
                Selection::InlineFragment(fragment) => {
                    self.selection_set(&fragment.node.selection_set.node, inside, outline)?;
                }
                Selection::FragmentSpread(spread) => outline.spreads.push(Spread {
                    name: &spread.node.fragment_name.node,
                    position: spread.pos,
                    place: inside,
                }),
            }
        }
        Ok(())
    }

    fn field<'a>(&mut self, field: &'a Field, place: Place, outline: &mut Outline<'a>) -> Result<(), Refusal> {
        let name = field.name.node.as_str();
        let opens_introspection = name == "__schema" || name == "__type";
        let own = &mut outline.own;
        own.fields += 1;
        own.aliases += usize::from(field.alias.is_some());
        own.root_fields += usize::from(place.root);
        own.introspects |= opens_introspection;
        let outer_lists = if opens_introspection { 0 } else { place.lists };
        let here = Place {
            depth: place.depth + 1,
            lists: outer_lists + usize::from(INTROSPECTION_LISTS.contains(&name)),
            root: false,
            introspection: place.introspection || opens_introspection,
            ..place
        };
        if here.introspection {
            own.introspection_depth = own.introspection_depth.max(here.depth);
            own.introspection_lists = own.introspection_lists.max(here.lists);
        } else {
            own.depth = own.depth.max(here.depth);
            own.lists = own.lists.max(here.lists);
        }
        self.selection_set(&field.selection_set.node, here, outline)
    }
}
