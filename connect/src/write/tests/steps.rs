//! Steps that look something up for each element, and values that are several members of the row.

use super::*;

fn receiving() -> Blueprint {
    let call = |method: &str, args: Json| json!({"path": "/rpc", "body": {"method": method, "args": args}});
    let read =
        |method: &str, args: Json| json!({"path": "/rpc", "read_only": true, "body": {"method": method, "args": args}});
    let steps = json!([
        {"name": "all", "unless": "row.lines", "request": call("receive_all", json!(["{{key}}"]))},
        {"name": "find", "for_each": "row.lines", "request": read("find", json!(["{{item.line}}"])), "keep": {"id": "result.0"}},
        {"name": "set", "for_each": "kept.find", "request": call("set", json!({"move,{{item.id}}": "{{item.quantity}}"}))},
    ]);
    rpc(json!({"PurchaseOrder": {"write": {
        "fields": {
            "requiredDate": {"beside": {"date_edit": true}},
            "taxInclusive": {"cases": {"true": {"tax": "in", "shown": 1}, "false": {"tax": "out"}}},
        },
        "actions": {"receive": {
            "fields": {"lines": {"to": "lines", "each": {"line": {"to": "line"}, "quantity": {"to": "quantity"}}}},
            "steps": steps,
        }},
    }}}))
    .unwrap()
}

#[test]
fn what_is_found_for_each_element_is_sent_with_it() {
    let odoo = receiving();
    let receive = |values: Vec<(&str, Value)>| {
        let act = Act::Action("receive".into());
        let input = input("ReceivePurchaseOrder", values);
        request("PurchaseOrder", act, Some("7"), input)
    };
    let came = |line: &str, quantity: &str| {
        object(
            "ReceivedLine",
            vec![("line", reference(line)), ("quantity", decimal(quantity))],
        )
    };
    let lines = Value::List(vec![came("31", "2"), came("32", "5")]);
    let run = &mut start(&odoo, &receive(vec![("lines", lines)])).unwrap();
    assert_eq!(body(&send(run)), json!({"method": "find", "args": [31]}));
    answer(run, json!({"result": [91]})).unwrap();
    assert_eq!(body(&send(run)), json!({"method": "find", "args": [32]}));
    answer(run, json!({"result": [92]})).unwrap();
    assert_eq!(body(&send(run)), json!({"method": "set", "args": {"move,91": 2}}));
    answer(run, Json::Null).unwrap();
    assert_eq!(body(&send(run)), json!({"method": "set", "args": {"move,92": 5}}));
    answer(run, Json::Null).unwrap();
    assert_eq!(done(run), Some(RemoteKey::from("7")));

    let run = &mut start(&odoo, &receive(Vec::new())).unwrap();
    assert_eq!(body(&send(run)), json!({"method": "receive_all", "args": [7]}));
    answer(run, Json::Null).unwrap();
    assert_eq!(done(run), Some(RemoteKey::from("7")));
}

#[test]
fn a_value_is_several_members_and_brings_others_with_it() {
    let odoo = receiving();
    let update = |values: Vec<(&str, Value)>| {
        let request = request("PurchaseOrder", Act::Update, Some("7"), input("PurchaseOrder", values));
        let run = &mut start(&odoo, &request).unwrap();
        body(&send(run))["args"][1].clone()
    };
    let taxed = update(vec![("taxInclusive", Value::Boolean(true))]);
    assert_eq!(taxed, json!({"tax": "in", "shown": 1}));
    let untaxed = update(vec![("taxInclusive", Value::Boolean(false))]);
    assert_eq!(untaxed, json!({"tax": "out"}));
    let cleared = update(vec![("requiredDate", Value::Null)]);
    assert_eq!(cleared, json!({"date_edit": true, "date_planned": null}));
    let cleared = request(
        "PurchaseOrder",
        Act::Update,
        Some("7"),
        input("PurchaseOrder", vec![("taxInclusive", Value::Null)]),
    );
    let refused = start(&odoo, &cleared).unwrap_err();
    assert_eq!(
        told(&refused),
        [("taxInclusive".to_owned(), UserErrorCode::InvalidValue)]
    );
}
