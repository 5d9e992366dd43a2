//! Embeds descriptions anew when one is added, changed or removed. Builds for development read them from the disk.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_DEBUG_ASSERTIONS").is_none() {
        println!("cargo::rerun-if-changed=../connectors");
    }
}
