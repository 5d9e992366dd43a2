//! Good folders load; ugly ones tell everything at once, with lines.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::json;

use super::*;

const MANIFEST: &str = r#"manifest: 1
id: demo
version: "0.1.0"
name: Demo
description: A system for tests.
categories: [erp]
tier: 1
deployments: [cloud]
settings:
  base_url: {type: url, label: Address, required: true}
  api: {type: choice, label: API version, default: v1, choices: [v1, v2]}
auth:
  - id: key
    label: Key
    credentials: {key: {label: Key}}
    kind: {headers: {headers: {authorization: "Bearer {{credentials.key}}"}}}
http: {base_url: "{{settings.base_url}}"}
probe: {request: {path: /me}}
protocol: json_rest
list:
  request: {path: "/{{resource.remote}}", query: {page: "{{page}}"}}
  paging: {page: {first: 1}}
variants:
  - when: {api: v2}
    patch: {list: {paging: {page: null, offset: {}}, page_size: 10}, resources: {Vendor: {fields: {name: title}}}}
"#;

const VENDOR: &str = "remote: vendors\nkey: id\nfields:\n  name: name\n  status: {path: active, as: {enum: {true: ACTIVE, false: INACTIVE}}}\n";

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    load_files(files.iter().copied())
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_connector_loads_from_its_files() {
    let files = [
        ("manifest.yaml", MANIFEST),
        ("mappings/Vendor.yaml", VENDOR),
        ("README.md", "# x"),
        ("sandbox/x.yaml", ": :"),
    ];
    let (manifest, _) = load_files(files).unwrap();
    assert_eq!(manifest.id, "demo");
    assert_eq!(manifest.resources["Vendor"].remote, "vendors");
    let base = manifest.for_settings(&Map::new()).unwrap();
    assert_eq!(base.list.as_ref().unwrap().page_size, None);
    let second = manifest
        .for_settings(json!({"api": "v2"}).as_object().unwrap())
        .unwrap();
    let list = second.list.as_ref().unwrap();
    assert_eq!(list.page_size, Some(10));
    assert!(
        matches!(list.paging, Some(super::super::Paging::Offset { first: 0, .. })),
        "{:?}",
        list.paging
    );
    assert!(list.request.is_some(), "what the patch does not name stays");
    assert_eq!(second.resources["Vendor"].fields.len(), 2);
    assert_eq!(manifest.each_variant().unwrap().len(), 1);
}

#[test]
fn an_ugly_manifest_tells_everything_at_once() {
    let manifest = r#"manifest: 1
id: demo
versoin: "0.1.0"
name: Demo
description: A system for tests.
categories: [erp, cms]
tier: 300
deployments: cloud
settings:
  base_url: {type: uri, label: Address}
auth:
  - id: key
    label: Key
    credentials: {}
    kind: {haeders: {}}
  - id: both
    label: Both
    credentials: {}
    kind:
      basic: {username: a}
      headers: {headers: {}}
http: {base_url: "x", timeout_ms: fast}
protocol: odata_v5
list: {paging: ofset}
"#;
    let mapping = "remote: vendors\nfields:\n  name: {pth: name}\n  code: {path: code, as: {enm: {}}}\n  number: {path: 1, as: leading_zeros}\n  since: {path: s, as: {unix: {unit: h}}}\n  other: {path: o, as: {decimal: {}}}\n";
    let told = problems(&[("mappings/Vendor.yaml", mapping), ("manifest.yaml", manifest)]);
    let expected = [
        "manifest.yaml:1:1: `version` is missing",
        "manifest.yaml:1:1: `probe` is missing",
        "manifest.yaml:3:1: versoin: unknown key `versoin`, did you mean `version`?",
        "manifest.yaml:6:19: categories.1: unknown word `cms`",
        "manifest.yaml:7:7: tier: 300 is out of range",
        "manifest.yaml:8:14: deployments: expected a list, found the text `cloud`",
        "manifest.yaml:10:20: settings.base_url.type: unknown word `uri`, did you mean `url`?",
        "manifest.yaml:15:12: auth.0.kind.haeders: unknown word `haeders`, did you mean `headers`?",
        "manifest.yaml:19:5: auth.1.kind: `basic` and `headers` exclude each other",
        "manifest.yaml:20:7: auth.1.kind.basic: `password` is missing",
        "manifest.yaml:22:35: http.timeout_ms: expected a whole number, found the text `fast`",
        "manifest.yaml:23:11: protocol: unknown word `odata_v5`, did you mean",
        "manifest.yaml:24:16: list.paging: unknown word `ofset`, did you mean `offset`?",
        "mappings/Vendor.yaml:1:1: `key` is missing",
        "mappings/Vendor.yaml:3:10: fields.name.pth: unknown key `pth`, did you mean `path`?",
        "mappings/Vendor.yaml:4:27: fields.code.as.enm: unknown word `enm`, did you mean `enum`?",
        "mappings/Vendor.yaml:5:18: fields.number.path: expected a list or text, found the number 1 (put it in quotes)",
        "mappings/Vendor.yaml:5:25: fields.number.as: `leading_zeros` needs a value",
        "mappings/Vendor.yaml:6:38: fields.since.as.unix.unit: unknown word `h`",
        "mappings/Vendor.yaml:7:25: fields.other.as.decimal: `decimal` stands alone",
    ];
    for expected in expected {
        assert!(
            told.iter().any(|told| told.starts_with(expected)),
            "missing {expected:?} in {told:#?}"
        );
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    let sorted = told.iter().position(|told| told.starts_with("mappings/")).unwrap();
    assert!(
        told[..sorted].iter().all(|told| told.starts_with("manifest.yaml")),
        "the manifest comes first"
    );
}

#[test]
fn errors_of_syntax_do_not_hide_other_files() {
    let told = problems(&[
        ("manifest.yaml", "manifest: 1\nid: [\n"),
        ("mappings/Vendor.yaml", "remote: a\nremote: b\nkey: id\nfields: {}\n"),
        ("mappings/User.yaml", ""),
    ]);
    assert!(
        told.iter()
            .any(|told| told.starts_with("manifest.yaml:") && told.contains("not YAML")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|told| told.starts_with("mappings/Vendor.yaml:2:1: `remote` stands twice")),
        "{told:#?}"
    );
    assert!(
        told.iter().any(|told| told.starts_with("mappings/User.yaml")),
        "{told:#?}"
    );
    assert!(problems(&[("mappings/Vendor.yaml", VENDOR)])[0].contains("there is no manifest"));
}

#[test]
fn variants_are_checked_when_they_are_laid_on() {
    let manifest = MANIFEST
        .replace("when: {api: v2}", "when: {apii: v2}")
        .replace("page_size: 10", "page_size: ten");
    let told = problems(&[("manifest.yaml", &manifest), ("mappings/Vendor.yaml", VENDOR)]);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].starts_with("manifest.yaml:24:18: variants.0.when.apii: unknown setting `apii`"),
        "{told:#?}"
    );
    assert!(told[1].starts_with("manifest.yaml:25:"), "{told:#?}");
    assert!(told[1].contains("page_size: expected a whole number"), "{told:#?}");
}

#[test]
fn problems_found_later_are_located_in_their_file() {
    let (_, sources) = load_files([("manifest.yaml", MANIFEST), ("mappings/Vendor.yaml", VENDOR)]).unwrap();
    let located = sources.locate(&[
        Problem::new("/resources/Vendor/fields/status/as/enum", "x").with_help("y"),
        Problem::new("/resources/Vendor/fields/status/filter", "there is none"),
        Problem::new("/auth/0/kind", "z"),
    ]);
    let told: Vec<_> = located.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "manifest.yaml:16:5: auth.0.kind: z",
            "mappings/Vendor.yaml:5:3: fields.status.filter: there is none",
            "mappings/Vendor.yaml:5:31: fields.status.as.enum: x (y)",
        ]
    );
}

#[test]
fn specs_keep_the_digits_of_their_rows() {
    let yaml = "type: Vendor\nabout: a\nrow: {a: 1.10, b: {\"c\": [true, ~]}}\nexpect: {}\n---\ntype: Vendor\nabout: b\nrow: '{\"a\": 12345678901234567890.10}'\nexpect: {name: x}\n";
    let specs = specs_of_files([("specs/vendor.yaml", yaml), ("manifest.yaml", ":")]).unwrap();
    let row = |spec: &Spec| match &spec.shows {
        Shows::Row { row, .. } => row.to_string(),
        Shows::Exchange(_) => panic!("not a row"),
    };
    assert_eq!(row(&specs[0]), r#"{"a":1.10,"b":{"c":[true,null]}}"#);
    assert_eq!(row(&specs[1]), r#"{"a":12345678901234567890.10}"#);
    let wrong = specs_of_files([(
        "specs/vendor.yaml",
        "type: Vendor\nabout: a\nrows: {}\nexpect: []\nrow: '{'\n",
    )])
    .unwrap_err();
    assert_eq!(wrong.len(), 2, "{wrong:#?}");
    let wrong = specs_of_files([("specs/vendor.yaml", "type: Vendor\nabout: a\nexpect: {}\nrow: '{'\n")]).unwrap_err();
    assert_eq!(wrong[0].line, 4);
}

#[test]
fn the_schemas_describe_every_key() {
    for schema in [manifest_schema(), mapping_schema(), &spec_schema()] {
        let properties = schema["properties"].as_object().unwrap();
        assert!(
            properties
                .values()
                .all(|property| property.get("description").is_some()),
            "{properties:?}"
        );
    }
}

#[test]
fn a_described_language_loads_and_its_faults_are_located() {
    let language = "language:\n  text:\n    and: {around: '<and>{parts}</and>'}\n    or: ' OR '\n    quote: {sign: '', escape: xml}\n    compare: {eq: '{name}={value}'}\n    in: '{name} IN ({values})'\n    literals: {boolean: [T, F], datetime: {unix: ms}}\n";
    let good = format!("{MANIFEST}{language}");
    load_files([("manifest.yaml", good.as_str()), ("mappings/Vendor.yaml", VENDOR)]).unwrap();
    let tree = format!(
        "{VENDOR}language: {{json: {{top: '{{parts}}', compare: {{eq: ['{{name}}', '=', '{{value}}']}}, order: ['{{name}}']}}}}\n"
    );
    load_files([("manifest.yaml", MANIFEST), ("mappings/Vendor.yaml", tree.as_str())]).unwrap();
    let bad = good
        .replace("escape: xml", "escape: xlm")
        .replace("compare: {eq:", "compare: {eqq:");
    let told = problems(&[("manifest.yaml", bad.as_str()), ("mappings/Vendor.yaml", VENDOR)]);
    assert!(
        told.iter()
            .any(|told| told.contains("language.text.quote.escape: unknown word `xlm`")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|told| told.contains("language.text.compare.eqq: unknown key `eqq`, did you mean `eq`?")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .all(|told| told.starts_with("manifest.yaml:") && !told.starts_with("manifest.yaml:0")),
        "{told:#?}"
    );
    let (manifest, sources) = load_files([
        (
            "manifest.yaml",
            good.replace("{name}={value}", "{nam}={value}").as_str(),
        ),
        ("mappings/Vendor.yaml", VENDOR),
    ])
    .unwrap();
    let catalogue = lineshaft_schema::Catalogue::unified().unwrap();
    let problems = crate::blueprint::Blueprint::compile(manifest, catalogue).unwrap_err();
    let located: Vec<String> = sources.locate(&problems).iter().map(ToString::to_string).collect();
    let line = good.lines().position(|line| line.contains("compare:")).unwrap() + 1;
    let wanted = format!("manifest.yaml:{line}:19: language.text.compare.eq: does not have `{{name}}`");
    assert!(located.iter().any(|told| told.starts_with(&wanted)), "{located:#?}");
}
