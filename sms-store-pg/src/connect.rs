//! Options of the connections.

use sqlx::postgres::PgConnectOptions;

use crate::config::PgConfig;

pub(crate) fn options(config: &PgConfig) -> PgConnectOptions {
    let timeout = config.timeout.as_millis();
    let name = config.server.get_application_name().unwrap_or("sms").to_owned();
    let mut settings = vec![
        ("search_path", config.schema.clone()),
        // `Ok(id)` promises this, whatever the server's own default is.
        ("synchronous_commit", "on".to_owned()),
        ("default_transaction_isolation", "read committed".to_owned()),
        ("statement_timeout", timeout.to_string()),
        ("lock_timeout", (timeout / 2).to_string()),
        // A node that vanished inside a transaction must not hold its rows for longer.
        ("idle_in_transaction_session_timeout", timeout.to_string()),
        // The rows of a query are recent, and so in memory.
        ("random_page_cost", "1.1".to_owned()),
    ];
    // Statistics lag behind: a table that was empty a moment ago has a backlog now. Every statement
    // here finds its rows by an index, so the planner is kept from guessing.
    let planner = ["enable_seqscan", "enable_bitmapscan", "enable_mergejoin", "jit"];
    settings.extend(planner.map(|setting| (setting, "off".to_owned())));
    config.server.clone().application_name(&name).options(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_set_up_the_durable_way_and_bounded() {
        let config =
            PgConfig::from_url("postgres://h/db?timeout_seconds=20&schema=sms_2").expect("valid");
        let options = options(&config);
        let settings = options.get_options().unwrap_or_default();
        for setting in [
            "synchronous_commit=on",
            "statement_timeout=20000",
            "lock_timeout=10000",
            "idle_in_transaction_session_timeout=20000",
            "search_path=sms_2",
        ] {
            assert!(settings.contains(setting), "{setting} is not in {settings}");
        }
        assert_eq!(options.get_application_name(), Some("sms"));
    }
}
