//! Keeps the key ring of the embedded default in a file that only its owner can read, and follows its changes.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{Error, Keys, new_entry, parse};

/// How often a running server looks whether the file was changed.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
const HEADING: &str = "# The keys of the stored secrets. The first line seals, all lines open. Keep a copy.\n";

/// The file that a ring came from.
pub(super) struct Source {
    path: PathBuf,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    stamp: Option<Stamp>,
}

/// What tells one version of a file from another. A new version is a new file, so its number differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

/// How soon to look again whether the file was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Now,
    NowAndThen,
}

impl Source {
    fn new(path: &Path, stamp: Option<Stamp>) -> Self {
        let seen = Seen {
            at: Instant::now(),
            stamp,
        };
        Self {
            path: path.to_owned(),
            seen: Mutex::new(seen),
        }
    }

    /// Returns the keys of the file if it was changed since they were last read.
    pub(super) fn changed(&self, look: Look) -> Option<Result<Keys, Error>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if look == Look::NowAndThen && seen.at.elapsed() < LOOKED_AT_EVERY {
            return None;
        }
        seen.at = Instant::now();
        // While the file is missing there is nothing to take over.
        let stamp = stamp(&self.path)?;
        if seen.stamp == Some(stamp) {
            return None;
        }
        seen.stamp = Some(stamp);
        Some(read(&self.path).and_then(|text| keys_of(&text)))
    }
}

/// Returns the keys in the file, after making a new one when there is no file.
pub(super) fn load_or_create(path: &Path) -> Result<(Keys, Source), Error> {
    let failed = failed(path);
    if !path.try_exists().map_err(&failed)? {
        create(path, &new_entry()?).map_err(&failed)?;
    }
    // Taken before reading: a change in between is then noticed later.
    let source = Source::new(path, stamp(path));
    Ok((keys_of(&read(path)?)?, source))
}

/// Puts a new key in front of a key file and returns its identifier. The file is replaced by a whole new one that is
/// safe on the disk, or stays as it is.
///
/// # Errors
/// When the file cannot be read or written, or is none.
pub fn rotate(path: &Path) -> Result<String, Error> {
    let _turn = turn(path);
    let text = read(path)?;
    keys_of(&text)?;
    let entry = new_entry()?;
    let id = id_of(entry.expose_secret()).to_owned();
    let mut next = Zeroizing::new(String::with_capacity(text.len() + entry.expose_secret().len() + 1));
    let mut is_placed = false;
    for line in text.lines() {
        if is_entry(line) && !is_placed {
            is_placed = true;
            next.push_str(entry.expose_secret());
            next.push('\n');
        }
        next.push_str(line);
        next.push('\n');
    }
    replace(path, &next)?;
    Ok(id)
}

/// Takes a key out of a key file that no longer seals. What it sealed cannot be opened any more.
///
/// # Errors
/// When it is the current key, the file does not have it, or the file cannot be written.
pub fn drop_key(path: &Path, id: &str) -> Result<(), Error> {
    let _turn = turn(path);
    let text = read(path)?;
    let keys = keys_of(&text)?;
    match keys.get_index_of(id) {
        None => return Err(Error::NoSuchKey(id.to_owned())),
        Some(0) => return Err(Error::CurrentKey(id.to_owned())),
        Some(_) => {}
    }
    let mut next = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.lines().filter(|line| !is_entry(line) || id_of(line.trim()) != id) {
        next.push_str(line);
        next.push('\n');
    }
    replace(path, &next)
}

fn is_entry(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn id_of(entry: &str) -> &str {
    entry.split(':').next().unwrap_or_default()
}

fn keys_of(text: &str) -> Result<Keys, Error> {
    let entries: Vec<SecretString> = text
        .lines()
        .filter(|line| is_entry(line))
        .map(str::trim)
        .map(Into::into)
        .collect();
    parse(&entries)
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    refuse_readable_by_others(path)?;
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::File {
        path: path.clone(),
        source,
    }
}

/// Makes other changes of the file wait. Where folders cannot be locked, two at once may lose one of the changes.
fn turn(path: &Path) -> Option<fs::File> {
    let folder = fs::File::open(folder_of(path)).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes the new file beside the old one, makes sure that it is on the disk, and only then puts it in its place.
fn replace(path: &Path, text: &str) -> Result<(), Error> {
    keys_of(text)?;
    // A link stays a link: what it leads to is replaced.
    let path = &fs::canonicalize(path).map_err(failed(path))?;
    let draft = draft_path(path);
    let written = write_draft(&draft, text.as_bytes()).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        drop(fs::remove_file(&draft));
    }
    written.map_err(failed(path))?;
    // The new name is on the disk once the folder is. Not every system can do that.
    if let Ok(folder) = fs::File::open(folder_of(path)) {
        drop(folder.sync_all());
    }
    Ok(())
}

/// Writes the file beside its place and links it there: who looks sees no file or a whole one, and of two servers
/// that start at once, one wins.
fn create(path: &Path, entry: &SecretString) -> io::Result<()> {
    fs::create_dir_all(folder_of(path))?;
    let draft = draft_path(path);
    let text = Zeroizing::new(format!("{HEADING}{}\n", entry.expose_secret()));
    let written = write_draft(&draft, text.as_bytes()).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written.and(removed),
    }
}

fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", uuid::Uuid::now_v7().simple()));
    path.with_file_name(name)
}

fn write_draft(draft: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(text)?;
    file.sync_all()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let number = 0;
    Some(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        number,
    })
}

#[cfg(unix)]
fn refuse_readable_by_others(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).map_err(failed(path))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Error::FilePermissions(path.display().to_string()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_path: &Path) -> Result<(), Error> {
    Ok(())
}
