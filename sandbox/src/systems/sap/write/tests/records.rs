//! Tests of suppliers, maintenance orders, equipment and products.

use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::json;

use super::{BP, EQ, MO, PO, PR, V2, V4, order, start};
use crate::world::VendorStatus;

#[tokio::test]
async fn suppliers_are_made_changed_and_blocked() {
    let session = start().await;
    let body = json!({
        "BusinessPartnerCategory": "2", "BusinessPartnerGrouping": "BP02", "OrganizationBPName1": "Neue Pumpen GmbH",
        "SearchTerm1": "PUMPEN",
        "to_BusinessPartnerRole": [{"BusinessPartnerRole": "FLVN00"}, {"BusinessPartnerRole": "FLVN01"}],
        "to_BusinessPartnerAddress": [{"Country": "DE", "CityName": "Ulm", "StreetName": "Ring 3", "PostalCode": "89073",
            "to_EmailAddress": [{"EmailAddress": "info@pumpen.example"}]}],
        "to_Supplier": {
            "VATRegistration": "DE811111111",
            "to_SupplierPurchasingOrg": [{"PurchasingOrganization": "1010", "PurchaseOrderCurrency": "CHF", "PaymentTerms": "NT30"}],
        },
    });
    let made = session.post(&format!("{BP}A_BusinessPartner"), &body).await.done(201)["d"].clone();
    let number = made["BusinessPartner"].as_str().unwrap();
    assert_eq!(number.len(), 10);
    assert_eq!(made["BusinessPartnerFullName"], "Neue Pumpen GmbH");
    let expand = "to_Supplier/to_SupplierPurchasingOrg,to_Supplier/to_SupplierCompany,to_BusinessPartnerAddress/to_EmailAddress,to_BusinessPartnerAddress/to_PhoneNumber,to_BusinessPartnerRole";
    let read = session
        .get(&format!("{BP}A_BusinessPartner('{number}')?$expand={expand}"))
        .await;
    assert_eq!(
        read["to_Supplier"]["to_SupplierPurchasingOrg"]["results"][0]["PurchaseOrderCurrency"],
        "CHF"
    );
    assert_eq!(read["to_Supplier"]["to_SupplierCompany"]["results"], json!([]));
    let address = &read["to_BusinessPartnerAddress"]["results"][0];
    assert_eq!(
        address["to_EmailAddress"]["results"][0]["EmailAddress"],
        "info@pumpen.example"
    );
    assert_eq!(address["to_PhoneNumber"]["results"], json!([]));
    let supplier = format!("{BP}A_Supplier('{number}')");
    session
        .patch(&supplier, &json!({"PurchasingIsBlocked": true}))
        .await
        .done(204);
    assert_eq!(session.get(&supplier).await["PurchasingIsBlocked"], true);
    assert_eq!(session.get(&supplier).await["SupplierProcurementBlock"], "");
    assert_eq!(
        session.get(&format!("{BP}A_BusinessPartner('{number}')")).await["BusinessPartnerIsBlocked"],
        false
    );
    assert_eq!(
        session.sandbox.world().vendors.last().unwrap().status,
        VendorStatus::Blocked
    );
    let mut bought = order();
    bought["Supplier"] = json!(number);
    session
        .post(&format!("{PO}A_PurchaseOrder"), &bought)
        .await
        .refused(400, "is blocked");
    session
        .patch(&supplier, &json!({"PurchasingIsBlocked": false}))
        .await
        .done(204);
    assert_eq!(
        session.sandbox.world().vendors.last().unwrap().status,
        VendorStatus::Active
    );
    session.post(&format!("{PO}A_PurchaseOrder"), &bought).await.done(201);
    let partner = format!("{BP}A_BusinessPartner('{number}')");
    let etag = session.get(&partner).await["__metadata"]["etag"].clone();
    session
        .patch(&partner, &json!({"OrganizationBPName1": "Alte Pumpen GmbH"}))
        .await
        .done(204);
    let read = session.get(&partner).await;
    assert_eq!(read["BusinessPartnerFullName"], "Alte Pumpen GmbH");
    assert_ne!(read["__metadata"]["etag"], etag);
    let place = address["__metadata"]["uri"].as_str().unwrap();
    session
        .patch(place, &json!({"CityName": "Bern", "Country": "CH"}))
        .await
        .done(204);
    assert_eq!(session.get(place).await["CityName"], "Bern");
    let terms = format!("{BP}A_SupplierPurchasingOrg(Supplier='{number}',PurchasingOrganization='1010')");
    session
        .patch(&terms, &json!({"PaymentTerms": "NT60", "MinimumOrderAmount": "50"}))
        .await
        .done(204);
    assert_eq!(session.get(&terms).await["MinimumOrderAmount"], "50");
    assert_eq!(session.delete(&partner).await.status.as_u16(), 405);
    for (remove, words) in [
        ("OrganizationBPName1", "Enter Name"),
        ("to_BusinessPartnerRole", "FLVN00"),
    ] {
        let mut wrong = body.clone();
        wrong.as_object_mut().unwrap().remove(remove);
        session
            .post(&format!("{BP}A_BusinessPartner"), &wrong)
            .await
            .refused(400, words);
    }
    assert_eq!(
        session
            .post(&format!("{BP}A_Supplier"), &json!({}))
            .await
            .status
            .as_u16(),
        405
    );
}

#[tokio::test]
async fn maintenance_orders_go_through_their_phases() {
    let session = start().await;
    let item = session.sandbox.world().items[0].number.clone();
    let body = json!({
        "MaintenanceOrderType": "YA01", "MaintenanceOrderDesc": "Seal leaks", "MaintenancePlanningPlant": "1010",
        "Equipment": "P-101", "MaintPriority": "2", "MaintOrdPersonResponsible": "00000003",
        "MaintOrdBasicStartDateTime": "/Date(1796083200000+0000)/",
        "to_MaintenanceOrderLongText": [{"TextObjectType": "AUFK", "Language": "EN", "MaintenanceOrderLongText": "Since Monday"}],
        "to_MaintenanceOrderOperation": [
            {"OperationDescription": "Drain", "MaintOrdOperationWorkDuration": "1.5", "MaintOrdOpWorkDurationUnit": "H"},
            {"OperationDescription": "Replace seal", "to_MaintOrderOpComponent": [{"Product": item, "QuantityInUnitOfEntry": "2"}]},
        ],
    });
    let made = session.post(&format!("{MO}MaintenanceOrder"), &body).await.done(201)["d"].clone();
    let number = made["MaintenanceOrder"].as_str().unwrap();
    assert_eq!(number.len(), 12);
    assert_eq!(made["SystemStatusText"], "CRTD MANC NMAT");
    assert_eq!(made["MaintOrdBasicStartDateTime"], "/Date(1796083200000+0000)/");
    assert_eq!(made["MaintOrdBasicStartDate"], "/Date(1796083200000)/");
    let operations = &made["to_MaintenanceOrderOperation"]["results"];
    assert_eq!(operations[0]["MaintOrdOperationWorkDuration"], "1.5");
    assert_eq!(operations[1]["MaintenanceOrderOperation"], "0020");
    let component = format!(
        "{MO}MaintenanceOrderOperation(MaintenanceOrder='{number}',MaintenanceOrderOperation='0020',MaintenanceOrderSubOperation='')/to_MaintOrderOpComponent"
    );
    let parts = session.get(&component).await["results"].clone();
    assert_eq!(parts[0]["MaintOrdOpCompRequiredQuantity"], "2");
    let part = parts[0]["__metadata"]["uri"].as_str().unwrap();
    session
        .patch(part, &json!({"QuantityInUnitOfEntry": "3"}))
        .await
        .done(204);
    assert_eq!(session.get(part).await["MaintOrdOpCompRequiredQuantity"], "3");
    let address = format!("{MO}MaintenanceOrder('{number}')");
    let below = format!("{address}/to_MaintenanceOrderOperation");
    let added = session
        .post(&below, &json!({"OperationDescription": "Test"}))
        .await
        .done(201);
    assert_eq!(added["d"]["MaintenanceOrderOperation"], "0030");
    assert_eq!(
        session
            .post(&format!("{MO}MaintenanceOrderOperation"), &json!({}))
            .await
            .status
            .as_u16(),
        405
    );
    let act = async |name: &str| session.call(MO, &format!("{name}?MaintenanceOrder='{number}'")).await;
    act("SetMaintOrdToTechCompleted").await.refused(400, "CRTD is active");
    act("SubmitMaintOrderForApproval").await.done(200);
    act("ReleaseMaintenanceOrder").await.refused(400, "is not allowed");
    let approved = act("ApproveMaintenanceOrder").await.done(200);
    assert_eq!(approved["d"]["MaintOrdProcessPhaseCode"], "05");
    act("ScheduleMaintenanceOrder").await.done(200);
    act("SetMaintOrderStatusToLocked").await.done(200);
    act("SetMaintOrderStatusToUnlocked").await.done(200);
    assert_eq!(
        act("SetMaintOrdToMainWorkComplete").await.done(200)["d"]["MaintOrdProcessPhaseCode"],
        "08"
    );
    act("SetMaintOrdToTechCompleted").await.done(200);
    let etag = session.get(&address).await["__metadata"]["etag"].clone();
    act("SetMaintOrderStatusToClosed").await.done(200);
    let closed = session.get(&address).await;
    assert!(closed["SystemStatusText"].as_str().unwrap().starts_with("CLSD"));
    assert_ne!(closed["__metadata"]["etag"], etag);
    session
        .patch(&address, &json!({"MaintPriority": "1"}))
        .await
        .refused(400, "is closed");
    assert_eq!(
        session
            .call(MO, "NoSuchFunction?MaintenanceOrder='1'")
            .await
            .status
            .as_u16(),
        404
    );
    session
        .call(MO, "ReleaseMaintenanceOrder")
        .await
        .refused(400, "Mandatory parameter");
    session
        .call(MO, "ReleaseMaintenanceOrder?MaintenanceOrder='99'")
        .await
        .refused(400, "Order 99 does not exist");
    for (name, value, words) in [
        ("MaintenanceOrderType", json!("XX01"), "Order type XX01"),
        ("Equipment", json!("NOPE"), "Equipment NOPE does not exist"),
        ("MaintPriority", json!("9"), "Priority 9"),
        ("SystemStatusText", json!("REL"), "read-only"),
    ] {
        let mut wrong = body.clone();
        wrong[name] = value;
        session
            .post(&format!("{MO}MaintenanceOrder"), &wrong)
            .await
            .refused(400, words);
    }
    let other = session.post(&format!("{MO}MaintenanceOrder"), &body).await.done(201)["d"]["MaintenanceOrder"].clone();
    let dropped = session
        .call(
            MO,
            &format!(
                "SetMaintOrderToDoNotExecute?MaintenanceOrder='{}'",
                other.as_str().unwrap()
            ),
        )
        .await
        .done(200);
    assert!(dropped["d"]["SystemStatusText"].as_str().unwrap().contains("DLFL"));
}

#[tokio::test]
async fn equipment_is_made_changed_installed_and_taken_out_of_use() {
    let session = start().await;
    let body = json!({
        "EquipmentCategory": "M", "EquipmentName": "Spare pump", "MaintenancePlant": "1010", "ABCIndicator": "B",
        "ManufacturerSerialNumber": "S-1", "AcquisitionValue": "1200.50", "Currency": "EUR",
        "to_LongText": [{"Language": "EN", "EquipmentLongText": "In the crate"}],
    });
    let made = session.post(&format!("{EQ}Equipment"), &body).await.done(201)["d"].clone();
    let number = made["Equipment"].as_str().unwrap();
    assert_eq!(number.len(), 18);
    assert_eq!(made["EquipmentIsAvailable"], true);
    assert_eq!(made["FunctionalLocation"], "");
    let key = format!("Equipment='{number}',ValidityEndDate=datetime'9999-12-31T00:00:00'");
    let address = format!("{EQ}Equipment({key})");
    session
        .patch(
            &address,
            &json!({"EquipmentName": "Second pump", "InventoryNumber": "T-9"}),
        )
        .await
        .done(204);
    let read = session.get(&format!("{address}?$expand=to_LongText")).await;
    assert_eq!(read["EquipmentName"], "Second pump");
    assert_eq!(read["InventoryNumber"], "T-9");
    assert_eq!(read["to_LongText"]["results"][0]["EquipmentLongText"], "In the crate");
    let parameters = key.replace(',', "&");
    session
        .call(
            EQ,
            &format!("InstallEquipment?{parameters}&SuperordinateEquipment='P-101'"),
        )
        .await
        .done(200);
    let read = session.get(&address).await;
    assert_eq!(read["SuperordinateEquipment"], "P-101");
    assert_ne!(read["FunctionalLocation"], "");
    let ended = session
        .call(EQ, &format!("SetEquipmentToInactive?{parameters}"))
        .await
        .done(200);
    assert_eq!(ended["d"]["EquipmentIsInactive"], true);
    session
        .call(EQ, &format!("SetEquipmentToInactive?{parameters}"))
        .await
        .refused(400, "inactive already");
    session
        .call(EQ, &format!("SetEquipToMarkedForDeletion?{parameters}"))
        .await
        .done(200);
    assert_eq!(session.get(&address).await["EquipmentIsMarkedForDeletion"], true);
    session
        .patch(&address, &json!({"EquipmentIsInactive": false}))
        .await
        .refused(400, "read-only");
    assert_eq!(session.delete(&address).await.status.as_u16(), 405);
    let mut wrong = body.clone();
    wrong.as_object_mut().unwrap().remove("EquipmentCategory");
    session
        .post(&format!("{EQ}Equipment"), &wrong)
        .await
        .refused(400, "Enter Equipment Category");
}

#[tokio::test]
async fn products_are_made_and_changed() {
    let session = start().await;
    let body = json!({
        "Product": "LS-900", "ProductType": "ERSA", "BaseUnit": "EA", "ProductGroup": "SEALS", "IndustrySector": "M",
        "to_Description": [{"Language": "EN", "ProductDescription": "Lip seal"}, {"Language": "FR", "ProductDescription": "Joint"}],
        "to_Plant": [{"Plant": "1010", "MRPType": "VB", "to_ProductSupplyPlanning": {"ReorderThresholdQuantity": "4"}}],
        "to_Valuation": [{"ValuationArea": "1010", "StandardPrice": "250", "PriceUnitQty": "100", "InventoryValuationProcedure": "S", "Currency": "EUR"}],
    });
    session.post(&format!("{PR}A_Product"), &body).await.done(201);
    let read = session
        .get(&format!(
            "{PR}A_Product('LS-900')?$expand=to_Description,to_Valuation,to_Plant/to_ProductSupplyPlanning"
        ))
        .await;
    assert_eq!(read["ProductGroup"], "SEALS");
    assert_eq!(read["to_Description"]["results"].as_array().unwrap().len(), 2);
    assert_eq!(read["to_Valuation"]["results"][0]["StandardPrice"], "250");
    assert_eq!(
        read["to_Plant"]["results"][0]["to_ProductSupplyPlanning"]["ReorderThresholdQuantity"],
        "4"
    );
    assert_eq!(
        session.sandbox.world().items.last().unwrap().standard_cost,
        Decimal::new(25, 1)
    );
    session
        .post(&format!("{PR}A_Product"), &body)
        .await
        .refused(400, "already exists");
    let address = format!("{PR}A_Product('LS-900')");
    let etag = read["__metadata"]["etag"].clone();
    session
        .patch(
            &address,
            &json!({"CrossPlantStatus": "01", "NetWeight": "0.4", "WeightUnit": "KG"}),
        )
        .await
        .done(204);
    let read = session.get(&address).await;
    assert_eq!(read["CrossPlantStatus"], "01");
    assert_eq!(read["NetWeight"], "0.4");
    assert_ne!(read["__metadata"]["etag"], etag);
    session
        .patch(&address, &json!({"BaseUnit": "KG"}))
        .await
        .refused(400, "cannot be changed");
    let name = format!("{PR}A_ProductDescription(Product='LS-900',Language='EN')");
    session
        .patch(&name, &json!({"ProductDescription": "Lip seal 45"}))
        .await
        .done(204);
    assert_eq!(session.sandbox.world().items.last().unwrap().name, "Lip seal 45");
    assert_eq!(session.delete(&address).await.status.as_u16(), 405);
}

#[tokio::test]
async fn metadata_tells_what_may_be_written() {
    let session = start().await;
    let answer = session.send(Method::GET, &format!("{PO}$metadata"), None, None).await;
    let document = answer.body.as_str().unwrap();
    assert!(document.contains("Name=\"PurchasingProcessingStatus\" Type=\"Edm.String\" MaxLength=\"2\" sap:label=\"Purchasing Processing Status\" sap:creatable=\"false\" sap:updatable=\"false\""));
    assert!(document.contains("Name=\"OrderQuantity\" Type=\"Edm.Decimal\" Precision=\"13\" Scale=\"3\""));
    let answer = session
        .send(Method::GET, &format!("{V2}API_BUSINESS_PARTNER/$metadata"), None, None)
        .await;
    assert!(
        answer
            .body
            .as_str()
            .unwrap()
            .contains("sap:content-version=\"1\" sap:creatable=\"false\" sap:deletable=\"false\"")
    );
    let answer = session.send(Method::GET, &format!("{V4}$metadata"), None, None).await;
    assert!(
        answer
            .body
            .as_str()
            .unwrap()
            .contains("Property=\"Insertable\" Bool=\"false\"")
    );
}
