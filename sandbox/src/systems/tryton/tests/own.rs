//! The model of this customer's own module.

use serde_json::{Value, json};

use super::{Client, client};

async fn result(client: &Client, method: &str, parameters: Value) -> Value {
    let answer: Value = client.post(method, parameters).await.json().await.unwrap();
    assert_eq!(answer.get("error"), None, "{method}: {answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn calibrations_are_listed_described_found_and_written() {
    let client = client().await;
    let call = |method: &str| format!("model.x.calibration.{method}");
    let models = result(
        &client,
        "model.ir.model.search_read",
        json!([[["name", "=", "x.calibration"]], 0, 5, null, ["name", "string"], {}]),
    )
    .await;
    assert_eq!(models[0]["string"], "Calibration");
    let fields = result(&client, &call("fields_get"), json!([[], {}])).await;
    assert_eq!(fields["asset"]["relation"], "account.asset");
    assert_eq!(fields["deviation"]["type"], "numeric");
    let failed = result(
        &client,
        &call("search_read"),
        json!([
            [["result", "=", "failed"]],
            0,
            2,
            [["due_on", "DESC"]],
            ["code", "due_on"],
            {}
        ]),
    )
    .await;
    assert_eq!(failed.as_array().unwrap().len(), 2);
    let made = result(
        &client,
        &call("create"),
        json!([[{"code": "CAL-NEW", "asset": 1, "result": "passed"}], {}]),
    )
    .await;
    result(&client, &call("write"), json!([made, {"result": "failed"}, {}])).await;
    let row = result(&client, &call("read"), json!([made, ["code", "result"], {}])).await;
    assert_eq!(
        (&row[0]["code"], &row[0]["result"]),
        (&json!("CAL-NEW"), &json!("failed"))
    );
    result(&client, &call("delete"), json!([made, {}])).await;
    let count = result(&client, &call("search_count"), json!([[["code", "=", "CAL-NEW"]], {}])).await;
    assert_eq!(count, 0);
}
