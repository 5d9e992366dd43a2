//! The example mapping of a connector that maps little or nothing by itself: a layer, saved for the connection of the trials
//! so that there is something to try.

use std::{fs, io::ErrorKind, path::Path};

use lineshaft_connect::{
    blueprint::Blueprint,
    manifest::overlay::{Overlay, OverlayProblem},
};
use serde_json::json;

use crate::Place;

/// The file in the folder of a connector.
const FILE: &str = "example-mapping.yaml";

const SAVE: &str = "mutation($input: SaveMappingInput!) {
    saveMapping(input: $input) { layer { version } problems { severity pointer line message } } }";

/// What of a simulated system is mapped for the trials, as a layer of one connection.
#[derive(Clone, Debug)]
pub struct Example {
    yaml: String,
    overlay: Overlay,
}

impl Example {
    /// Reads the example of a connector; none when its folder has none.
    ///
    /// # Errors
    /// Returns everything that does not fit the grammar, with lines.
    pub fn read(folder: &Path) -> Result<Option<Self>, Vec<String>> {
        let yaml = match fs::read_to_string(folder.join(FILE)) {
            Ok(yaml) => yaml,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(vec![format!("{FILE}: cannot be read: {error}")]),
        };
        match Overlay::from_yaml(&yaml) {
            Ok((overlay, _)) => Ok(Some(Self { yaml, overlay })),
            Err(problems) => Err(told(&problems)),
        }
    }

    /// Lays it over the mappings of its connector.
    ///
    /// # Errors
    /// Returns everything that does not fit the connector or the unified model, with lines.
    pub fn over(&self, blueprint: &Blueprint) -> Result<Blueprint, Vec<String>> {
        let (additions, mut problems) = self.overlay.additions(blueprint.catalogue());
        let (catalogue, _) = blueprint.catalogue().extended(&additions);
        let laid = blueprint.overlaid(&self.overlay, catalogue.into());
        problems.retain(OverlayProblem::is_error);
        match laid {
            Ok(blueprint) if problems.is_empty() => Ok(blueprint),
            laid => {
                problems.extend(laid.err().unwrap_or_default());
                if let Ok((_, lines)) = Overlay::from_yaml(&self.yaml) {
                    lines.fill(&mut problems);
                }
                Err(told(&problems))
            }
        }
    }

    /// Saves it for the connection of a place.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn save(&self, place: &dyn Place) -> Result<(), String> {
        let input = json!({
            "scope": { "connectionId": place.connection().to_string() },
            "expectedVersion": 0,
            "yaml": self.yaml,
            "acceptWarnings": true,
        });
        let answer = place.ask(SAVE, json!({ "input": input })).await;
        match answer.body.pointer("/data/saveMapping/layer/version") {
            Some(version) if version.is_number() => Ok(()),
            _ => Err(format!("{FILE} is refused: {}", answer.text)),
        }
    }
}

fn told(problems: &[OverlayProblem]) -> Vec<String> {
    let tell = |problem: &OverlayProblem| {
        let place = match problem.line {
            Some(line) => format!("{FILE}:{line}"),
            None => FILE.to_owned(),
        };
        let help = problem.help.as_ref().map(|help| format!(" ({help})"));
        format!(
            "{place}: {}: {}{}",
            problem.pointer,
            problem.message,
            help.unwrap_or_default()
        )
    };
    problems.iter().map(tell).collect()
}
