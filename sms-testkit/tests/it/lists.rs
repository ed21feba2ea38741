//! A behaviour that is written but not listed in its macro would be tested by nobody.

const MACROS: &str = include_str!("../../src/macros/store.rs");

fn expect_listed(suite: &str, source: &str) {
    let name_of =
        |line: &str| Some(line.strip_prefix("pub async fn ")?.split_once('(')?.0.to_owned());
    let names: Vec<_> = source.lines().filter_map(name_of).collect();
    assert!(!names.is_empty(), "{suite} has no tests");
    for name in names {
        let listed = MACROS.lines().any(|line| line.trim() == name);
        assert!(listed, "{suite}::{name} is not in the list of its macro");
    }
}

macro_rules! suites {
    ($($suite:literal)*) => { $( expect_listed($suite, include_str!(concat!("../../src/", $suite, ".rs"))); )* };
}

#[test]
fn every_behaviour_is_in_the_list_of_its_macro() {
    suites! {
        "store/begin" "store/cancel" "store/concurrent" "store/due" "store/events" "store/expire" "store/insert"
        "store/late" "store/list" "store/parked" "store/polling" "store/purge" "store/receipts" "store/rescue"
        "store/resolve" "store/scope" "store/settle" "store/stats" "store/timeline" "store/unmatched" "queue" "provider" "registry"
    }
}
