//! The end of what is over.

use std::time::Duration;

use sms_core::Result;

use crate::error::undecodable;
use crate::sql;
use crate::sql::args::{millis, rows};
use crate::sql::row::Columns;
use crate::store::PgStore;

pub(crate) async fn purge(store: &PgStore, older_than: Duration, limit: usize) -> Result<usize> {
    let query =
        sqlx::query(sql::PURGE).bind(store.now()).bind(millis(older_than)).bind(rows(limit));
    let found = store.rows(query).await?;
    Columns::new(found.first().ok_or_else(|| undecodable("count"))?).large("count")
}
