//! Every codec both ways, exact numbers, and clocks that jump.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod write;

use std::sync::Arc;

use chrono::{TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use lineshaft_schema::{Catalogue, FieldDef};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::*;
use crate::manifest::Codec;

const SDL: &str = r#"
"""x""" type Thing { text: String url: URL currency: CurrencyCode country: CountryCode duration: Duration number: Int flag: Boolean amount: Decimal
  day: Date at: DateTime any: JSON state: State owner: Other texts: [String!] states: [State!] }
"""x""" type Other @entity(plural: "others") { id: ID! }
"""x""" enum State { OPEN CLOSED UNKNOWN }
"#;

fn catalogue() -> Arc<Catalogue> {
    Arc::new(Catalogue::parse(&[("test", SDL)]).unwrap())
}

fn field<'a>(catalogue: &'a Catalogue, name: &str) -> &'a FieldDef {
    catalogue.type_named("Thing").unwrap().field(name).unwrap()
}

fn compile(name: &str, codec: Json, empty: &[Json], default: Option<Json>) -> Result<CompiledCodec, String> {
    let catalogue = catalogue();
    let codec: Option<Codec> = serde_json::from_value(codec).unwrap();
    CompiledCodec::for_field(
        field(&catalogue, name),
        codec.as_ref(),
        &catalogue,
        empty,
        default.as_ref(),
    )
}

fn codec(name: &str, codec: Json) -> CompiledCodec {
    compile(name, codec, &[], None).unwrap()
}

fn decode(codec: &CompiledCodec, raw: &str) -> Result<Json, String> {
    codec
        .decode(&json::parse_text(raw).unwrap())
        .map(|value| shown(&value, &catalogue()))
}

/// Reads a raw value and returns it as the API shows it.
fn read(name: &str, kind: Json, raw: &str) -> Json {
    decode(&codec(name, kind), raw).unwrap()
}

fn raw_of(literal: &Literal) -> json::Value<'static> {
    let text = match literal {
        Literal::Null => "null".to_owned(),
        Literal::Text(text) => Json::from(text.as_str()).to_string(),
        Literal::Number(number) => number.clone(),
        Literal::Boolean(value) => value.to_string(),
        Literal::Date(date) => format!("\"{date}\""),
        Literal::DateTime(moment) => format!("\"{}\"", moment.to_rfc3339()),
        Literal::LocalDateTime(local) => format!("\"{}\"", local.format("%Y-%m-%dT%H:%M:%S%.f")),
    };
    json::parse_text(&text).unwrap().into_owned()
}

/// Writes a value; every literal must be read as the same value again.
fn round_trip(codec: &CompiledCodec, value: &Value) -> Result<(), TestCaseError> {
    if let Ok(literals) = codec.encode(value) {
        for literal in literals {
            let again = codec.decode(&raw_of(&literal));
            prop_assert_eq!(again.as_ref(), Ok(value), "through {:?}", literal);
        }
    }
    Ok(())
}

#[test]
fn text_is_read_in_every_form() {
    assert_eq!(read("text", json!(null), r#""a ""#), json!("a "));
    assert_eq!(read("text", json!(null), "12.50"), json!("12.50"));
    assert_eq!(read("text", json!(null), "true"), json!("true"));
    assert_eq!(read("text", json!(null), "false"), Json::Null);
    assert_eq!(read("text", json!("string"), "false"), json!("false"));
    assert_eq!(read("text", json!(null), r#""""#), Json::Null);
    assert_eq!(read("text", json!("trimmed"), r#""a  ""#), json!("a"));
    assert_eq!(read("text", json!("trimmed"), r#""   ""#), Json::Null);
    assert_eq!(
        read("text", json!({"leading_zeros": {"width": 10}}), r#""0000004711""#),
        json!("4711")
    );
    assert_eq!(
        read("text", json!({"leading_zeros": {"width": 10}}), r#""0000""#),
        json!("0")
    );
    assert_eq!(
        read("text", json!({"leading_zeros": {"width": 10}}), r#""00A1""#),
        json!("00A1")
    );
    assert_eq!(
        read("text", json!({"join": {"separator": ", "}}), r#"["a",null,1]"#),
        json!("a, 1")
    );
    assert_eq!(
        read("url", json!(null), r#""https://a.example/x""#),
        json!("https://a.example/x")
    );
    assert!(decode(&codec("url", json!(null)), r#""/x""#).is_err());
    assert_eq!(read("currency", json!(null), r#""eur""#), json!("EUR"));
    assert!(decode(&codec("currency", json!(null)), r#""€""#).is_err());
    assert_eq!(read("country", json!(null), r#""Germany""#), Json::Null);
    assert!(decode(&codec("text", json!(null)), "[1]").is_err());
    assert!(decode(&codec("text", json!(null)), "{}").is_err());
}

#[test]
fn html_becomes_the_text_that_people_see() {
    let html = r#""<p>Pump <b>4&nbsp;bar</b> &lt;old&gt;</p><style>p{}</style><ul><li>one</li><li>two&#33;</li></ul>a < b<br/>c & d<!-- x -->""#;
    assert_eq!(
        read("text", json!("html_text"), html),
        json!("Pump 4 bar <old>\n- one\n- two!\na < b\nc & d")
    );
    assert_eq!(read("text", json!("html_text"), r#""<p> </p>""#), Json::Null);
}

#[test]
fn numbers_are_exact() {
    assert_eq!(read("amount", json!(null), "1249.50"), json!("1249.50"));
    assert_eq!(read("amount", json!(null), r#"" 0.1 ""#), json!("0.1"));
    assert_eq!(
        read("amount", json!(null), r#"{"__class__":"Decimal","decimal":"3.10"}"#),
        json!("3.10")
    );
    assert_eq!(
        read("amount", json!({"scaled": {"factor": "0.01"}}), "124950"),
        json!("1249.50")
    );
    assert_eq!(read("number", json!(null), r#""42""#), json!(42));
    assert_eq!(read("number", json!(null), "42.0"), json!(42));
    assert_eq!(read("number", json!({"scaled": {"factor": "60"}}), "1.5"), json!(90));
    for raw in ["1.5", r#""x""#, "true", "99999999999999999999"] {
        assert!(decode(&codec("number", json!(null)), raw).is_err(), "{raw}");
    }
    assert!(decode(&codec("amount", json!(null)), "true").is_err());
}

#[test]
fn truth_is_read_by_tables_or_by_habit() {
    for (raw, value) in [("true", true), ("0", false), (r#""TRUE""#, true), (r#""0""#, false)] {
        assert_eq!(read("flag", json!(null), raw), json!(value));
    }
    let flag = codec("flag", json!({"boolean": {"true": ["X"], "false": [" "]}}));
    assert_eq!(decode(&flag, r#""X""#).unwrap(), json!(true));
    assert!(decode(&flag, r#""Y""#).is_err());
    let only = codec("flag", json!({"boolean": {"true": ["X", 1]}}));
    assert_eq!(decode(&only, r#""Y""#).unwrap(), json!(false));
    assert_eq!(
        only.encode(&Value::Boolean(true)).unwrap(),
        [Literal::Text("X".into()), Literal::Number("1".into())]
    );
    assert_eq!(only.encode(&Value::Boolean(false)), Err(Irreversible));
}

#[test]
fn days_and_instants_are_read_in_every_form() {
    let object = r#"{"__class__":"datetime","year":2026,"month":11,"day":22,"hour":6,"minute":30,"second":1,"microsecond":500000}"#;
    for raw in [
        r#""2026-11-22""#,
        r#""2026-11-22T23:00:00Z""#,
        r#""/Date(1795305600000)/""#,
        object,
    ] {
        assert_eq!(read("day", json!(null), raw), json!("2026-11-22"), "{raw}");
    }
    assert_eq!(
        read("day", json!({"date": {"format": "%Y%m%d"}}), "20261122"),
        json!("2026-11-22")
    );
    assert_eq!(
        read("day", json!("ms_date"), r#""/Date(1795302000000+0120)/""#),
        json!("2026-11-22")
    );
    for (raw, shown) in [
        (r#""2026-11-22T06:30:00Z""#, "2026-11-22T06:30:00Z"),
        (r#""2026-11-22 06:30:00""#, "2026-11-22T06:30:00Z"),
        (r#""2026-11-22T06:30""#, "2026-11-22T06:30:00Z"),
        (r#""2026-11-22T06:30:00.25+0130""#, "2026-11-22T05:00:00.250Z"),
        (r#""2026-11-22T06:30:00-05""#, "2026-11-22T11:30:00Z"),
        (r#""2026-11-22""#, "2026-11-22T00:00:00Z"),
        (r#""20261122""#, "2026-11-22T00:00:00Z"),
        (r#""/Date(1490000000000+0060)/""#, "2017-03-20T08:53:20Z"),
        (r#""/Date(-1000)/""#, "1969-12-31T23:59:59Z"),
        (object, "2026-11-22T06:30:01.500Z"),
    ] {
        assert_eq!(read("at", json!(null), raw), json!(shown), "{raw}");
    }
    assert_eq!(
        read("at", json!({"unix": {"unit": "s"}}), "1490000000"),
        json!("2017-03-20T08:53:20Z")
    );
    assert_eq!(
        read("at", json!({"unix": {"unit": "ms"}}), r#""1490000000123""#),
        json!("2017-03-20T08:53:20.123Z")
    );
    assert_eq!(read("at", json!({"unix": {"unit": "s"}}), "0"), Json::Null);
    assert_eq!(
        read("day", json!({"unix": {"unit": "s"}}), "1490000000"),
        json!("2017-03-20")
    );
    let local = json!({"date_time": {"format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}});
    assert_eq!(
        read("at", local, r#""22.11.2026 06:30""#),
        json!("2026-11-22T05:30:00Z")
    );
    let day = json!({"date_time": {"zone": "Europe/Berlin"}});
    assert_eq!(read("day", day, r#""2026-11-21T23:30:00Z""#), json!("2026-11-22"));
    for raw in [
        r#""2026-13-01""#,
        r#""yesterday""#,
        "5",
        r#""2026-11-22Tx""#,
        r#""2026-11-22T25:00:00Z""#,
        "{}",
        r#""é""#,
    ] {
        assert!(decode(&codec("at", json!(null)), raw).is_err(), "{raw}");
    }
}

#[test]
fn clocks_that_jump_are_read_in_order() {
    let berlin = codec("at", json!({"date_time": {"zone": "Europe/Berlin"}}));
    // On 29 March 2026 the clocks skip 02:00 to 03:00; on 25 October 02:00 to 03:00 comes twice.
    assert_eq!(
        decode(&berlin, r#""2026-03-29T01:59:59""#).unwrap(),
        json!("2026-03-29T00:59:59Z")
    );
    assert_eq!(
        decode(&berlin, r#""2026-03-29T02:30:00""#).unwrap(),
        json!("2026-03-29T01:00:00Z")
    );
    assert_eq!(
        decode(&berlin, r#""2026-03-29T03:00:00""#).unwrap(),
        json!("2026-03-29T01:00:00Z")
    );
    assert_eq!(
        decode(&berlin, r#""2026-10-25T02:30:00""#).unwrap(),
        json!("2026-10-25T00:30:00Z")
    );
    let second = Value::DateTime("2026-10-25T01:30:00Z".parse().unwrap());
    assert_eq!(berlin.encode(&second), Err(Irreversible));
    // Samoa had no 30 December 2011.
    let apia = codec("at", json!({"date_time": {"zone": "Pacific/Apia"}}));
    assert_eq!(
        decode(&apia, r#""2011-12-30T12:00:00""#).unwrap(),
        json!("2011-12-30T10:00:00Z")
    );
}

#[test]
fn a_zone_may_be_a_setting() {
    let codec = codec("at", json!({"date_time": {"zone": "{{settings.time_zone}}"}}));
    assert_eq!(codec.variables(), ["settings.time_zone"]);
    assert!(decode(&codec, r#""2026-11-22T06:30:00""#).is_err());
    let settings = json!({"time_zone": "America/New_York"});
    let bound = codec.with_settings(settings.as_object().unwrap()).unwrap();
    assert_eq!(
        decode(&bound, r#""2026-11-22T06:30:00""#).unwrap(),
        json!("2026-11-22T11:30:00Z")
    );
    assert!(
        codec
            .with_settings(json!({"time_zone": "Mars"}).as_object().unwrap())
            .is_err()
    );
}

#[test]
fn durations_are_written_in_iso_8601() {
    for (unit, raw, shown) in [
        ("minutes", "90", "PT1H30M"),
        ("hours", "1.5", "PT1H30M"),
        ("hours", "36", "PT36H"),
        ("days", "14", "P14D"),
        ("days", "1.5", "P1DT12H"),
        ("seconds", "0.5", "PT0.5S"),
        ("seconds", "0", "PT0S"),
        ("seconds", r#"{"__class__":"timedelta","seconds":5400.0}"#, "PT1H30M"),
        ("minutes", "-5", "-PT5M"),
    ] {
        assert_eq!(read("duration", json!({"duration": {"unit": unit}}), raw), json!(shown));
    }
    assert_eq!(read("duration", json!(null), r#""PT09H12M44S""#), json!("PT09H12M44S"));
    for raw in [r#""90""#, r#""P""#, r#""PT""#, r#""P1H""#, r#""PT1D""#, r#""PT5""#] {
        assert!(decode(&codec("duration", json!(null)), raw).is_err(), "{raw}");
    }
}

#[test]
fn words_are_read_by_their_table() {
    let state = codec(
        "state",
        json!({"enum": {"10": "OPEN", "11": "OPEN", "X": "CLOSED", "": "CLOSED", "null": "OPEN"}}),
    );
    for (raw, shown) in [
        ("10", "OPEN"),
        ("11.0", "OPEN"),
        (r#""X""#, "CLOSED"),
        (r#""""#, "CLOSED"),
        ("null", "OPEN"),
        (r#""?""#, "UNKNOWN"),
    ] {
        assert_eq!(decode(&state, raw).unwrap(), json!(shown), "{raw}");
    }
    let catalogue = catalogue();
    let open = constant(field(&catalogue, "state"), &json!("OPEN"), &catalogue).unwrap();
    let unknown = constant(field(&catalogue, "state"), &json!("UNKNOWN"), &catalogue).unwrap();
    assert_eq!(
        state.encode(&open).unwrap(),
        [Literal::Text("10".into()), Literal::Text("11".into()), Literal::Null]
    );
    assert_eq!(state.encode(&unknown), Err(Irreversible));
    let with_default = compile("state", json!({"enum": {"X": "CLOSED"}}), &[], Some(json!("OPEN"))).unwrap();
    assert_eq!(decode(&with_default, r#""?""#).unwrap(), json!("OPEN"));
    assert_eq!(decode(&with_default, "null").unwrap(), json!("OPEN"));
    assert_eq!(with_default.encode(&open), Err(Irreversible));
    let no_word = codec("state", json!({"enum": {"X": "CLOSED"}}));
    assert_eq!(no_word.encode(&open).unwrap(), []);
    let same = codec("state", json!(null));
    assert_eq!(decode(&same, r#""OPEN""#).unwrap(), json!("OPEN"));
    assert_eq!(read("text", json!({"enum": {"1": "low"}}), "1"), json!("low"));
}

#[test]
fn lists_and_references_are_read() {
    assert_eq!(read("texts", json!(null), r#"["a",null,"","b"]"#), json!(["a", "b"]));
    assert_eq!(read("texts", json!(null), r#""a""#), json!(["a"]));
    assert_eq!(read("texts", json!(null), "[]"), json!([]));
    assert_eq!(
        read("texts", json!({"split": {"separator": ";"}}), r#""a; b;;""#),
        json!(["a", "b"])
    );
    assert_eq!(
        read("states", json!({"split": {"separator": ","}}), r#""OPEN,CLOSED""#),
        json!(["OPEN", "CLOSED"])
    );
    let owner = codec("owner", json!({"leading_zeros": {"width": 4}}));
    assert_eq!(
        owner.decode(&json::parse_text(r#""0007""#).unwrap()).unwrap(),
        Value::Reference(RemoteKey::single("7"))
    );
    assert_eq!(owner.encode_part("7").unwrap(), [Literal::Text("0007".into())]);
    assert_eq!(
        owner.encode(&Value::Reference(RemoteKey::composite(["a", "b"]))),
        Err(Irreversible)
    );
    assert_eq!(read("owner", json!(null), "false"), Json::Null);
    assert_eq!(read("any", json!(null), r#"{"a":1.50}"#), json!({"a": 1.5}));
}

#[test]
fn a_key_behind_a_fixed_text_is_read_and_asked_for() {
    let owner = codec("owner", json!({"prefixed": {"prefix": "account.asset,"}}));
    let read = |raw: &str| owner.decode(&json::parse_text(raw).unwrap()).unwrap();
    assert_eq!(read(r#""account.asset,7""#), Value::Reference(RemoteKey::single("7")));
    for other in [r#""sale.line,7""#, r#""account.asset,""#, "null"] {
        assert_eq!(read(other), Value::Null);
    }
    assert_eq!(
        owner.encode_part("7").unwrap(),
        [Literal::Text("account.asset,7".into())]
    );
    assert!(compile("text", json!({"prefixed": {"prefix": ""}}), &[], None).is_err());
    let bound = codec("owner", json!({"prefixed": {"prefix": "/assets(", "suffix": ")"}}));
    let read = |raw: &str| bound.decode(&json::parse_text(raw).unwrap()).unwrap();
    assert_eq!(read(r#""/assets(7)""#), Value::Reference(RemoteKey::single("7")));
    assert_eq!(read(r#""/assets(7""#), Value::Null);
    for kind in [None, Some(&crate::dialect::LiteralKind::Number)] {
        assert_eq!(bound.write_part("7", kind).unwrap(), json!("/assets(7)"));
    }
}

#[test]
fn what_means_nothing_is_neither_read_nor_asked_for() {
    let day = compile("day", json!({"date": {"format": "%Y%m%d"}}), &[json!("00000000")], None).unwrap();
    assert_eq!(decode(&day, r#""00000000""#).unwrap(), Json::Null);
    let number = compile("number", json!(null), &[json!(0)], None).unwrap();
    assert_eq!(decode(&number, "0.0").unwrap(), Json::Null);
    assert_eq!(number.encode(&Value::Integer(0)), Err(Irreversible));
    assert_eq!(
        number.encode(&Value::Integer(1)).unwrap(),
        [Literal::Number("1".into())]
    );
    let moment = compile("at", json!(null), &[json!("1900-01-01T00:00:00Z")], None).unwrap();
    assert_eq!(decode(&moment, r#""1900-01-01T00:00:00Z""#).unwrap(), Json::Null);
    assert_eq!(
        moment.encode(&Value::DateTime("1900-01-01T00:00:00Z".parse().unwrap())),
        Err(Irreversible)
    );
}

#[test]
fn parts_of_text_are_searched_only_where_the_source_has_the_same_text() {
    assert!(codec("text", json!(null)).keeps_text());
    for kind in [
        json!("trimmed"),
        json!("html_text"),
        json!({"leading_zeros": {"width": 4}}),
    ] {
        assert!(!codec("text", kind).keeps_text());
    }
    assert!(
        !compile("text", json!(null), &[json!("N/A")], None)
            .unwrap()
            .keeps_text()
    );
    let with_default = compile("text", json!(null), &[], Some(json!("none"))).unwrap();
    assert!(with_default.has_default() && !with_default.keeps_text());
}

#[test]
fn codecs_that_do_not_fit_are_told() {
    for (name, kind) in [
        ("number", json!("decimal")),
        ("text", json!({"unix": {"unit": "s"}})),
        ("text", json!({"split": {"separator": ","}})),
        ("text", json!({"duration": {"unit": "hours"}})),
        ("flag", json!({"boolean": {"true": [1], "false": [1]}})),
        ("amount", json!({"scaled": {"factor": "0"}})),
        ("amount", json!({"scaled": {"factor": "x"}})),
        ("at", json!({"date_time": {"zone": "Europe/Berlinn"}})),
        ("at", json!({"date_time": {"zone": "{{credentials.zone}}"}})),
        ("day", json!({"date": {"format": "%Q"}})),
        ("any", json!("string")),
    ] {
        assert!(compile(name, kind.clone(), &[], None).is_err(), "{name} {kind}");
    }
    let problem = compile("state", json!({"enum": {"a": "OPNE", "b": "NOPE"}}), &[], None).unwrap_err();
    assert!(
        problem.contains("did you mean `OPEN`") && problem.contains("NOPE"),
        "{problem}"
    );
}

fn any_moment() -> impl Strategy<Value = DateTime<Utc>> {
    (-2_000_000_000_i64..4_000_000_000, 0_u32..1000)
        .prop_map(|(seconds, millis)| DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap())
}

fn any_zone() -> impl Strategy<Value = Tz> {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Africa/Cairo",
    ];
    prop::sample::select(names.map(|name| name.parse::<Tz>().unwrap()).to_vec())
}

proptest! {
    #[test]
    fn texts_go_both_ways(text in "[0-9a-zA-Z .é]{1,12}") {
        for kind in [json!(null), json!("trimmed"), json!({"leading_zeros": {"width": 8}}), json!("html_text")] {
            round_trip(&codec("text", kind), &Value::text(&text))?;
        }
        let codec = codec("text", json!(null));
        prop_assert_eq!(codec.encode(&Value::text(&text)).unwrap(), vec![Literal::Text(text)]);
    }

    #[test]
    fn numbers_go_both_ways(digits in any::<i64>(), scale in 0_u32..18, factor in 1_i64..100_000, places in 0_u32..5) {
        let number = Decimal::new(digits, scale);
        round_trip(&codec("amount", json!(null)), &Value::Decimal(number))?;
        let factor = Decimal::new(factor, places);
        let scaled = codec("amount", json!({"scaled": {"factor": factor.to_string()}}));
        round_trip(&scaled, &Value::Decimal(number))?;
        // What was read exactly can be asked for again.
        let raw = json::parse_text(&digits.to_string()).unwrap().into_owned();
        if let Ok(Value::Decimal(read)) = scaled.decode(&raw) && !read.is_zero() {
            prop_assert_eq!(scaled.encode(&Value::Decimal(read)), Ok(vec![Literal::Number(digits.to_string())]));
        }
        round_trip(&codec("number", json!(null)), &Value::Integer(digits))?;
        round_trip(&codec("number", json!({"scaled": {"factor": "60"}})), &Value::Integer(digits))?;
    }

    #[test]
    fn durations_go_both_ways(raw in -100_000_i64..100_000, scale in 0_u32..4) {
        for unit in ["seconds", "minutes", "hours", "days"] {
            let codec = codec("duration", json!({"duration": {"unit": unit}}));
            let number = Decimal::new(raw, scale);
            let value = codec.decode(&json::parse_text(&number.to_string()).unwrap()).unwrap();
            round_trip(&codec, &value)?;
            let written = number.normalize().to_string();
            prop_assert_eq!(codec.encode(&value), Ok(vec![Literal::Number(written)]));
        }
    }

    #[test]
    fn days_go_both_ways(days in -20_000_i64..60_000, zone in any_zone()) {
        let date = NaiveDate::default() + TimeDelta::days(days);
        for kind in [json!(null), json!("ms_date"), json!({"date": {"format": "%d.%m.%Y"}}), json!({"unix": {"unit": "ms"}}), json!({"date_time": {"zone": zone.name()}})] {
            round_trip(&codec("day", kind), &Value::Date(date))?;
        }
    }

    #[test]
    fn instants_go_both_ways_in_every_zone(moment in any_moment(), zone in any_zone()) {
        let value = Value::DateTime(moment);
        let kinds = [
            json!(null), json!("ms_date"), json!({"unix": {"unit": "s"}}), json!({"unix": {"unit": "ms"}}),
            json!({"date_time": {"zone": zone.name()}}),
            json!({"date_time": {"zone": zone.name(), "format": "%Y-%m-%d %H:%M:%S"}}),
            json!({"date_time": {"format": "%Y-%m-%dT%H:%M:%S%.3f%z"}}),
        ];
        for kind in kinds {
            round_trip(&codec("at", kind), &value)?;
        }
        // Only the second of two equal local hours cannot be asked for.
        let codec = codec("at", json!({"date_time": {"zone": zone.name()}}));
        let local = moment.with_timezone(&zone).naive_local();
        let second = matches!(zone.from_local_datetime(&local), chrono::MappedLocalTime::Ambiguous(a, b) if a.max(b) == moment);
        prop_assert_eq!(codec.encode(&value).is_err(), second);
    }

    #[test]
    fn later_local_times_are_never_earlier_instants(seconds in 1_000_000_000_i64..2_000_000_000, step in 0_i64..7200, zone in any_zone()) {
        let local = DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
        let earlier = time::instant(local, zone);
        let later = time::instant(local + TimeDelta::seconds(step), zone);
        prop_assert!(earlier <= later);
    }

    #[test]
    fn no_json_makes_a_codec_panic(value in json::tests::any_json(), text in "\\PC{0,14}") {
        let kinds = [
            ("text", json!(null)), ("text", json!("html_text")), ("text", json!({"join": {"separator": ","}})), ("url", json!(null)),
            ("country", json!(null)), ("duration", json!(null)), ("duration", json!({"duration": {"unit": "days"}})), ("number", json!(null)),
            ("flag", json!(null)), ("amount", json!({"scaled": {"factor": "99999999999999"}})), ("day", json!(null)), ("at", json!(null)),
            ("at", json!({"unix": {"unit": "s"}})), ("at", json!({"date_time": {"zone": "Europe/Berlin"}})), ("state", json!(null)),
            ("texts", json!({"split": {"separator": ";"}})), ("any", json!(null)), ("owner", json!(null)),
        ];
        for (name, kind) in kinds {
            let codec = codec(name, kind);
            let _ = codec.decode(&json::Value::from(&value));
            let _ = codec.decode(&json::Value::from(&Json::from(text.as_str())));
            let _ = codec.decode(&json::Value::from(&json!(format!("/Date({text})/"))));
            let _ = codec.decode(&json::Value::from(&json!(format!("2026-11-22T{text}"))));
        }
    }
}
