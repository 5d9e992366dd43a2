//! Every codec written into rows and read again.

use super::*;

/// Every codec on a field that it fits.
fn every_codec() -> Vec<CompiledCodec> {
    let table = json!({"enum": {"o": "OPEN", "O": "OPEN", "c": "CLOSED", "null": "CLOSED"}});
    let all = [
        ("text", json!(null)),
        ("text", json!("string")),
        ("text", json!("trimmed")),
        ("text", json!({"leading_zeros": {"width": 10}})),
        ("text", json!({"prefixed": {"prefix": "a."}})),
        ("text", json!("html_text")),
        ("text", json!({"join": {"separator": ", "}})),
        ("text", json!({"enum": {"1": "One", "2": "Two"}})),
        ("owner", json!(null)),
        ("owner", json!({"leading_zeros": {"width": 4}})),
        ("url", json!(null)),
        ("currency", json!(null)),
        ("country", json!(null)),
        ("duration", json!(null)),
        ("duration", json!({"duration": {"unit": "minutes"}})),
        ("duration", json!({"duration": {"unit": "days"}})),
        ("number", json!(null)),
        ("number", json!("decimal_text")),
        ("number", json!({"scaled": {"factor": "60"}})),
        ("flag", json!(null)),
        ("flag", json!({"boolean": {"true": ["Y", 1], "false": ["N"]}})),
        ("flag", json!({"boolean": {"true": ["X"]}})),
        ("amount", json!(null)),
        ("amount", json!("decimal_text")),
        ("amount", json!("class_object")),
        ("amount", json!({"scaled": {"factor": "0.01"}})),
        ("day", json!(null)),
        ("day", json!("class_object")),
        ("day", json!("ms_date")),
        ("day", json!({"date": {"format": "%d.%m.%Y"}})),
        ("day", json!({"date_time": {"zone": "Europe/Berlin"}})),
        ("day", json!({"unix": {"unit": "s"}})),
        ("at", json!(null)),
        ("at", json!("class_object")),
        ("at", json!("ms_date")),
        ("at", json!({"date_time": {"format": "%Y-%m-%d %H:%M:%S"}})),
        ("at", json!({"date_time": {"zone": "Europe/Berlin"}})),
        ("at", json!({"unix": {"unit": "ms"}})),
        ("any", json!(null)),
        ("state", json!(null)),
        ("state", table.clone()),
        ("texts", json!(null)),
        ("texts", json!({"split": {"separator": ";"}})),
        ("states", table),
    ];
    all.into_iter().map(|(name, kind)| codec(name, kind)).collect()
}

fn any_source() -> impl Strategy<Value = Json> {
    prop_oneof![
        crate::json::tests::any_json(),
        "[a-zA-Z <>&\n.,;/]{0,8}".prop_map(Into::into),
        "0{0,3}[0-9]{1,8}(\\.[0-9]{1,3})?".prop_map(Into::into),
        prop::sample::select(vec![
            "2026-11-22",
            "2026-11-22T10:11:12Z",
            "2026-11-22 10:11:12",
            "2026-10-25T02:30:00",
            "22.11.2026",
            "/Date(1490000000123+0060)/",
            "P1DT2H",
            "https://a.example/x",
            "eur",
            "DE",
            "a.1",
            "OPEN",
            "o;c",
            "a;b",
            "c",
            "Y",
            "X"
        ])
        .prop_map(Into::into),
        (1e8..2e12_f64).prop_map(|number| Json::from(number.trunc())),
        Just(json!({"__class__": "date", "year": 2026, "month": 2, "day": 28})),
        Just(json!({"__class__": "Decimal", "decimal": "3.10"})),
        Just(json!(["a", "b", 1])),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same_value_or_refused(source in any_source()) {
        for codec in every_codec() {
            let Ok(value) = codec.decode(&json::Value::from(&source)) else { continue };
            if value.is_null() { continue }
            if let Ok(written) = codec.write(&value) {
                let again = codec.decode(&json::Value::from(&written));
                prop_assert_eq!(again.as_ref(), Ok(&value), "{}", written);
            }
        }
    }

    #[test]
    fn numbers_are_written_exactly_or_refused(whole in any::<i64>(), scale in 0_u32..12) {
        let value = Value::Decimal(Decimal::new(whole, scale));
        for kind in [json!(null), json!("decimal_text"), json!("class_object")] {
            let codec = codec("amount", kind);
            if let Ok(written) = codec.write(&value) {
                prop_assert_eq!(codec.decode(&json::Value::from(&written)).unwrap(), value.clone());
            }
        }
    }
}

#[test]
fn values_are_written_in_the_form_of_the_source() {
    let date = Value::Date(NaiveDate::from_ymd_opt(2026, 11, 22).unwrap());
    let at = Value::DateTime(Utc.with_ymd_and_hms(2026, 11, 22, 10, 11, 12).unwrap());
    let amount = Value::Decimal("12.50".parse().unwrap());
    let written = |name: &str, kind: Json, value: &Value| codec(name, kind).write(value).unwrap();
    assert_eq!(written("amount", json!(null), &amount), json!(12.5));
    assert_eq!(written("amount", json!("decimal_text"), &amount), json!("12.5"));
    assert_eq!(
        written("amount", json!("class_object"), &amount),
        json!({"__class__": "Decimal", "decimal": "12.5"})
    );
    assert_eq!(written("day", json!("ms_date"), &date), json!("/Date(1795305600000)/"));
    assert_eq!(
        written("day", json!("class_object"), &date),
        json!({"__class__": "date", "year": 2026, "month": 11, "day": 22})
    );
    let odoo = json!({"date_time": {"format": "%Y-%m-%d %H:%M:%S"}});
    assert_eq!(written("at", odoo.clone(), &at), json!("2026-11-22 10:11:12"));
    let finer = Value::DateTime(Utc.with_ymd_and_hms(2026, 11, 22, 10, 11, 12).unwrap() + TimeDelta::milliseconds(5));
    assert!(codec("at", odoo).write(&finer).is_err());
    assert_eq!(
        written("at", json!({"date_time": {"zone": "Europe/Berlin"}}), &at),
        json!("2026-11-22T11:11:12")
    );
    assert_eq!(
        written("text", json!({"leading_zeros": {"width": 10}}), &Value::text("4711")),
        json!("0000004711")
    );
    assert_eq!(
        written("text", json!("html_text"), &Value::text("a < b\nc")),
        json!("a &lt; b<br>c")
    );
    let zones = codec("owner", json!({"leading_zeros": {"width": 4}}));
    assert_eq!(zones.write_part("7", None).unwrap(), json!("0007"));
    let plain = codec("owner", json!(null));
    let number = crate::dialect::LiteralKind::Number;
    assert_eq!(plain.write_part("7", Some(&number)).unwrap(), json!(7));
    assert!(plain.write_part("x", Some(&number)).is_err());
}
