//! Connectors of one's own: taken up while the server runs, kept as they were when a change is bad, and told about.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use lineshaft_sandbox::{
    System,
    fault::{Fault, Kind},
};
use serde_json::{Value, json};

use crate::{
    life::api::eventually,
    support::{Plant, Setup, connector_folder},
};

const SOON: Duration = Duration::from_secs(20);
const CONNECTOR: &str = "{ connector(id: \"limble\") { version problems } }";
const VENDORS: &str = "{ vendors(first: 1) { nodes { number name } } }";

/// A copy of a connector whose files a test may change.
struct Folder {
    directory: tempfile::TempDir,
    id: &'static str,
}

impl Folder {
    fn copy_of(id: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&connector_folder().join(id), &directory.path().join(id));
        Self { directory, id }
    }

    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.directory.path().join(self.id).join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    async fn serve(&self) -> Plant {
        let mut setup = Setup::only([System::Limble]).set("CONNECTORS__LOOK_MS", 20);
        setup.directories = vec![PathBuf::from(self.directory.path())];
        setup.start().await
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

async fn connector(plant: &Plant) -> Value {
    plant.query(CONNECTOR, json!({})).await.data()["connector"].clone()
}

async fn first_vendor(plant: &Plant) -> Value {
    plant.query(VENDORS, json!({})).await.data()["vendors"]["nodes"][0].clone()
}

async fn is_version(plant: &Plant, version: &str) -> Value {
    eventually(SOON, "the connector is taken up", || async {
        Some(connector(plant).await).filter(|found| found["version"] == version)
    })
    .await
}

/// Returns the version that the manifest of the connector has.
fn present(folder: &Folder) -> String {
    let manifest = fs::read_to_string(folder.directory.path().join(folder.id).join("manifest.yaml")).unwrap();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version: "))
        .unwrap();
    line.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_query_uses_the_changed_connector_and_one_under_way_ends_with_the_old() {
    let folder = Folder::copy_of("limble");
    let plant = folder.serve().await;
    let before = first_vendor(&plant).await;
    assert!(before["name"].is_string() && before["number"].is_null(), "{before}");
    plant
        .sandbox(System::Limble)
        .set_fault(Some(Fault::new(Kind::Latency { ms: 1500 })));
    let (under_way, ()) = tokio::join!(first_vendor(&plant), async {
        eventually(SOON, "the query is under way", || async {
            plant
                .sandbox(System::Limble)
                .calls()
                .iter()
                .any(|call| call.path.contains("vendors"))
                .then_some(())
        })
        .await;
        let version = present(&folder);
        folder.change("mappings/Vendor.yaml", "\nfields:\n", "\nfields:\n  number: name\n");
        folder.change("manifest.yaml", &format!("version: {version}"), "version: 99.0.1");
        is_version(&plant, "99.0.1").await;
        plant.sandbox(System::Limble).set_fault(None);
    });
    assert_eq!(under_way, before, "what was under way ends as it began");
    let after = first_vendor(&plant).await;
    assert_eq!((&after["name"], &after["number"]), (&before["name"], &before["name"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_change_keeps_the_last_good_version_and_is_told_with_its_place() {
    let folder = Folder::copy_of("limble");
    let plant = folder.serve().await;
    let before = first_vendor(&plant).await;
    let version = present(&folder);
    folder.change("mappings/Vendor.yaml", "\nfields:\n", "\nfields:\n  nummber: name\n");
    let told = eventually(SOON, "the problem is told", || async {
        Some(connector(&plant).await).filter(|found| found["problems"] != json!([]))
    })
    .await;
    assert_eq!(told["version"], version.as_str());
    let problem = told["problems"][0].as_str().unwrap();
    assert!(
        problem.starts_with("mappings/Vendor.yaml:") && problem.contains("nummber"),
        "{problem}"
    );
    assert_eq!(first_vendor(&plant).await, before);
    folder.change("mappings/Vendor.yaml", "\n  nummber: name\n", "\n");
    eventually(SOON, "the problem is gone", || async {
        (connector(&plant).await["problems"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_is_told_for_each_connector_and_type_with_its_reasons() {
    let plant = Setup::only([System::Limble, System::SapS4hana]).start().await;
    let text = "{ connectors { id trust entities { entity trust trustBecause } } }";
    let answer = plant.query(text, json!({})).await;
    let levels = ["DRAFT", "DOCUMENTED", "RECORDED", "VERIFIED"];
    let place = |value: &Value| levels.iter().position(|level| value == level).expect("a level");
    for connector in answer.data()["connectors"].as_array().unwrap() {
        let entities = connector["entities"].as_array().unwrap();
        let least = entities.iter().map(|entity| place(&entity["trust"])).min().unwrap();
        assert_eq!(place(&connector["trust"]), least, "{}", connector["id"]);
        for entity in entities {
            let because = entity["trustBecause"].as_array().unwrap();
            assert!(!because.is_empty(), "{} {}", connector["id"], entity["entity"]);
            if entity["trust"] == "DRAFT" {
                let words = ["is recalled", "no spec shows"];
                assert!(
                    because
                        .iter()
                        .all(|why| words.iter().any(|word| why.as_str().unwrap().contains(word))),
                    "{entity}"
                );
            }
        }
    }
}

#[test]
fn the_connector_of_the_tutorial_keeps_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("shopfloor");
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tutorial-connector.md")).unwrap();
    let blocks = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let mut files = 0;
    for block in blocks {
        let (name, _) = block.split_once('\n').unwrap();
        let path = own.join(
            name.strip_prefix("# ")
                .expect("a block begins with the name of its file"),
        );
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, block).unwrap();
        files += 1;
    }
    assert_eq!(files, 6);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lineshaft"))
        .args(["connector", "test"])
        .arg(&own)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = told.lines().last().unwrap();
    assert!(page.contains(last), "the page tells something else than `{last}`");
}
