//! Generated pages: prints them, or compares them with what is in the repository.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::Context as _;

use crate::output::{Output, Style};

/// Compares a generated text with a file. Where they part is told by line.
pub(super) fn compare(path: &Path, generated: &str, command: &str, out: &mut Output) -> anyhow::Result<ExitCode> {
    let committed = std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    match first_difference(&committed, generated) {
        None => {
            out.line(&format!("{} is up to date.", path.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        Some((line, committed, generated)) => {
            let told = out.styled(
                Style::Bad,
                &format!(
                    "{} differs from what `{command}` prints, first in line {line}:",
                    path.display()
                ),
            );
            out.line(&told)?;
            out.line(&format!("  file       {committed}"))?;
            out.line(&format!("  generated  {generated}"))?;
            out.line(&format!("Write it anew with `{command} > {}`.", path.display()))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Writes all pages of a manual into a folder.
pub(super) fn write_all(folder: &Path, pages: &BTreeMap<String, String>, out: &mut Output) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(folder).with_context(|| format!("`{}` cannot be made", folder.display()))?;
    for (name, text) in pages {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("`{}` cannot be written", path.display()))?;
    }
    out.line(&format!("Wrote {} pages to {}.", pages.len(), folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Compares all pages of a manual with those in a folder: none is missing, differs or is left over.
pub(super) fn compare_all(
    folder: &Path,
    pages: &BTreeMap<String, String>,
    command: &str,
    out: &mut Output,
) -> anyhow::Result<ExitCode> {
    let mut wrong = Vec::new();
    for (name, text) in pages {
        let path = folder.join(name);
        if !path.is_file() {
            wrong.push(format!("{} is missing", path.display()));
        } else if compare(&path, text, command, &mut Output::to(std::io::sink()))? != ExitCode::SUCCESS {
            wrong.push(format!("{} differs", path.display()));
        }
    }
    let present = std::fs::read_dir(folder).with_context(|| format!("`{}` cannot be read", folder.display()))?;
    for entry in present.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") && !pages.contains_key(&name) {
            wrong.push(format!("{} is left over", entry.path().display()));
        }
    }
    if wrong.is_empty() {
        out.line(&format!("{} is up to date.", folder.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in &wrong {
        out.line(line)?;
    }
    out.line(&format!(
        "Write the pages anew with `{command} --write {}`.",
        folder.display()
    ))?;
    Ok(ExitCode::FAILURE)
}

fn first_difference<'a>(committed: &'a str, generated: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let (mut left, mut right) = (committed.lines(), generated.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (left.next(), right.next()) {
            (None, None) => return None,
            (left, right) if left != right => return Some((number, left.unwrap_or("(end)"), right.unwrap_or("(end)"))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told_by_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some((2, "b", "c")));
        assert_eq!(first_difference("a\n", "a\nc\n"), Some((2, "(end)", "c")));
    }
}
