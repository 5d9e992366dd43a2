//! The connectors of this server, by id. One with errors is left out and told; it never keeps the server from starting.

mod directory;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    num::NonZero,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    thread,
    time::Duration,
};

use lineshaft_connect::{
    blueprint::{Blueprint, Problem},
    manifest::{Manifest, load, trust},
};
use lineshaft_schema::Catalogue;
use serde_json::{Map, Value};

use crate::{Engine, lifecycle::Stop};

/// Most compiled variants that are kept for one connector.
const MOST_VARIANTS: usize = 64;

/// How directories of connectors are watched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Time between two looks; none when it is zero.
    pub look: Duration,
}

/// Looks again and again whether connectors in directories were changed.
pub(crate) async fn work(engine: Arc<Engine>, mut stop: Stop) {
    let look = engine.settings.registry.look;
    if look.is_zero() || !engine.registry.has_directories() {
        return stop.told().await;
    }
    while stop.wait(look).await {
        let registry = engine.registry.clone();
        // It reads files and compiles.
        let looked = tokio::task::spawn_blocking(move || registry.look_again()).await;
        if let Err(error) = looked {
            tracing::error!(%error, "looking for changed connectors broke off");
        }
    }
}

/// A kind of system that can be connected.
pub struct Kind {
    /// What its folder says.
    pub manifest: Manifest,
    /// The unified model that it was checked against.
    pub catalogue: Arc<Catalogue>,
    /// Its plans for connections without special settings.
    pub blueprint: Arc<Blueprint>,
    /// The files of its folder that tell where its facts come from.
    evidence: Vec<(String, String)>,
    trust: OnceLock<trust::Report>,
    variants: Mutex<HashMap<Vec<String>, Arc<Blueprint>>>,
}

/// A connector that could not be loaded.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Its folder.
    pub folder: String,
    /// The id of the connector, which is the name of its folder.
    pub id: String,
    /// What is wrong, one line each.
    pub problems: Vec<String>,
    /// The version that is in use instead, when the folder was good before it was changed.
    pub keeps: Option<String>,
}

/// The connectors of this server.
pub struct Registry {
    catalogue: Arc<Catalogue>,
    /// Those that are part of the program, and what is wrong with some of them.
    built_in: State,
    directories: Mutex<Vec<directory::Directory>>,
    /// All as they count now.
    state: RwLock<Arc<State>>,
}

#[derive(Clone, Default)]
struct State {
    kinds: BTreeMap<String, Arc<Kind>>,
    rejected: Vec<Rejected>,
}

type Loaded = Result<(Manifest, load::Sources), Vec<load::ManifestProblem>>;

impl Registry {
    /// Makes a registry without connectors.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self {
            catalogue,
            built_in: State::default(),
            directories: Mutex::default(),
            state: RwLock::default(),
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
        folders.retain(|_, files| files.iter().any(|(file, _)| *file == "manifest.yaml"));
        let kinds = at_once(folders.into_iter().collect(), |(folder, files)| {
            let is_evidence = |file: &str| file.starts_with("specs/") || file == trust::VERIFIED;
            let evidence = files.iter().filter(|(file, _)| is_evidence(file));
            let evidence = evidence.map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
            let evidence = evidence.collect();
            (folder, kind_of(&self.catalogue, load::load_files(files), evidence))
        });
        for (folder, kind) in kinds {
            match kind {
                Ok(kind) => drop(self.built_in.kinds.insert(kind.manifest.id.clone(), Arc::new(kind))),
                Err(problems) => self.built_in.rejected.push(rejected(folder, folder, problems, None)),
            }
        }
        self.lay(&self.directories.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds the connectors in the folders below a directory; one with the id of an earlier one takes its place.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn add_directory(&mut self, path: &Path) -> io::Result<()> {
        let directory = directory::Directory::read(path, &self.catalogue)?;
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        directories.push(directory);
        self.lay(&directories);
        Ok(())
    }

    /// Looks whether folders of the directories were changed, and takes up those that hold still since the last look. One
    /// that has errors now stays in use as it was. Blocks while it reads.
    pub fn look_again(&self) {
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = directories
            .iter_mut()
            .map(|directory| directory.look_again(&self.catalogue))
            .fold(false, |any, changed| any | changed);
        if changed {
            self.lay(&directories);
        }
    }

    /// Tells whether there are directories to watch.
    #[must_use]
    pub fn has_directories(&self) -> bool {
        !self
            .directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Lays the directories over the built-in connectors, in their order.
    fn lay(&self, directories: &[directory::Directory]) {
        let mut state = self.built_in.clone();
        for folder in directories.iter().flat_map(directory::Directory::folders) {
            if let Some(kind) = &folder.kind {
                state.kinds.insert(kind.manifest.id.clone(), kind.clone());
            }
            state.rejected.extend(folder.rejected.clone());
        }
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    fn state(&self) -> Arc<State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the unified model.
    #[must_use]
    pub const fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Finds a connector.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Kind>> {
        self.state().kinds.get(id).cloned()
    }

    /// Iterates over the connectors in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = Arc<Kind>> + use<> {
        let kinds: Vec<_> = self.state().kinds.values().cloned().collect();
        kinds.into_iter()
    }

    /// Returns the connectors that could not be loaded, and those that could not be loaded anew.
    #[must_use]
    pub fn rejected(&self) -> Vec<Rejected> {
        self.state().rejected.clone()
    }

    /// Returns what is wrong with the folder of a connector since it was changed; what it was before is in use.
    #[must_use]
    pub fn refused_change(&self, id: &str) -> Vec<String> {
        let state = self.state();
        let own = state.rejected.iter().filter(|one| one.id == id && one.keeps.is_some());
        own.flat_map(|one| one.problems.iter().cloned()).collect()
    }
}

/// Compiles what was loaded, and each of its variants for the sake of their errors.
fn kind_of(catalogue: &Arc<Catalogue>, loaded: Loaded, evidence: Vec<(String, String)>) -> Result<Kind, Vec<String>> {
    let told = |problems: Vec<load::ManifestProblem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (manifest, sources) = loaded.map_err(told)?;
    let blueprint = compile(catalogue, &manifest).map_err(|problems| told(sources.locate(&problems)))?;
    Ok(Kind {
        catalogue: catalogue.clone(),
        blueprint: Arc::new(blueprint),
        evidence,
        trust: OnceLock::new(),
        variants: Mutex::default(),
        manifest,
    })
}

/// Does the same with each thing, on as many threads as the machine has cores. What comes out has the order of what went in.
fn at_once<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(things.len());
    let (things, work) = (Mutex::new(things.into_iter().enumerate()), &work);
    let next = || things.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let run = || {
            std::iter::from_fn(next)
                .map(|(at, thing)| (at, work(thing)))
                .collect::<Vec<_>>()
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn compile(catalogue: &Arc<Catalogue>, manifest: &Manifest) -> Result<Blueprint, Vec<Problem>> {
    let blueprint = Blueprint::compile(manifest.clone(), catalogue.clone())?;
    for variant in manifest.each_variant().map_err(|problem| vec![problem])? {
        Blueprint::compile(variant, catalogue.clone())?;
    }
    Ok(blueprint)
}

/// Notes and logs that a folder is not taken up.
fn rejected(folder: &str, id: &str, problems: Vec<String>, keeps: Option<String>) -> Rejected {
    let first = problems.first().map_or("", String::as_str);
    match &keeps {
        None => tracing::error!(
            connector.folder = folder,
            problems = problems.len(),
            first,
            "a connector has errors and is left out"
        ),
        Some(version) => tracing::error!(
            connector.folder = folder,
            connector.version = version,
            problems = problems.len(),
            first,
            "a connector was changed and has errors now; it stays in use as it was"
        ),
    }
    Rejected {
        folder: folder.to_owned(),
        id: id.to_owned(),
        problems,
        keeps,
    }
}

impl Kind {
    /// Returns how far the connector and each of its types are to be trusted.
    pub fn trust(&self) -> &trust::Report {
        self.trust.get_or_init(|| {
            let files = self.evidence.iter().map(|(path, text)| (path.as_str(), text.as_str()));
            trust::report(&self.manifest, files)
        })
    }

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
