//! This server's delivery to webhooks: fills the outbox, and delivers what is in it, as it is told by lines.

use std::time::Duration;

use lineshaft_engine::{
    origin::Origin,
    webhooks::{Filter, NewEndpoint, State},
};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    deliveries::{ENDPOINTS, ORGANIZATIONS},
    ours::{Organization, Stage},
    receiver,
};

/// How often it is looked whether all is done: seldom, since looking takes time from what is measured.
const LOOK: Duration = Duration::from_millis(50);

struct Deliverer {
    stage: Stage,
    organizations: Vec<Organization>,
    worker: Option<JoinHandle<()>>,
}

pub async fn obey() {
    let mut deliverer = Deliverer::new().await;
    println!("ready");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let answer = match line.split_once(' ') {
            Some(("fill", events)) => deliverer.fill(events.parse().unwrap()).await,
            _ if line == "deliver" => deliverer.deliver().await,
            _ => deliverer.tell().await,
        };
        println!("{answer}");
    }
}

impl Deliverer {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let mut organizations = Vec::new();
        for number in 0..ORGANIZATIONS {
            organizations.push(stage.organization(number).await);
        }
        for number in 0..ENDPOINTS {
            let new = NewEndpoint {
                url: receiver::url(number),
                description: String::new(),
                kinds: None,
                connection_id: None,
                ordered: false,
                enabled: true,
            };
            let organization = organizations[number % ORGANIZATIONS].id;
            let webhooks = &stage.engine.webhooks;
            webhooks.create(organization, new, &Origin::operator()).await.unwrap();
        }
        Self {
            stage,
            organizations,
            worker: None,
        }
    }

    /// Puts events into the outbox that no worker looks at yet.
    async fn fill(&self, events: usize) -> String {
        for _ in 0..events {
            for organization in &self.organizations {
                self.event(*organization).await;
            }
        }
        "filled".to_owned()
    }

    /// Delivers until nothing is left, and returns when it began and when the last outcome was written down.
    async fn deliver(&mut self) -> String {
        let began = crate::now_us();
        let worker = self.stage.engine.webhook_worker.clone();
        self.worker = Some(tokio::spawn(async move { worker.run(std::future::pending()).await }));
        self.drained().await;
        format!("{began} {}", crate::now_us())
    }

    /// Makes one event happen in each organization while the worker waits, and returns the moments of their commits.
    async fn tell(&self) -> String {
        let mut commits = Vec::new();
        for organization in &self.organizations {
            self.event(*organization).await;
            commits.push(crate::now_us().to_string());
        }
        self.drained().await;
        commits.join(" ")
    }

    /// A new token for its connection is an event that asks no system.
    async fn event(&self, organization: Organization) {
        let engine = &self.stage.engine;
        engine
            .rotate_token(organization.id, organization.connection, None, &Origin::operator())
            .await
            .unwrap();
    }

    async fn drained(&self) {
        let pending = Filter {
            states: Some(vec![State::Pending]),
            ..Filter::default()
        };
        for organization in &self.organizations {
            loop {
                let webhooks = &self.stage.engine.webhooks;
                let page = webhooks.deliveries(organization.id, &pending, None, 1).await.unwrap();
                if page.deliveries.is_empty() {
                    break;
                }
                sleep(LOOK).await;
            }
        }
    }
}
