//! Small named records, in the same schema.

use serde_json::Value;
use sms_core::registry::{Expect, Record};
use sms_core::{Error, ErrorKind, Registry, Result, async_trait};
use sqlx::postgres::PgRow;

use crate::error::undecodable;
use crate::sql;
use crate::sql::args::clean;
use crate::sql::row::Columns;
use crate::store::PgStore;

#[async_trait]
impl Registry for PgStore {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        self.limited(put(self, kind, name, value, expect)).await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        let query =
            sqlx::query(sql::RECORD_GET).bind(self.now()).bind(clean(kind)).bind(clean(name));
        self.limited(self.rows(query)).await?.first().map(record).transpose()
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        let query = sqlx::query(sql::RECORD_LIST).bind(self.now()).bind(clean(kind));
        self.limited(self.rows(query)).await?.iter().map(record).collect()
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        let query = sqlx::query(sql::RECORD_DELETE).bind(clean(kind)).bind(clean(name));
        let deleted = self.limited(async { self.connection().await?.execute(query).await }).await?;
        Ok(deleted > 0)
    }
}

async fn put(
    store: &PgStore,
    kind: &str,
    name: &str,
    value: &Value,
    expect: Expect,
) -> Result<u64> {
    let conflict = || Error::new(ErrorKind::Conflict, "the record is not at the expected version");
    let statement = match expect {
        Expect::Anything => sql::RECORD_PUT,
        Expect::Absent => sql::RECORD_MAKE,
        Expect::Version(_) => sql::RECORD_UPDATE,
    };
    let mut query = sqlx::query(statement)
        .bind(store.now())
        .bind(clean(kind))
        .bind(clean(name))
        .bind(value.to_string());
    if let Expect::Version(version) = expect {
        query = query.bind(i64::try_from(version).map_err(|_| conflict())?);
    }
    let written = store.rows(query).await?;
    Columns::new(written.first().ok_or_else(conflict)?).large("version")
}

fn record(row: &PgRow) -> Result<Record> {
    let mut columns = Columns::new(row);
    let (name, version, value) =
        (columns.take()?, columns.large("version")?, columns.take::<&str>()?);
    let value =
        serde_json::from_str(value).map_err(|error| undecodable("record").with_source(error))?;
    Ok(Record::read(name, version, value, columns.take()?, columns.take()?))
}
