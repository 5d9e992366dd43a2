//! Keeps the key ring of the embedded default in a file that only its owner can read.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{Error, KeyRing, new_entry};

/// Returns the ring in the file, after making a new one when there is no file.
pub(super) fn load_or_create(path: &Path) -> Result<KeyRing, Error> {
    let failed = |source| Error::File {
        path: path.display().to_string(),
        source,
    };
    if !path.try_exists().map_err(failed)? {
        create(path, &new_entry()?).map_err(failed)?;
    }
    refuse_readable_by_others(path)?;
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    let entries: Vec<SecretString> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Into::into)
        .collect();
    KeyRing::parse(&entries)
}

/// Writes the file beside its place and links it there: who looks sees no file or a whole one, and of two servers
/// that start at once, one wins.
fn create(path: &Path, entry: &SecretString) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let draft = draft_path(path);
    let written = write_draft(&draft, entry).and_then(|()| fs::hard_link(&draft, path));
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

fn write_draft(draft: &Path, entry: &SecretString) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(b"# The keys of the stored secrets. The first line seals, all lines open. Keep a copy.\n")?;
    file.write_all(entry.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_readable_by_others(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).map_err(|source| Error::File {
        path: path.display().to_string(),
        source,
    })?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(Error::FilePermissions(path.display().to_string()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_path: &Path) -> Result<(), Error> {
    Ok(())
}
