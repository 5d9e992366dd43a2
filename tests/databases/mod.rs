//! Real databases behind `generic-sql`, with the plant in their tables: Postgres when `LINESHAFT_TEST_POSTGRES_URL` names one,
//! MySQL or MariaDB when `LINESHAFT_TEST_MYSQL_URL` does. Without them nothing is tried.

mod stand;
mod tables;

mod lists;
mod mapped;
mod safety;
mod statements;
mod trials;

use self::{
    stand::{Options, Stand},
    tables::Kind,
};

/// Runs a test on every kind of database that there is.
async fn on_each<F: Future<Output = ()>>(test: impl Fn(Stand) -> F) {
    on_each_with(Options::default(), test).await;
}

async fn on_each_with<F: Future<Output = ()>>(options: Options, test: impl Fn(Stand) -> F) {
    for kind in [Kind::Postgres, Kind::Mysql] {
        if let Some(stand) = Stand::start(kind, &options).await {
            test(stand).await;
        }
    }
}
