//! The connectors of this server, by id. One with errors is left out and told; it never keeps the server from starting.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use lineshaft_connect::{
    blueprint::{Blueprint, Problem},
    manifest::{Manifest, load},
};
use lineshaft_schema::Catalogue;
use serde_json::{Map, Value};

/// Most compiled variants that are kept for one connector.
const MOST_VARIANTS: usize = 64;

/// A kind of system that can be connected.
pub struct Kind {
    /// What its folder says.
    pub manifest: Manifest,
    /// The unified model that it was checked against.
    pub catalogue: Arc<Catalogue>,
    /// Its plans for connections without special settings.
    pub blueprint: Arc<Blueprint>,
    variants: Mutex<HashMap<Vec<String>, Arc<Blueprint>>>,
}

/// A connector that could not be loaded.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Its folder.
    pub folder: String,
    /// What is wrong, one line each.
    pub problems: Vec<String>,
}

/// The connectors of this server.
pub struct Registry {
    catalogue: Arc<Catalogue>,
    kinds: BTreeMap<String, Arc<Kind>>,
    rejected: Vec<Rejected>,
}

impl Registry {
    /// Makes a registry without connectors.
    #[must_use]
    pub const fn new(catalogue: Arc<Catalogue>) -> Self {
        Self {
            catalogue,
            kinds: BTreeMap::new(),
            rejected: Vec::new(),
        }
    }

    /// Adds the connectors of embedded files, given as paths below the folder of connectors with their texts.
    pub fn add_files<'f>(&mut self, files: impl IntoIterator<Item = (&'f str, &'f str)>) {
        let mut folders: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (path, text) in files {
            if let Some((folder, file)) = path.split_once('/') {
                folders.entry(folder).or_default().push((file, text));
            }
        }
        for (folder, files) in folders {
            if files.iter().any(|(file, _)| *file == "manifest.yaml") {
                self.add(folder, load::load_files(files));
            }
        }
    }

    /// Adds the connectors in the folders below a directory; one with the id of an earlier one takes its place.
    pub fn add_directory(&mut self, directory: &Path) -> std::io::Result<()> {
        let mut folders: Vec<_> = std::fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
        folders.sort_by_key(std::fs::DirEntry::file_name);
        for folder in folders
            .iter()
            .map(std::fs::DirEntry::path)
            .filter(|path| path.join("manifest.yaml").is_file())
        {
            let name = folder.display().to_string();
            self.add(&name, load::load_folder(&folder));
        }
        Ok(())
    }

    fn add(&mut self, folder: &str, loaded: Result<(Manifest, load::Sources), Vec<load::ManifestProblem>>) {
        let compiled = loaded.and_then(|(manifest, sources)| match self.compile(&manifest) {
            Ok(blueprint) => Ok((manifest, blueprint)),
            Err(problems) => Err(sources.locate(&problems)),
        });
        match compiled {
            Ok((manifest, blueprint)) => {
                let kind = Kind {
                    catalogue: self.catalogue.clone(),
                    blueprint: Arc::new(blueprint),
                    variants: Mutex::default(),
                    manifest,
                };
                self.kinds.insert(kind.manifest.id.clone(), Arc::new(kind));
            }
            Err(problems) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                tracing::error!(
                    connector.folder = folder,
                    problems = problems.len(),
                    "a connector has errors and is left out"
                );
                self.rejected.push(Rejected {
                    folder: folder.to_owned(),
                    problems,
                });
            }
        }
    }

    /// Compiles a connector, and each of its variants for the sake of their errors.
    fn compile(&self, manifest: &Manifest) -> Result<Blueprint, Vec<Problem>> {
        let blueprint = Blueprint::compile(manifest.clone(), self.catalogue.clone())?;
        for variant in manifest.each_variant().map_err(|problem| vec![problem])? {
            Blueprint::compile(variant, self.catalogue.clone())?;
        }
        Ok(blueprint)
    }

    /// Returns the unified model.
    #[must_use]
    pub const fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Finds a connector.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Kind>> {
        self.kinds.get(id).cloned()
    }

    /// Iterates over the connectors in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = Arc<Kind>> {
        self.kinds.values().cloned()
    }

    /// Returns the connectors that could not be loaded.
    #[must_use]
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }
}

impl Kind {
    /// Returns the plans for connections with these settings.
    ///
    /// # Errors
    /// When the variant of the manifest that the settings select does not compile.
    pub fn blueprint_for(&self, settings: &Map<String, Value>) -> Result<Arc<Blueprint>, String> {
        if self.manifest.variants.is_empty() {
            return Ok(self.blueprint.clone());
        }
        let deciding = self.manifest.variants.iter().flat_map(|variant| variant.when.keys());
        let key: Vec<String> = deciding
            .map(|name| settings.get(name).map(Value::to_string).unwrap_or_default())
            .collect();
        let mut variants = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(blueprint) = variants.get(&key) {
            return Ok(blueprint.clone());
        }
        let manifest = self
            .manifest
            .for_settings(settings)
            .map_err(|problem| problem.to_string())?;
        let blueprint = Blueprint::compile(manifest, self.catalogue.clone());
        let blueprint =
            blueprint.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let blueprint = Arc::new(blueprint);
        if variants.len() < MOST_VARIANTS {
            variants.insert(key, blueprint.clone());
        }
        Ok(blueprint)
    }
}
