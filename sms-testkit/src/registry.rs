//! Behaviours of every [`Registry`](sms_core::Registry). [`registry!`](crate::registry!) makes a
//! test of each.

#![allow(missing_docs, reason = "the name of each function says what it checks")]

use std::time::Duration;

use serde_json::{Value, json};
use sms_core::ErrorKind;
use sms_core::registry::{Expect, Record};

use crate::harness::RegistryHarness;

const KIND: &str = "settings";

impl RegistryHarness {
    async fn put(&self, name: &str, value: &Value, expect: Expect) -> sms_core::Result<u64> {
        self.registry.put(KIND, name, value, expect).await
    }

    /// Writes a record unconditionally.
    async fn write(&self, name: &str, value: &Value) -> u64 {
        self.put(name, value, Expect::Anything).await.expect("an unconditional put succeeds")
    }

    async fn find(&self, name: &str) -> Option<Record> {
        self.registry.get(KIND, name).await.expect("get")
    }

    async fn expect_conflict(&self, name: &str, expect: Expect) {
        let before = self.find(name).await;
        let error =
            self.put(name, &json!("lost"), expect).await.expect_err("the version is another");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{expect:?}");
        assert_eq!(self.find(name).await, before, "a refused put writes nothing");
    }
}

pub async fn a_record_can_be_read_back(h: &RegistryHarness) {
    let value = json!({"a": [1, 2.5, null, true], "б": {"c": "строка"}});
    assert_eq!(h.write("one", &value).await, 1);
    let record = h.find("one").await.expect("a record that was put can be read");
    assert_eq!((record.name.as_str(), record.version, record.value), ("one", 1, value));
}

pub async fn a_record_that_is_not_there_is_none(h: &RegistryHarness) {
    assert_eq!(h.find("one").await, None);
    h.write("two", &json!(2)).await;
    assert_eq!(h.find("one").await, None);
    assert_eq!(
        h.registry.get("other", "two").await.expect("get"),
        None,
        "names belong to their kind"
    );
}

pub async fn versions_grow_by_one(h: &RegistryHarness) {
    for version in 1..=3 {
        assert_eq!(h.write("one", &json!(version)).await, version);
        assert_eq!(
            h.find("one").await.map(|record| (record.version, record.value)),
            Some((version, json!(version)))
        );
    }
    assert_eq!(h.write("two", &json!(0)).await, 1, "each record has its own versions");
}

pub async fn the_expected_version_is_overwritten(h: &RegistryHarness) {
    h.write("one", &json!(1)).await;
    assert_eq!(h.put("one", &json!(2), Expect::Version(1)).await.ok(), Some(2));
    assert_eq!(h.find("one").await.map(|record| record.value), Some(json!(2)));
}

pub async fn another_version_is_a_conflict(h: &RegistryHarness) {
    h.write("one", &json!(1)).await;
    h.write("one", &json!(2)).await;
    for version in [0, 1, 3, u64::MAX] {
        h.expect_conflict("one", Expect::Version(version)).await;
    }
}

pub async fn an_expected_version_of_an_absent_record_is_a_conflict(h: &RegistryHarness) {
    for version in [0, 1] {
        h.expect_conflict("one", Expect::Version(version)).await;
    }
}

pub async fn an_absent_record_is_made_once(h: &RegistryHarness) {
    assert_eq!(h.put("one", &json!(1), Expect::Absent).await.ok(), Some(1));
    h.expect_conflict("one", Expect::Absent).await;
}

pub async fn a_deleted_record_is_gone_and_starts_over(h: &RegistryHarness) {
    h.write("one", &json!(1)).await;
    h.write("one", &json!(2)).await;
    assert!(h.registry.delete(KIND, "one").await.expect("delete"), "the record existed");
    assert_eq!(h.find("one").await, None);
    assert!(
        !h.registry.delete(KIND, "one").await.expect("delete"),
        "the record does not exist any more"
    );
    h.expect_conflict("one", Expect::Version(2)).await;
    assert_eq!(h.put("one", &json!(3), Expect::Absent).await.ok(), Some(1));
}

pub async fn a_delete_leaves_the_others(h: &RegistryHarness) {
    for name in ["one", "two"] {
        h.write(name, &json!(name)).await;
    }
    h.registry.put("other", "one", &json!(0), Expect::Absent).await.expect("put");
    h.registry.delete(KIND, "one").await.expect("delete");
    assert!(h.find("two").await.is_some(), "another name");
    assert!(h.registry.get("other", "one").await.expect("get").is_some(), "another kind");
}

pub async fn a_list_holds_one_kind_by_name(h: &RegistryHarness) {
    for name in ["b", "a10", "a", "B", "a2", "я", "é"] {
        h.write(name, &json!(name)).await;
    }
    h.registry.put("other", "c", &json!(0), Expect::Absent).await.expect("put");
    let records = h.registry.list(KIND).await.expect("list");
    let names: Vec<_> = records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["B", "a", "a10", "a2", "b", "é", "я"], "sorted by code point");
    for record in records {
        assert_eq!(h.find(&record.name).await, Some(record), "list and get return the same record");
    }
}

pub async fn a_list_of_nothing_is_empty(h: &RegistryHarness) {
    assert_eq!(h.registry.list(KIND).await.expect("list"), []);
}

pub async fn names_are_kept_letter_by_letter(h: &RegistryHarness) {
    let names = ["ключ", "Ключ", "a b", "a/b", "%", "_", "'", "\"", "a\\", "🎄", ""];
    for name in names {
        assert_eq!(h.write(name, &json!(name)).await, 1, "{name:?} is a separate record");
    }
    for name in names {
        assert_eq!(h.find(name).await.map(|record| record.value), Some(json!(name)), "{name:?}");
    }
}

pub async fn every_json_value_is_kept(h: &RegistryHarness) {
    let long = "ж".repeat(100_000);
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(0.1),
        json!(""),
        json!([]),
        json!({}),
    ];
    for value in values.into_iter().chain([json!("Ёлка 🎄 \" \\ \n"), json!({"long": long})])
    {
        h.write("one", &value).await;
        assert_eq!(h.find("one").await.map(|record| record.value), Some(value));
    }
}

pub async fn a_put_notes_its_time(h: &RegistryHarness) {
    h.write("one", &json!(1)).await;
    let first = h.find("one").await.expect("a record").updated_at;
    h.advance(Duration::from_mins(1)).await;
    assert_eq!(
        h.find("one").await.map(|record| record.updated_at),
        Some(first),
        "a read does not change the time"
    );
    h.write("one", &json!(1)).await;
    let second = h.find("one").await.expect("a record").updated_at;
    assert!(
        second - first >= Duration::from_mins(1),
        "a write of the same value is visible as a heartbeat"
    );
}

pub async fn the_age_of_a_record_is_told_by_the_stores_clock(h: &RegistryHarness) {
    h.write("one", &json!(1)).await;
    let young = h.find("one").await.expect("a record").age;
    assert!(young < Duration::from_secs(20), "{young:?}");
    h.advance(Duration::from_mins(1)).await;
    let listed = h.registry().list(KIND).await.expect("a list");
    for age in [h.find("one").await.expect("a record").age, listed[0].age] {
        assert!(age >= Duration::from_mins(1) && age < Duration::from_mins(2), "{age:?}");
    }
}

pub async fn of_concurrent_writers_one_succeeds(h: &RegistryHarness) {
    h.write("one", &json!(0)).await;
    for version in 1..=10 {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let registry = h.registry();
                tokio::spawn(async move {
                    let value = json!(writer);
                    let put = registry.put(KIND, "one", &value, Expect::Version(version)).await;
                    put.map(|_| value).map_err(|error| error.kind())
                })
            })
            .collect();
        let mut won = Vec::new();
        for writer in writers {
            match writer.await.expect("a concurrent put must not panic") {
                Ok(value) => won.push(value),
                Err(kind) => assert_eq!(kind, ErrorKind::Conflict),
            }
        }
        let record = h.find("one").await.expect("a record");
        assert_eq!(
            (won, record.version),
            (vec![record.value], version + 1),
            "exactly one writer wins"
        );
    }
}

pub async fn of_concurrent_creations_one_succeeds(h: &RegistryHarness) {
    let makers: Vec<_> = (0..8)
        .map(|maker| {
            let registry = h.registry();
            tokio::spawn(async move {
                registry.put(KIND, "one", &json!(maker), Expect::Absent).await.is_ok()
            })
        })
        .collect();
    let mut made = 0;
    for maker in makers {
        made += usize::from(maker.await.expect("a concurrent put must not panic"));
    }
    assert_eq!((made, h.find("one").await.map(|record| record.version)), (1, Some(1)));
}

pub async fn no_unconditional_write_is_lost(h: &RegistryHarness) {
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let registry = h.registry();
            tokio::spawn(async move {
                registry.put(KIND, "one", &json!(writer), Expect::Anything).await
            })
        })
        .collect();
    let mut versions = Vec::new();
    for writer in writers {
        versions.push(
            writer.await.expect("a concurrent put must not panic").expect("an unconditional put"),
        );
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>(), "each put has its own version");
}
