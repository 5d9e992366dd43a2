//! Builds the server again when an embedded file is added or removed; changed ones are noticed anyway.

fn main() {
    for folder in ["connectors", "console/playground/dist"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
