//! A manifest that has been checked against the unified model and compiled into plans.

mod anti_forgery;
mod assertion;
mod base;
mod batch;
mod call;
mod check;
mod compile;
mod compile_access;
mod compile_extras;
mod compile_fields;
pub(crate) mod discovery;
mod filters;
mod key_groups;
pub(crate) mod labelled;
pub(crate) mod labels;
mod multipart;
mod names;
mod oauth2;
mod overlaid;
mod preset;
mod probe;
pub mod problem;
pub mod raw;
mod resource;
mod sign_in;
mod signing;

#[cfg(test)]
pub(crate) mod tests;

use std::{collections::BTreeMap, sync::Arc};

use http::HeaderMap;
use lineshaft_schema::{Catalogue, TypeIndex};
use serde_json::{Map, Value};
use url::Url;

pub(crate) use anti_forgery::AntiForgery;
pub(crate) use batch::{BatchPlan, Content};
pub(crate) use call::{Base, Call, Known, escape_pointer, parse_address, same_origin, unusable};
pub(crate) use filters::{FilterRule, KeyPart, Lowering, key_rows};
pub(crate) use key_groups::group_rows;
pub(crate) use oauth2::clean_code;
pub use oauth2::{Token, read_token};
pub(crate) use preset::lay_request;
pub use problem::Problem;
pub use resource::ResourcePlan;
pub(crate) use resource::{CellsPlan, CountPlan, KeptList, PagingPlan, SeekPlan};
pub(crate) use sign_in::COOKIE;
pub use sign_in::{ACCESS_TOKEN, Needs, SignIn};
pub use signing::Moment;
pub(crate) use signing::Signing;

use crate::{
    capability::Capability,
    classify::Classifier,
    error::Error,
    manifest::Manifest,
    request::RequestPlan,
    template::{Scope, SecretMap, Variables},
    write::within::PartPlan,
    xml::Reading,
};
use discovery::DiscoveryPlan;
use probe::ProbePlan;
use raw::RawPlan;

/// A connector that has been checked and compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blueprint {
    manifest: Arc<Manifest>,
    catalogue: Arc<Catalogue>,
    base: Arc<Base>,
    reading: Arc<Reading>,
    classifier: Arc<Classifier>,
    anti_forgery: Option<Arc<AntiForgery>>,
    sign_ins: Arc<[SignIn]>,
    probe: Arc<ProbePlan>,
    discovery: Arc<DiscoveryPlan>,
    raw: Option<Arc<RawPlan>>,
    batch: Option<Arc<BatchPlan>>,
    labels: Arc<BTreeMap<String, Arc<labels::LabelsPlan>>>,
    resources: Arc<BTreeMap<TypeIndex, Arc<ResourcePlan>>>,
    /// Parts that are written inside the rows of their owners.
    parts: Arc<BTreeMap<TypeIndex, PartPlan>>,
    /// The settings of the connection, once they are filled in.
    settings: Option<Arc<Map<String, Value>>>,
}

impl Blueprint {
    /// Checks a manifest against the unified model and compiles it.
    ///
    /// # Errors
    /// Returns everything that is wrong with the manifest.
    pub fn compile(manifest: Manifest, catalogue: Arc<Catalogue>) -> Result<Self, Vec<Problem>> {
        compile::compile(manifest, catalogue)
    }

    /// Returns the blueprint for one connection, with its settings filled into codecs.
    ///
    /// # Errors
    /// Tells which setting does not fit.
    pub fn with_settings(&self, settings: &Map<String, Value>) -> Result<Self, String> {
        let bound = self
            .resources
            .iter()
            .map(|(kind, resource)| Ok((*kind, Arc::new(resource.with_settings(settings)?))));
        let resources = bound.collect::<Result<BTreeMap<_, _>, String>>()?;
        Ok(Self {
            resources: Arc::new(resources),
            settings: Some(Arc::new(settings.clone())),
            ..self.clone()
        })
    }

    /// Returns the manifest that it was made from.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the unified model that it was checked against.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Returns the plan of a type.
    #[must_use]
    pub fn resource(&self, kind: TypeIndex) -> Option<&ResourcePlan> {
        self.resources.get(&kind).map(Arc::as_ref)
    }

    pub(crate) fn part(&self, kind: TypeIndex) -> Option<&PartPlan> {
        self.parts.get(&kind)
    }

    /// Iterates over the plans of all types.
    pub fn resources(&self) -> impl Iterator<Item = &ResourcePlan> {
        self.resources.values().map(Arc::as_ref)
    }

    /// Returns what the connector offers for a type.
    #[must_use]
    pub fn capability(&self, kind: TypeIndex) -> Option<&Capability> {
        self.resource(kind).map(ResourcePlan::capability)
    }

    /// Returns how the answers of the system are read.
    pub(crate) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Returns the failure that an answer is, or nothing when it is a success.
    #[must_use]
    pub fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Error> {
        self.classifier.classify(status, headers, body)
    }

    /// Returns the ways to sign in.
    #[must_use]
    pub fn sign_ins(&self) -> &[SignIn] {
        &self.sign_ins
    }

    /// Returns the way to sign in with this identifier.
    #[must_use]
    pub fn sign_in_named(&self, id: &str) -> Option<&SignIn> {
        self.sign_ins.iter().find(|way| way.id() == id)
    }

    /// Returns the way to sign in whose credentials are all given: the one that needs the most of them, the first among
    /// equals.
    #[must_use]
    pub fn sign_in_with(&self, credentials: &SecretMap) -> Option<&SignIn> {
        let fit = self
            .sign_ins
            .iter()
            .filter(|way| way.credentials().iter().all(|name| credentials.contains(name)));
        // Of several with the greatest key the last would be taken.
        fit.rev().max_by_key(|way| way.credentials().len())
    }

    /// Returns the address below which the requests of a connection with these settings go.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn base_url(&self, settings: &Map<String, Value>) -> Result<Url, Error> {
        let none = SecretMap::new();
        let variables = Variables {
            settings,
            credentials: &none,
            session: &none,
        };
        self.base.parse(&self.base.address(&Scope::new(&variables))?)
    }

    /// Plans the login of a way to sign in; none when it has no sessions. The answer is judged by `classify` and read
    /// by [`SignIn::read_login`].
    ///
    /// # Errors
    /// Names the setting or credential that is missing or wrong.
    pub fn plan_login(&self, way: &SignIn, variables: &Variables<'_>) -> Result<Option<RequestPlan>, Error> {
        way.plan_login(&self.base, variables).transpose()
    }

    /// Plans a request that goes with a session.
    pub(crate) fn plan_call(&self, call: &Call, variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        let scope = Scope::new(variables);
        call.plan(&self.base, &scope, &scope, Vec::new())
    }

    /// Plans the request of a token at a moment; none when the way to sign in has no tokens. The answer is judged and
    /// read by [`read_token`].
    ///
    /// # Errors
    /// Names the setting or credential that is missing or wrong.
    pub fn plan_token(
        &self,
        way: &SignIn,
        variables: &Variables<'_>,
        moment: &Moment,
    ) -> Result<Option<RequestPlan>, Error> {
        way.plan_token(variables, moment).transpose()
    }

    /// Plans the request that proves that credentials work.
    ///
    /// # Errors
    /// Names the setting or credential that is missing or wrong.
    pub fn plan_probe(&self, variables: &Variables<'_>) -> Result<RequestPlan, Error> {
        let scope = Scope::new(variables);
        self.probe.call.plan(&self.base, &scope, &scope, Vec::new())
    }

    /// Reads whose account a probe's answer tells; none when the manifest does not say where it stands, and when the
    /// answer does not tell.
    ///
    /// # Errors
    /// Returns `MalformedResponse` when the answer is not JSON though it should be.
    pub fn read_probe(&self, body: &[u8], variables: &Variables<'_>) -> Result<Option<String>, Error> {
        self.probe.read(body, variables)
    }
}
