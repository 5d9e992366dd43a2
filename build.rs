//! Builds the server again when an embedded file is added or removed (changed ones are noticed anyway), and makes one test
//! for each connector whose system a `sandbox.yaml` describes, so that a system more changes no file but its own.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    for folder in ["connectors", "console/playground/dist"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    let ids = described()?;
    let folder = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let tests = |says: &str, run: &str| ids.iter().map(|id| test_of(id, says, run)).collect::<String>();
    fs::write(
        folder.join("described_systems.rs"),
        tests("keeps_what_its_connector_says", "run_described"),
    )?;
    fs::write(
        folder.join("described_writes.rs"),
        tests("takes_what_its_connector_writes", "everything_described"),
    )
}

/// Returns the ids of the connectors whose systems are described, in their order.
fn described() -> io::Result<Vec<String>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(Path::new("connectors"))? {
        let entry = entry?;
        if entry.path().join("sandbox.yaml").is_file() {
            ids.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    ids.sort();
    Ok(ids)
}

fn test_of(id: &str, says: &str, run: &str) -> String {
    let name = id.replace('-', "_");
    format!(
        "#[tokio::test(flavor = \"multi_thread\", worker_threads = 2)]\n\
         async fn the_system_{name}_{says}() {{\n    {run}({id:?}).await;\n}}\n"
    )
}
