//! A directory of connectors: what its folders held when they were last good, and whether they were changed since.
//!
//! Folders are looked at again and again instead of being watched through the operating system: changes of files behind
//! the mounts of containers and on network drives are not told there, and a look takes a few calls for each folder.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use lineshaft_connect::manifest::load;
use lineshaft_schema::Catalogue;

use super::{Kind, Rejected, at_once, kind_of, rejected};

/// The parts of a connector's folder that hold files.
const PARTS: [&str; 3] = ["", "mappings", "specs"];

/// The files of a folder as a look finds them: path, length, time of the last change.
type Look = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// A directory of connectors.
pub(super) struct Directory {
    path: PathBuf,
    folders: BTreeMap<PathBuf, Folder>,
    /// Whether the last look failed, so that it is told once.
    unreadable: bool,
}

/// The folder of a connector.
#[derive(Default)]
pub(super) struct Folder {
    /// The connector as it was when it was last good.
    pub(super) kind: Option<Arc<Kind>>,
    /// What is wrong with it now.
    pub(super) rejected: Option<Rejected>,
    /// What was taken up last.
    taken: Look,
    /// What the last look found, where it differs from that.
    seen: Option<Look>,
}

impl Directory {
    /// Reads all folders of a directory that have a manifest.
    pub(super) fn read(path: &Path, catalogue: &Arc<Catalogue>) -> io::Result<Self> {
        let mut directory = Self {
            path: path.to_owned(),
            folders: BTreeMap::new(),
            unreadable: false,
        };
        let folders = at_once(connectors_in(path)?, |path| {
            let mut folder = Folder::default();
            folder.take(&path, look(&path), catalogue);
            (path, folder)
        });
        directory.folders.extend(folders);
        Ok(directory)
    }

    /// Returns its folders in the order of their names.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Folder> {
        self.folders.values()
    }

    /// Takes up the folders that were changed and hold still since the last look. Tells whether any did.
    pub(super) fn look_again(&mut self, catalogue: &Arc<Catalogue>) -> bool {
        let found = match connectors_in(&self.path) {
            Ok(found) => found,
            Err(error) => {
                if !self.unreadable {
                    let directory = self.path.display();
                    tracing::error!(%directory, %error, "a directory of connectors cannot be read; they stay as they are");
                }
                self.unreadable = true;
                return false;
            }
        };
        self.unreadable = false;
        for path in &found {
            self.folders.entry(path.clone()).or_default();
        }
        let mut changed = false;
        self.folders.retain(|path, folder| {
            let now = if found.contains(path) { look(path) } else { Look::new() };
            if now == folder.taken && !now.is_empty() {
                folder.seen = None;
                return true;
            }
            // Whoever writes several files, or one in pieces, is not done yet.
            if folder.seen.as_ref() != Some(&now) {
                folder.seen = Some(now);
                return true;
            }
            folder.seen = None;
            changed = true;
            if now.is_empty() {
                tracing::info!(connector.folder = %path.display(), "a connector was removed");
                return false;
            }
            folder.take(path, now, catalogue);
            true
        });
        changed
    }
}

impl Folder {
    /// Loads the connector, or keeps it as it was when it has errors now.
    fn take(&mut self, path: &Path, taken: Look, catalogue: &Arc<Catalogue>) {
        let is_first = self.taken.is_empty();
        self.taken = taken;
        let told = |problems: Vec<load::ManifestProblem>| problems.iter().map(ToString::to_string).collect();
        let loaded = load::evidence(path)
            .map_err(told)
            .and_then(|evidence| kind_of(catalogue, load::load_folder(path), evidence));
        match loaded {
            Ok(kind) => {
                if !is_first {
                    let version = &kind.manifest.version;
                    tracing::info!(
                        connector.name = kind.manifest.id,
                        connector.version = version,
                        "a connector was taken up anew"
                    );
                }
                self.kind = Some(Arc::new(kind));
                self.rejected = None;
            }
            Err(problems) => {
                let id = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                let keeps = self.kind.as_ref().map(|kind| kind.manifest.version.clone());
                self.rejected = Some(rejected(&path.display().to_string(), &id, problems, keeps));
            }
        }
    }
}

/// Returns the folders below a directory that have a manifest, in the order of their names.
fn connectors_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.join("manifest.yaml").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// Looks at the YAML files of a folder, behind links too.
fn look(folder: &Path) -> Look {
    let mut files = Look::new();
    for part in PARTS {
        let Ok(entries) = fs::read_dir(folder.join(part)) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_yaml = path
                .extension()
                .is_some_and(|ending| ending == "yaml" || ending == "yml");
            if let Some(found) = is_yaml.then(|| fs::metadata(&path).ok()).flatten() {
                files.push((path, found.len(), found.modified().ok()));
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests;
