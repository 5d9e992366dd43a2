//! The plant as tables of a database of its own, with a user that may read them and nothing else.

use std::fmt::Write as _;

use lineshaft_sandbox::{
    Options, Size, World,
    world::{OrderStatus, VendorStatus, WorkStatus},
};
use mysql_async::prelude::Queryable as _;
use reqwest::Url;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::sync::Mutex;

use uuid::Uuid;

pub const PASSWORD: &str = "kept from everybody: 'x' \\ %";

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    Mysql,
}

impl Kind {
    /// The setting of the connector.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    fn url(self) -> Option<Url> {
        let name = match self {
            Self::Postgres => "LINESHAFT_TEST_POSTGRES_URL",
            Self::Mysql => "LINESHAFT_TEST_MYSQL_URL",
        };
        Some(Url::parse(&std::env::var(name).ok()?).unwrap())
    }
}

enum Owner {
    Postgres(PgConnection),
    Mysql(mysql_async::Conn),
}

/// A database with the plant in it, and its owner.
pub struct Tables {
    pub kind: Kind,
    pub host: String,
    pub port: u16,
    pub database: String,
    pub reader: String,
    owner: Mutex<Owner>,
}

impl Tables {
    /// Makes a database; none where there is no server of this kind.
    pub async fn make(kind: Kind) -> Option<Self> {
        let server = kind.url()?;
        let suffix = Uuid::now_v7().simple().to_string();
        let (database, reader) = (format!("plant_{suffix}"), format!("r_{}", &suffix[..24]));
        let mut own = server.clone();
        own.set_path(&database);
        let create = format!("CREATE DATABASE {database}");
        let owner = match kind {
            Kind::Postgres => {
                let mut first = PgConnection::connect(server.as_str()).await.unwrap();
                first.execute(AssertSqlSafe(create)).await.unwrap();
                let options = own.as_str().parse::<sqlx::postgres::PgConnectOptions>().unwrap();
                Owner::Postgres(options.connect().await.unwrap())
            }
            Kind::Mysql => {
                let mut first = mysql_async::Conn::from_url(server.as_str()).await.unwrap();
                first
                    .query_drop(format!("{create} CHARACTER SET utf8mb4"))
                    .await
                    .unwrap();
                Owner::Mysql(mysql_async::Conn::from_url(own.as_str()).await.unwrap())
            }
        };
        let tables = Self {
            kind,
            host: server.host_str().unwrap().to_owned(),
            port: server.port().unwrap(),
            database,
            reader,
            owner: Mutex::new(owner),
        };
        tables.fill().await;
        Some(tables)
    }

    /// Runs a statement as the owner.
    pub async fn run(&self, sql: &str) {
        match &mut *self.owner.lock().await {
            Owner::Postgres(owner) => {
                owner.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
            }
            Owner::Mysql(owner) => owner.query_drop(sql).await.unwrap(),
        }
    }

    /// Returns a number that a statement of the owner gives.
    pub async fn number(&self, sql: &str) -> i64 {
        match &mut *self.owner.lock().await {
            Owner::Postgres(owner) => owner.fetch_one(AssertSqlSafe(sql.to_owned())).await.unwrap().get(0),
            Owner::Mysql(owner) => owner.query_first(sql).await.unwrap().unwrap(),
        }
    }

    /// Returns the user as it is named in statements.
    pub fn user(&self) -> String {
        match self.kind {
            Kind::Postgres => self.reader.clone(),
            Kind::Mysql => format!("'{}'@'%'", self.reader),
        }
    }

    /// Returns the name of a table in statements about rights.
    pub fn named(&self, table: &str) -> String {
        match self.kind {
            Kind::Postgres => table.to_owned(),
            Kind::Mysql => format!("{}.{table}", self.database),
        }
    }

    /// Lets the user read a table.
    pub async fn grant(&self, table: &str) {
        self.run(&format!("GRANT SELECT ON {} TO {}", self.named(table), self.user()))
            .await;
    }

    /// Writes a text in a statement.
    pub fn text(&self, text: &str) -> String {
        let doubled = text.replace('\'', "''");
        match self.kind {
            Kind::Postgres => format!("'{doubled}'"),
            Kind::Mysql => format!("'{}'", doubled.replace('\\', "\\\\")),
        }
    }

    pub async fn set_password(&self, password: &str) {
        let (user, password) = (self.user(), self.text(password));
        self.run(&match self.kind {
            Kind::Postgres => format!("ALTER ROLE {user} PASSWORD {password}"),
            Kind::Mysql => format!("ALTER USER {user} IDENTIFIED BY {password}"),
        })
        .await;
    }

    async fn fill(&self) {
        let moment = match self.kind {
            Kind::Postgres => "TIMESTAMPTZ",
            Kind::Mysql => "TIMESTAMP(6) NULL",
        };
        for (table, columns) in [
            (
                "suppliers",
                "supplier_id INT PRIMARY KEY, code VARCHAR(40), supplier_name VARCHAR(200), state VARCHAR(2), currency VARCHAR(3),
                 terms VARCHAR(200), street VARCHAR(200), city VARCHAR(200), country VARCHAR(2), modified_at MOMENT",
            ),
            (
                "parts",
                "part_no VARCHAR(40) PRIMARY KEY, title VARCHAR(200), unit VARCHAR(20), price NUMERIC(24, 6), main_supplier_id INT,
                 modified_at MOMENT",
            ),
            (
                "orders",
                "order_id INT PRIMARY KEY, order_no VARCHAR(40), state VARCHAR(2), supplier_id INT, ordered_on DATE,
                 currency VARCHAR(3), modified_at MOMENT",
            ),
            (
                "order_lines",
                "order_id INT, line_no INT, text VARCHAR(400), part_no VARCHAR(40), quantity NUMERIC(24, 6), unit VARCHAR(20),
                 price NUMERIC(24, 6), currency VARCHAR(3), PRIMARY KEY (order_id, line_no)",
            ),
            ("machines", "machine_no VARCHAR(40) PRIMARY KEY, title VARCHAR(200), part_of VARCHAR(40)"),
            (
                "jobs",
                "job_no VARCHAR(40) PRIMARY KEY, title VARCHAR(400), state VARCHAR(2), machine_no VARCHAR(40), due_at MOMENT,
                 modified_at MOMENT",
            ),
        ] {
            self.run(&format!("CREATE TABLE {table} ({})", columns.replace("MOMENT", moment))).await;
        }
        let options = Options::default();
        for statement in self.rows(&World::generate(options.seed, Size::Small)) {
            self.run(&statement).await;
        }
        let (user, password) = (self.user(), self.text(PASSWORD));
        self.run(&match self.kind {
            Kind::Postgres => format!("CREATE ROLE {user} LOGIN PASSWORD {password}"),
            Kind::Mysql => format!("CREATE USER {user} IDENTIFIED BY {password}"),
        })
        .await;
        for table in ["suppliers", "parts", "orders", "order_lines", "machines", "jobs"] {
            self.grant(table).await;
        }
    }

    fn rows(&self, world: &World) -> Vec<String> {
        let text = |text: &str| self.text(text);
        let optional = |value: Option<&str>| value.map_or_else(|| "NULL".to_owned(), |value| self.text(value));
        // Many share a moment, so that orders by it have to be told apart by the key.
        let day = |at: chrono::DateTime<chrono::Utc>| self.text(&at.format("%Y-%m-01 00:00:00").to_string());
        let item = |id: u32| {
            world
                .items
                .iter()
                .find(|item| item.id == id)
                .map(|item| item.number.as_str())
        };
        let asset = |id: u32| {
            world
                .assets
                .iter()
                .find(|asset| asset.id == id)
                .map(|asset| asset.number.as_str())
        };
        let mut statements = Vec::new();
        let mut insert = |table: &str, rows: Vec<Vec<String>>| {
            for rows in rows.chunks(100) {
                let mut statement = format!("INSERT INTO {table} VALUES ");
                for (at, row) in rows.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(statement, "{comma}({})", row.join(", ")).unwrap();
                }
                statements.push(statement);
            }
        };
        let vendors = world.vendors.iter().map(|vendor| {
            let state = match vendor.status {
                VendorStatus::Active => "A",
                VendorStatus::Blocked => "B",
                VendorStatus::Inactive => "I",
            };
            let mut row = vec![
                vendor.id.to_string(),
                text(&vendor.number),
                text(&vendor.name),
                text(state),
            ];
            row.extend(
                [
                    &vendor.currency,
                    &vendor.payment_terms,
                    &vendor.street,
                    &vendor.city,
                    &vendor.country,
                ]
                .map(|value| text(value)),
            );
            row.push(day(vendor.updated_at));
            row
        });
        insert("suppliers", vendors.collect());
        let items = world.items.iter().map(|item| {
            vec![
                text(&item.number),
                text(&item.name),
                text(&item.uom),
                item.standard_cost.to_string(),
                item.vendor.to_string(),
                day(item.updated_at),
            ]
        });
        insert("parts", items.collect());
        let orders = world.purchase_orders.iter().map(|order| {
            let state = match order.status {
                OrderStatus::Draft => "D",
                OrderStatus::PendingApproval => "P",
                OrderStatus::Rejected => "R",
                OrderStatus::Approved => "O",
                OrderStatus::Sent => "S",
                OrderStatus::PartiallyReceived => "L",
                OrderStatus::Received => "F",
                OrderStatus::Closed => "C",
                OrderStatus::Canceled => "X",
            };
            vec![
                order.id.to_string(),
                text(&order.number),
                text(state),
                order.vendor.to_string(),
                text(&order.order_date.to_string()),
                text(&order.currency),
                day(order.updated_at),
            ]
        });
        insert("orders", orders.collect());
        let lines = world.purchase_orders.iter().flat_map(|order| {
            order.lines.iter().map(|line| {
                vec![
                    order.id.to_string(),
                    line.line_no.to_string(),
                    text(&line.description),
                    optional(line.item.and_then(item)),
                    line.quantity.to_string(),
                    text(&line.uom),
                    line.unit_price.to_string(),
                    text(&order.currency),
                ]
            })
        });
        insert("order_lines", lines.collect());
        let machines = world.assets.iter();
        let machines =
            machines.map(|one| vec![text(&one.number), text(&one.name), optional(one.parent.and_then(asset))]);
        insert("machines", machines.collect());
        let jobs = world.work_orders.iter().map(|job| {
            let state = match job.status {
                WorkStatus::Draft => "D",
                WorkStatus::PendingApproval => "P",
                WorkStatus::Approved => "A",
                WorkStatus::Scheduled => "S",
                WorkStatus::InProgress => "W",
                WorkStatus::OnHold => "H",
                WorkStatus::Completed => "C",
                WorkStatus::Closed => "Z",
                WorkStatus::Canceled => "X",
            };
            let due = job.due_at.map(|due| due.format("%Y-%m-%d %H:%M:%S%.6f").to_string());
            vec![
                text(&job.number),
                text(&job.title),
                text(state),
                optional(job.asset.and_then(asset)),
                optional(due.as_deref()),
                day(job.updated_at),
            ]
        });
        insert("jobs", jobs.collect());
        statements
    }
}
