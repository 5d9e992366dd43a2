//! Makes the folder of a new connector: a manifest, one mapping, one spec, a simulated system and a README, which pass
//! `connector check` and `connector test`.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, bail};

use crate::output::Output;

const FILES: [(&str, &str); 5] = [
    ("manifest.yaml", include_str!("template/manifest.yaml")),
    ("mappings/Vendor.yaml", include_str!("template/Vendor.yaml")),
    ("specs/vendor.yaml", include_str!("template/spec.yaml")),
    ("sandbox.yaml", include_str!("template/sandbox.yaml")),
    ("README.md", include_str!("template/README.md")),
];

/// Makes the folder.
pub(super) fn make(id: &str, directory: &Path, out: &mut Output) -> anyhow::Result<ExitCode> {
    if !is_id(id) {
        bail!("`{id}` is not an id: lower-case letters, digits and inner hyphens, such as acme-erp");
    }
    let folder = directory.join(id);
    if folder.exists() {
        bail!("`{}` is there already", folder.display());
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).with_context(|| format!("`{}` cannot be made", parent.display()))?;
        let text = text.replace("CONNECTOR_ID", id).replace("CONNECTOR_NAME", &title(id));
        fs::write(&path, text).with_context(|| format!("`{}` cannot be written", path.display()))?;
        out.line(&format!("made  {}", path.display()))?;
    }
    out.line("")?;
    out.line(&format!(
        "Next: describe the system in manifest.yaml, then `lineshaft connector check {0}` and `lineshaft connector test {0}`.",
        folder.display()
    ))?;
    out.line("Editors complete the files with `lineshaft connector schema manifest` and `… mapping`.")?;
    Ok(ExitCode::SUCCESS)
}

fn is_id(id: &str) -> bool {
    let is_plain = id
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_plain && (1..=63).contains(&id.len()) && !id.starts_with('-') && !id.ends_with('-')
}

/// Returns the id as a name: `acme-erp` becomes `Acme Erp`.
fn title(id: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    id.split('-').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn a_new_connector_passes_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let sink = || Output::to(std::io::sink());
        make("acme-erp", folder.path(), &mut sink()).unwrap();
        let code = super::super::check::check(&folder.path().join("acme-erp"), &mut sink()).unwrap();
        assert_eq!(code, ExitCode::SUCCESS);
        let again = make("acme-erp", folder.path(), &mut sink()).unwrap_err();
        assert!(again.to_string().ends_with("is there already"));
    }

    #[test]
    fn ids_are_plain() {
        for id in ["", "-a", "a-", "A", "a/b", "..", "a b"] {
            assert!(
                make(id, Path::new("nowhere"), &mut Output::to(std::io::sink())).is_err(),
                "{id}"
            );
        }
        assert_eq!(title("acme-erp"), "Acme Erp");
    }
}
