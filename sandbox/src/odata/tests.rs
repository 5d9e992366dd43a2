//! Tests of the dialects on a tiny service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::{Answer, Data, Flavour, Model, Problem, Request, Row, Service, answer};

const MODEL: &str = "
enum NoYes No,Yes
set Orders type Order key Number
  nav Lines many Lines Number=Order
  Number:A10 Name:S12 Amount:Dec Day:DateTime Changed:Instant Open:Bool Note:S? dataAreaId:S Done:E/NoYes Due:Noon Plain:Date
set Lines type Line key Order,Line
  nav Parent one Orders Order=Number
  Order:A10 Line:S5 Text:S40 Count:Int
";

fn service(flavour: Flavour) -> Service {
    let changed: DateTime<Utc> = "2026-10-20T08:00:00Z".parse().unwrap();
    let day = |day| NaiveDate::from_ymd_opt(2026, 10, day).unwrap();
    let orders = vec![
        Row::new()
            .with("Number", "2")
            .with("Name", "O'Brien & Sons")
            .with("Amount", Decimal::new(1250, 2))
            .with("Day", day(2))
            .with("Plain", day(2))
            .with("Due", day(2))
            .with("Changed", changed)
            .with("Open", true)
            .with("Done", "Yes")
            .with("dataAreaId", "USMF"),
        Row::new()
            .with("Number", "1")
            .with("Name", "Schäfer")
            .with("Amount", Decimal::from(3))
            .with("dataAreaId", "usmf"),
        Row::new()
            .with("Number", "X9")
            .with("Name", "Nordic")
            .with("dataAreaId", "dat"),
    ];
    let lines = vec![
        Row::new()
            .with("Order", "2")
            .with("Line", "20")
            .with("Text", "b")
            .with("Count", 2_u32),
        Row::new()
            .with("Order", "2")
            .with("Line", "10")
            .with("Text", "a")
            .with("Count", 1_u32),
        Row::new().with("Order", "1").with("Line", "10").with("Text", "c"),
    ];
    let data = Data::new(Model::parse(MODEL), flavour, vec![("Orders", orders), ("Lines", lines)]);
    Service {
        flavour,
        namespace: "Test".into(),
        data,
    }
}

fn read(flavour: Flavour, path: &str, options: &[(&str, &str)]) -> Result<Answer, Problem> {
    let request = Request {
        root: "http://host/root/".to_owned(),
        path: path.to_owned(),
        options: options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        page: None,
        json: true,
        decimals_as_text: false,
        company: None,
    };
    answer(&service(flavour), &request)
}

fn get(flavour: Flavour, path: &str, options: &[(&str, &str)]) -> Json {
    match read(flavour, path, options) {
        Ok(Answer::Json(json)) => json,
        other => panic!("no JSON but {other:?}"),
    }
}

/// Returns the numbers of the orders that fulfil a filter.
fn filtered(flavour: Flavour, filter: &str) -> Vec<String> {
    let found = get(flavour, "Orders", &[("$filter", filter)]);
    let rows = if flavour.is_v2() {
        &found["d"]["results"]
    } else {
        &found["value"]
    };
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row["Number"].as_str().unwrap().trim_start_matches('0').to_owned())
        .collect()
}

fn status(flavour: Flavour, filter: &str) -> u16 {
    read(flavour, "Orders", &[("$filter", filter)]).map_or_else(|problem| problem.status, |_| 200)
}

#[test]
fn version_2_filters_with_its_own_literals() {
    let v2 = Flavour::SapV2;
    assert_eq!(filtered(v2, "Name eq 'O''Brien & So'"), ["2"]);
    assert_eq!(filtered(v2, "Number eq '1' or (Number eq '0000000002')"), ["1", "2"]);
    assert_eq!(filtered(v2, "substringof('chäf',Name)"), ["1"]);
    assert_eq!(filtered(v2, "substringof('chäf',Name) eq true"), ["1"]);
    assert_eq!(filtered(v2, "not startswith(Name,'Sch') and Amount gt 0M"), ["2"]);
    assert_eq!(filtered(v2, "Day ge datetime'2026-10-02T00:00:00'"), ["2"]);
    assert_eq!(filtered(v2, "Changed gt datetimeoffset'2026-10-20T07:59:59Z'"), ["2"]);
    assert_eq!(filtered(v2, "Day eq null"), ["1", "X9"]);
    assert_eq!(filtered(v2, "Open"), ["2"]);
    assert_eq!(filtered(v2, "12.5 eq Amount"), ["2"]);
}

#[test]
fn version_4_filters_with_bare_literals_and_lambdas() {
    let v4 = Flavour::SapV4;
    assert_eq!(filtered(v4, "contains(Name,'Brien')"), ["2"]);
    assert_eq!(
        filtered(v4, "Plain ge 2026-10-02 and Changed lt 2026-11-01T00:00:00Z"),
        ["2"]
    );
    assert_eq!(filtered(v4, "Lines/any(l:l/Text eq 'c')"), ["1"]);
    assert_eq!(filtered(v4, "Lines/any() and Lines/all(l:l/Count gt 0)"), ["2"]);
}

#[test]
fn dynamics_knows_wildcards_and_enumerations_and_no_letter_case() {
    let ax = Flavour::Dynamics;
    assert_eq!(filtered(ax, "dataAreaId eq 'usmf'"), ["1", "2"]);
    assert_eq!(filtered(ax, "Name eq '*brien*'"), ["2"]);
    assert_eq!(filtered(ax, "Name ne 'n*'"), ["1", "2"]);
    assert_eq!(filtered(ax, "Done eq Test.NoYes'Yes'"), ["2"]);
    assert_eq!(filtered(ax, "Due eq 1900-01-01T12:00:00Z"), ["1", "X9"]);
    for wrong in [
        "Done eq 'Yes'",
        "Done gt Test.NoYes'Yes'",
        "Done eq Test.NoYes'Maybe'",
        "contains(Name,'x')",
    ] {
        assert_eq!(status(ax, wrong), 400, "{wrong}");
    }
}

#[test]
fn wrong_filters_are_bad_requests() {
    for flavour in [Flavour::SapV2, Flavour::SapV4, Flavour::Dynamics] {
        for wrong in [
            "Number in ('1','2')",
            "Nope eq 1",
            "Name eq",
            "Name eq 1",
            "Name eq 'x",
            "Name ~ 'x'",
            "Number",
            "((Open)",
        ] {
            assert_eq!(status(flavour, wrong), 400, "{wrong}");
        }
    }
    assert_eq!(status(Flavour::SapV2, "Day ge '2026-10-02'"), 400);
    assert_eq!(status(Flavour::SapV4, "Plain ge datetime'2026-10-02T00:00:00'"), 400);
    let deep = format!("{}Open{}", "(".repeat(200), ")".repeat(200));
    assert_eq!(status(Flavour::SapV2, &deep), 400);
}

#[test]
fn version_2_rows_carry_their_marks_and_forms() {
    let row = get(Flavour::SapV2, "Orders('2')", &[]);
    assert_eq!(
        row,
        json!({"d": {
            "__metadata": {
                "id": "http://host/root/Orders('0000000002')",
                "uri": "http://host/root/Orders('0000000002')",
                "type": "Test.Order",
                "etag": row["d"]["__metadata"]["etag"],
            },
            "Number": "0000000002",
            "Name": "O'Brien & So",
            "Amount": "12.5",
            "Day": "/Date(1790899200000)/",
            "Changed": "/Date(1792483200000+0000)/",
            "Open": true,
            "Note": null,
            "dataAreaId": "USMF",
            "Done": "Yes",
            "Due": "/Date(1790942400000+0000)/",
            "Plain": "2026-10-02",
            "Lines": {"__deferred": {"uri": "http://host/root/Orders('0000000002')/Lines"}},
        }})
    );
}

#[test]
fn version_2_selects_and_expands_by_path() {
    let options = [
        ("$expand", "Lines/Parent"),
        ("$select", "Number,Lines/Text,Lines/Parent/Name"),
        ("$filter", "Number eq '2'"),
    ];
    let found = get(Flavour::SapV2, "Orders", &options);
    let mut row = found["d"]["results"][0].clone();
    row.as_object_mut().unwrap().remove("__metadata");
    for line in row["Lines"]["results"].as_array_mut().unwrap() {
        line.as_object_mut().unwrap().remove("__metadata");
        line["Parent"].as_object_mut().unwrap().remove("__metadata");
    }
    let parent = json!({"Name": "O'Brien & So"});
    assert_eq!(
        row,
        json!({"Number": "0000000002", "Lines": {"results": [
            {"Text": "a", "Parent": parent},
            {"Text": "b", "Parent": parent},
        ]}})
    );
}

#[test]
fn version_4_expands_with_nested_options() {
    let expand = "Lines($select=Text;$filter=Count gt 0;$orderby=Line desc;$top=1;$expand=Parent($select=Name))";
    let found = get(
        Flavour::SapV4,
        "Orders('2')",
        &[("$expand", expand), ("$select", "Number")],
    );
    assert_eq!(found["@odata.context"], "../$metadata#Orders/$entity");
    assert_eq!(found["Lines"].as_array().unwrap().len(), 1);
    assert_eq!(found["Lines"][0]["Text"], "b");
    assert_eq!(found["Lines"][0]["Parent"]["Name"], "O'Brien & So");
    assert!(found.get("Name").is_none());
    let nested = read(Flavour::Dynamics, "Orders", &[("$expand", "Lines($select=Text)")]);
    assert_eq!(nested.unwrap_err().status, 400);
}

#[test]
fn pages_are_linked_and_counted() {
    let first = get(
        Flavour::SapV4,
        "Orders",
        &[("$orderby", "Name desc"), ("$count", "true"), ("$top", "2")],
    );
    assert_eq!(first["@odata.count"], 3);
    assert!(first.get("@odata.nextLink").is_none());
    assert_eq!(first["value"][0]["Name"], "Schäfer");
    let counted = get(
        Flavour::SapV2,
        "Orders",
        &[("$inlinecount", "allpages"), ("$skip", "2")],
    );
    assert_eq!(counted["d"]["__count"], "3");
    assert_eq!(counted["d"]["results"].as_array().unwrap().len(), 1);
    assert_eq!(
        read(Flavour::SapV2, "Orders/$count", &[("$filter", "Open")]).unwrap(),
        Answer::Text("1".to_owned())
    );
    let service = service(Flavour::Dynamics);
    let mut request = Request {
        root: "http://host/data/".to_owned(),
        path: "Orders".to_owned(),
        options: vec![("$filter".to_owned(), "Name ne 'a b'".to_owned())],
        page: Some(2),
        json: true,
        decimals_as_text: false,
        company: None,
    };
    let Ok(Answer::Json(page)) = answer(&service, &request) else {
        panic!("no page")
    };
    let next = page["@odata.nextLink"].as_str().unwrap();
    assert_eq!(
        next,
        "http://host/data/Orders?%24filter=Name%20ne%20%27a%20b%27&%24skiptoken=2"
    );
    request.options.push(("$skiptoken".to_owned(), "2".to_owned()));
    let Ok(Answer::Json(page)) = answer(&service, &request) else {
        panic!("no page")
    };
    assert_eq!(page["value"].as_array().unwrap().len(), 1);
    assert!(page.get("@odata.nextLink").is_none());
}

#[test]
fn a_company_hides_the_rows_of_the_others() {
    let request = Request {
        root: "http://host/data/".to_owned(),
        path: "Orders".to_owned(),
        options: Vec::new(),
        page: None,
        json: true,
        decimals_as_text: false,
        company: Some("usmf".to_owned()),
    };
    let service = service(Flavour::Dynamics);
    let Ok(Answer::Json(page)) = answer(&service, &request) else {
        panic!("no page")
    };
    assert_eq!(page["value"].as_array().unwrap().len(), 2);
    let hidden = Request {
        path: "Orders('X9')".to_owned(),
        ..request
    };
    assert_eq!(answer(&service, &hidden).unwrap_err().status, 404);
}

#[test]
fn paths_lead_through_keys_navigations_and_properties() {
    let v2 = Flavour::SapV2;
    assert_eq!(get(v2, "Lines(Line='10',Order='2')", &[])["d"]["Text"], "a");
    assert_eq!(
        get(v2, "Orders('2')/Lines", &[])["d"]["results"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        get(v2, "Orders('2')/Lines(Order='0000000002',Line='20')", &[])["d"]["Text"],
        "b"
    );
    assert_eq!(get(v2, "Orders('2')/Name", &[]), json!({"d": {"Name": "O'Brien & So"}}));
    assert_eq!(
        read(v2, "Orders('2')/Name/$value", &[]).unwrap(),
        Answer::Text("O'Brien & So".to_owned())
    );
    for (path, expected) in [
        ("Orders('7')", 404),
        ("Nope", 404),
        ("Orders('2')/Nope", 404),
        ("Lines('2')", 400),
        ("Orders(2)", 400),
    ] {
        assert_eq!(read(v2, path, &[]).unwrap_err().status, expected, "{path}");
    }
    for (name, value) in [
        ("$select", "Nope"),
        ("$expand", "Nope"),
        ("$orderby", "Nope"),
        ("$top", "x"),
        ("$search", "x"),
    ] {
        assert_eq!(read(v2, "Orders", &[(name, value)]).unwrap_err().status, 400, "{name}");
    }
}

#[test]
fn metadata_and_atom_are_written() {
    let Ok(Answer::Xml(v2)) = read(Flavour::SapV2, "$metadata", &[]) else {
        panic!("no metadata")
    };
    assert!(v2.contains("<Property Name=\"Number\" Type=\"Edm.String\" Nullable=\"false\" MaxLength=\"10\""));
    let Ok(Answer::Xml(v4)) = read(Flavour::Dynamics, "$metadata", &[]) else {
        panic!("no metadata")
    };
    assert!(v4.contains("<NavigationProperty Name=\"Lines\" Type=\"Collection(Test.Line)\"/>"));
    assert!(v4.contains("<Member Name=\"Yes\" Value=\"1\"/>"));
    let request = Request {
        root: "http://host/root/".to_owned(),
        path: "Orders".to_owned(),
        options: Vec::new(),
        page: None,
        json: false,
        decimals_as_text: false,
        company: None,
    };
    let Ok(Answer::Xml(feed)) = answer(&service(Flavour::SapV2), &request) else {
        panic!("no feed")
    };
    assert!(feed.contains("<d:Name>O'Brien &amp; So</d:Name>"));
}

#[test]
fn errors_have_the_form_of_their_flavour() {
    let problem = read(Flavour::SapV2, "Nope", &[]).unwrap_err();
    let body = problem.body(Flavour::SapV2, "Test");
    assert_eq!(
        body["error"]["message"]["value"],
        "Resource not found for the segment 'Nope'."
    );
    let problem = read(Flavour::Dynamics, "Orders", &[("$select", "Nope")]).unwrap_err();
    let message = "Could not find a property named 'Nope' on type 'Test.Order'.";
    assert_eq!(
        problem.body(Flavour::Dynamics, "Test")["error"]["innererror"]["message"],
        message
    );
}
