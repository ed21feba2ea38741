//! Marks on a whole store, in its registry: a server does not start on a store that was restored
//! or moved until an operator has said so.

use anyhow::bail;
use serde_json::{Value, json};
use sms_core::Registry;
use sms_core::registry::{Expect, Record};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The kind of the records. A copy of a store has its own.
pub(crate) const KIND: &str = "store_mark";
/// The store is a backup. Only the backup has it, so a store that has it was restored.
pub(crate) const BACKUP: &str = "backup";
/// The store was moved to another one, or is being moved.
pub(crate) const MOVED: &str = "moved";
/// A copy into this store is not complete, and how far it is.
pub(crate) const COPY: &str = "copy";
/// The identity of the tables that were in use.
const IDENTITY: &str = "identity";

/// Refuses a store that must not be used, and remembers the identity of its tables.
///
/// # Errors
///
/// A mark, with what to do about it; the registry's.
pub(crate) async fn check(registry: &dyn Registry, identity: Option<&str>) -> anyhow::Result<()> {
    if let Some(mark) = registry.get(KIND, MOVED).await? {
        bail!(
            "the store was moved to {} at {}: use that one. `sms-server copy --unfence --from \
             ADDRESS` opens this one again, if the other one was never used",
            text(&mark, "to"),
            text(&mark, "at")
        );
    }
    check_content(registry, identity).await
}

/// Refuses a store with messages that may have been sent elsewhere, or that are not all there.
///
/// # Errors
///
/// Those of [`check`], but for a store that was moved.
pub(crate) async fn check_content(
    registry: &dyn Registry,
    identity: Option<&str>,
) -> anyhow::Result<()> {
    if let Some(mark) = registry.get(KIND, COPY).await? {
        bail!(
            "the copy of {} into the store is not complete: run `sms-server copy` again",
            text(&mark, "from")
        );
    }
    if let Some(mark) = registry.get(KIND, BACKUP).await? {
        bail!(
            "the store was restored from a backup of {}; run `sms-server restored` first, so that \
             nothing is sent twice",
            text(&mark, "at")
        );
    }
    let Some(identity) = identity else { return Ok(()) };
    let known = registry.get(KIND, IDENTITY).await?;
    if known.as_ref().is_some_and(|known| known.value["tables"] != identity) {
        bail!(
            "the tables of the store are not those that it was last used with: it was restored \
             from a backup. Run `sms-server restored --from TIME` with the time of the backup \
             first, so that nothing is sent twice; or `sms-server restored --unchanged` if \
             nothing was sent from the store after it was copied"
        );
    }
    if known.is_none() {
        remember(registry, identity).await?;
    }
    Ok(())
}

/// The time at which the backup was taken that this store is; `None` if it is no backup.
///
/// # Errors
///
/// The registry's.
pub(crate) async fn backup_time(registry: &dyn Registry) -> anyhow::Result<Option<OffsetDateTime>> {
    let mark = registry.get(KIND, BACKUP).await?;
    Ok(mark.and_then(|mark| OffsetDateTime::parse(text(&mark, "at"), &Rfc3339).ok()))
}

/// The document of the mark of a backup.
///
/// # Errors
///
/// A time that cannot be written.
pub(crate) fn of_backup(at: OffsetDateTime) -> anyhow::Result<Value> {
    Ok(json!({ "at": at.format(&Rfc3339)? }))
}

/// Removes what keeps a server from starting on a restored store.
///
/// # Errors
///
/// The registry's.
pub(crate) async fn release(registry: &dyn Registry, identity: Option<&str>) -> anyhow::Result<()> {
    if let Some(identity) = identity {
        remember(registry, identity).await?;
    }
    registry.delete(KIND, BACKUP).await?;
    Ok(())
}

async fn remember(registry: &dyn Registry, identity: &str) -> anyhow::Result<()> {
    registry.put(KIND, IDENTITY, &json!({ "tables": identity }), Expect::Anything).await?;
    Ok(())
}

fn text<'a>(mark: &'a Record, field: &str) -> &'a str {
    mark.value[field].as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use sms_core::MemoryRegistry;
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn a_backup_is_refused_until_it_is_released() {
        let registry = MemoryRegistry::new();
        check(&registry, None).await.unwrap();
        let at = datetime!(2026-11-27 12:00 UTC);
        let mark = of_backup(at).unwrap();
        registry.put(KIND, BACKUP, &mark, Expect::Absent).await.unwrap();
        let refused = check(&registry, None).await.unwrap_err().to_string();
        assert!(refused.contains("a backup of 2026-11-27T12:00:00Z; run"), "{refused}");
        assert_eq!(backup_time(&registry).await.unwrap(), Some(at));
        release(&registry, None).await.unwrap();
        check(&registry, None).await.unwrap();
    }

    #[tokio::test]
    async fn other_tables_with_the_same_content_are_refused_until_they_are_released() {
        let registry = MemoryRegistry::new();
        for _ in 0..2 {
            check(&registry, Some("16385")).await.unwrap();
        }
        let refused = check(&registry, Some("17000")).await.unwrap_err().to_string();
        assert!(refused.contains("restored --from TIME"), "{refused}");
        check(&registry, Some("17000")).await.expect_err("still");
        release(&registry, Some("17000")).await.unwrap();
        check(&registry, Some("17000")).await.unwrap();
    }
}
