//! What the store of connections promises, told as tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    database::testing::{new_connection, set_status, stores, stores_everywhere},
    tokens::NewToken,
};

fn customer(external_id: &str) -> Option<NewCustomer> {
    Some(NewCustomer {
        external_id: external_id.to_owned(),
        name: format!("Customer {external_id}"),
    })
}

fn names(page: &Page) -> Vec<&str> {
    page.connections
        .iter()
        .map(|connection| connection.name.as_str())
        .collect()
}

#[tokio::test]
async fn an_added_connection_is_found_as_it_was_added() {
    for stores in stores_everywhere().await {
        let mut new = new_connection(stores.acme, "Plant 1");
        new.customer = customer("c-1");
        new.deployment = Deployment::OnPremises;
        new.settings.insert("url".to_owned(), "https://erp.example".into());
        let added = stores.connections.add(new).await.unwrap();
        assert_eq!(added.status, Status::Pending);
        assert_eq!(added.customer.as_ref().unwrap().external_id, "c-1");
        assert_eq!(stores.connections.get(stores.acme, added.id).await.unwrap(), added);
        let mut second = new_connection(stores.acme, "Plant 2");
        second.customer = customer("c-1");
        assert_eq!(stores.connections.add(second).await.unwrap().customer, added.customer);
    }
}

#[tokio::test]
async fn a_connection_that_cannot_be_added_leaves_nothing_behind() {
    for stores in stores_everywhere().await {
        let mut new = new_connection(stores.acme, " ");
        new.customer = customer("c-1");
        assert!(matches!(stores.connections.add(new).await, Err(Error::InvalidName)));
        let mut new = new_connection(stores.acme, "ERP");
        new.customer = customer("c-1");
        // The credentials are stored last: without their table the customer and the connection must go as well.
        sea_orm::ConnectionTrait::execute_unprepared(&stores.database, "ALTER TABLE credential RENAME TO away")
            .await
            .unwrap();
        assert!(matches!(stores.connections.add(new).await, Err(Error::Credentials(_))));
        assert!(
            customers::list(&stores.database, stores.acme, None, 10)
                .await
                .unwrap()
                .is_empty()
        );
        let page = stores
            .connections
            .list(stores.acme, &Filter::default(), None, 10)
            .await
            .unwrap();
        assert!(page.connections.is_empty());
    }
}

#[tokio::test]
async fn an_unknown_organization_is_named_as_such() {
    for stores in stores_everywhere().await {
        let nobody = Uuid::now_v7();
        let refused = stores.connections.add(new_connection(nobody, "ERP")).await;
        assert!(matches!(refused, Err(Error::UnknownOrganization(id)) if id == nobody));
    }
}

#[tokio::test]
async fn a_connection_of_another_organization_is_like_none_at_all() {
    let stores = stores().await;
    let id = stores
        .connections
        .add(new_connection(stores.acme, "ERP"))
        .await
        .unwrap()
        .id;
    for (organization, id) in [(stores.rival, id), (stores.acme, Uuid::now_v7())] {
        let not_found = Error::NotFound(id).to_string();
        let connections = &stores.connections;
        assert_eq!(
            connections.get(organization, id).await.unwrap_err().to_string(),
            not_found
        );
        let filter = Filter {
            ids: Some(vec![id]),
            ..Filter::default()
        };
        assert!(
            connections
                .list(organization, &filter, None, 10)
                .await
                .unwrap()
                .connections
                .is_empty()
        );
    }
    assert_eq!(
        stores.connections.get(stores.acme, id).await.unwrap().status,
        Status::Pending
    );
}

#[tokio::test]
async fn a_connection_token_sees_one_connection() {
    let stores = stores().await;
    let own = stores
        .connections
        .add(new_connection(stores.acme, "own"))
        .await
        .unwrap();
    let sibling = stores
        .connections
        .add(new_connection(stores.acme, "sibling"))
        .await
        .unwrap();
    let token = NewToken {
        organization_id: stores.acme,
        connection_id: Some(own.id),
        name: "plant".to_owned(),
        scopes: Vec::new(),
        expires_at: None,
    };
    let issued = stores.tokens.create(token).await.unwrap();
    let caller = stores
        .tokens
        .verify(issued.text.expose_secret())
        .await
        .unwrap()
        .unwrap();
    let everything = Filter::default();
    let page = stores
        .connections
        .list(visible_to(&caller), &everything, None, 10)
        .await
        .unwrap();
    assert_eq!(names(&page), ["own"]);
    let both = Filter {
        ids: Some(vec![own.id, sibling.id]),
        ..Filter::default()
    };
    assert_eq!(
        names(&stores.connections.list(&caller, &both, None, 10).await.unwrap()),
        ["own"]
    );
    assert_eq!(stores.connections.get(&caller, own.id).await.unwrap(), own);
    assert!(matches!(
        stores.connections.get(&caller, sibling.id).await,
        Err(Error::NotFound(_))
    ));
}

#[tokio::test]
async fn connections_are_listed_by_what_is_asked_for() {
    for stores in stores_everywhere().await {
        let mut ids = Vec::new();
        for (name, connector, external_id) in [("a", "tryton", "c-1"), ("b", "odoo", "c-1"), ("c", "odoo", "c-2")] {
            let mut new = new_connection(stores.acme, name);
            new.connector = connector.to_owned();
            new.customer = customer(external_id);
            ids.push(stores.connections.add(new).await.unwrap().id);
        }
        stores.connections.add(new_connection(stores.acme, "d")).await.unwrap();
        let mut foreign = new_connection(stores.rival, "foreign");
        foreign.customer = customer("c-1");
        stores.connections.add(foreign).await.unwrap();
        set_status(&stores, ids[1], Status::Active).await;

        let one = |text: &str| Some(vec![text.to_owned()]);
        let odoo = Filter {
            connectors: one("odoo"),
            ..Filter::default()
        };
        let cases = [
            (Filter::default(), vec!["a", "b", "c", "d"]),
            (
                Filter {
                    ids: Some(vec![ids[2], ids[0]]),
                    ..Filter::default()
                },
                vec!["a", "c"],
            ),
            (
                Filter {
                    customers: one("c-1"),
                    ..Filter::default()
                },
                vec!["a", "b"],
            ),
            (
                Filter {
                    customers: one("c-1"),
                    ..odoo.clone()
                },
                vec!["b"],
            ),
            (odoo, vec!["b", "c"]),
            (
                Filter {
                    statuses: Some(vec![Status::Active]),
                    ..Filter::default()
                },
                vec!["b"],
            ),
            (
                Filter {
                    ids: Some(Vec::new()),
                    ..Filter::default()
                },
                vec![],
            ),
            (
                Filter {
                    customers: Some(Vec::new()),
                    ..Filter::default()
                },
                vec![],
            ),
        ];
        for (filter, expected) in cases {
            let page = stores.connections.list(stores.acme, &filter, None, 10).await.unwrap();
            assert_eq!(names(&page), expected, "{filter:?}");
            assert!(!page.has_more);
        }
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_gaps() {
    for stores in stores_everywhere().await {
        for number in 0..5 {
            stores
                .connections
                .add(new_connection(stores.acme, &number.to_string()))
                .await
                .unwrap();
        }
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = stores
                .connections
                .list(stores.acme, &Filter::default(), after, 2)
                .await
                .unwrap();
            after = page.connections.last().map(|connection| connection.id);
            seen.extend(page.connections.iter().map(|connection| connection.name.clone()));
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen, ["0", "1", "2", "3", "4"]);
    }
}
