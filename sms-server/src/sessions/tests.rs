//! Sessions and links over a registry in memory.

use std::sync::Arc;

use sms_core::{Clock as _, ErrorKind, ManualClock, MemoryRegistry, SystemClock};

use super::session::IDLE;
use super::*;

const READ: [KeyScope; 1] = [KeyScope::Read];

/// Sessions of a server, over a registry that others may share.
struct Server {
    sessions: Sessions,
    registry: Arc<MemoryRegistry>,
    clock: Arc<ManualClock>,
}

impl Server {
    fn new() -> Self {
        let clock = ManualClock::new(SystemClock.now_ms());
        let registry = Arc::new(MemoryRegistry::new().clock(clock.clone()));
        Self { sessions: node(&registry, None), registry, clock }
    }

    async fn link(&self) -> String {
        let token = self.sessions.create_link("Olga", None, &READ).await.expect("a link");
        token.expose_secret().to_owned()
    }

    async fn open(&self) -> OpenedSession {
        let link = self.link().await;
        self.sessions.open_with_link(&link, None).await.expect("redeemed").expect("a session")
    }

    /// Lets time pass, for the store and for what nodes remember.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::advance(time).await;
    }
}

/// The sessions as one more node sees them.
fn node(registry: &Arc<MemoryRegistry>, admin: Option<&str>) -> Sessions {
    let admin = admin.map(SecretString::from);
    Sessions::new(KeyRing::new(registry.clone(), admin.as_ref()))
}

async fn who(sessions: &Sessions, opened: &OpenedSession) -> Option<String> {
    let caller = sessions.authenticate(opened.token.expose_secret()).await.expect("an answer");
    caller.map(|caller| caller.by().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_link_works_once_even_for_two_at_a_time() {
    let server = Server::new();
    let (link, other) = (server.link().await, node(&server.registry, None));
    let (one, two) = tokio::join!(
        server.sessions.open_with_link(&link, None),
        other.open_with_link(&link, None)
    );
    let opened = [one.expect("an answer"), two.expect("an answer")];
    assert_eq!(opened.iter().flatten().count(), 1);
    assert!(other.open_with_link(&link, None).await.expect("an answer").is_none());
    let opened = opened.into_iter().flatten().next().expect("one");
    assert_eq!(who(&other, &opened).await.as_deref(), Some("Olga"));
    assert!(opened.caller.may(KeyScope::Read) && !opened.caller.may(KeyScope::Send));
}

#[tokio::test(start_paused = true)]
async fn a_link_is_valid_for_ten_minutes_and_no_other_text_is() {
    let server = Server::new();
    let links = [server.link().await, server.link().await];
    server.pass(sign_in_link::VALID_FOR.saturating_sub(Duration::from_secs(1))).await;
    assert!(server.sessions.open_with_link(&links[0], None).await.expect("an answer").is_some());
    server.pass(Duration::from_secs(1)).await;
    let mut forged = links[1].clone();
    forged.truncate(forged.len() - 1);
    for wrong in [&*links[1], &*forged, "", "sms_link_"] {
        assert!(server.sessions.open_with_link(wrong, None).await.expect("an answer").is_none());
    }
    // What is over is removed with the next link.
    server.pass(sign_in_link::VALID_FOR).await;
    server.link().await;
    assert_eq!(server.registry.list("signin_link").await.expect("links").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_registry_holds_no_token() {
    let server = Server::new();
    let (link, opened) = (server.link().await, server.open().await);
    let mut all = server.registry.list("signin_link").await.expect("links");
    all.extend(server.registry.list(KIND).await.expect("sessions"));
    let all = format!("{all:?}");
    for secret in [&*link, opened.token.expose_secret()] {
        let body = secret.rsplit('_').next().expect("a body");
        assert!(!all.contains(&body[10..]), "the secret is in {all}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_it_is_not_used_and_after_a_week() {
    let server = Server::new();
    let (idle, used) = (server.open().await, server.open().await);
    let step = IDLE.saturating_sub(Duration::from_secs(1));
    let mut passed = Duration::ZERO;
    while passed + step < LIFETIME {
        server.pass(step).await;
        passed += step;
        assert!(who(&server.sessions, &used).await.is_some(), "after {passed:?}");
        // The use is noted in the background.
        tokio::task::yield_now().await;
    }
    assert_eq!(who(&server.sessions, &idle).await, None);
    server.pass(LIFETIME.saturating_sub(passed) + Duration::from_secs(1)).await;
    assert_eq!(who(&server.sessions, &used).await, None);
    server.sessions.clean().await.expect("cleaned");
    assert!(server.registry.list(KIND).await.expect("sessions").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_use_is_recorded_once_a_minute_and_revives_no_session() {
    let server = Server::new();
    let opened = server.open().await;
    let version = async || {
        tokio::task::yield_now().await;
        server.registry.get(KIND, &opened.session.id).await.expect("read").map(|it| it.version)
    };
    for _ in 0..15 {
        server.pass(Duration::from_secs(4)).await;
        who(&server.sessions, &opened).await;
    }
    assert_eq!(version().await, Some(2));
    server.pass(Duration::from_mins(2)).await;
    assert!(who(&server.sessions, &opened).await.is_some());
    // The record of that use is not written yet.
    server.sessions.end(&opened.session.id).await.expect("ended");
    assert_eq!(version().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_end_is_known_here_at_once_and_on_every_node_within_five_seconds() {
    let server = Server::new();
    let (opened, other) = (server.open().await, node(&server.registry, None));
    assert!(who(&server.sessions, &opened).await.is_some());
    assert!(who(&other, &opened).await.is_some());
    assert!(other.is_valid(&opened.caller).await.expect("an answer"));
    assert!(server.sessions.end(&opened.session.id).await.expect("ended"));
    assert_eq!(who(&server.sessions, &opened).await, None);
    server.pass(Duration::from_secs(5)).await;
    assert_eq!(who(&other, &opened).await, None);
    assert!(!other.is_valid(&opened.caller).await.expect("an answer"));
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_key_has_its_scopes_and_ends_with_it() {
    let server = Server::new();
    let keys = server.sessions.keys.clone();
    let key = keys.create("till", &READ).await.expect("a key");
    let caller = keys.authenticate(key.expose_secret()).await.expect("read").expect("valid");
    let id = caller.key.clone();
    let opened = server.sessions.open_with_key(caller, None).await.expect("a session");
    assert_eq!(who(&server.sessions, &opened).await.as_deref(), Some("till"));
    assert_eq!(opened.caller.scopes(), READ);
    keys.revoke(&id).await.expect("revoked");
    server.pass(Duration::from_secs(5)).await;
    assert_eq!(who(&server.sessions, &opened).await, None);
    assert!(!server.sessions.is_valid(&opened.caller).await.expect("an answer"));
}

#[tokio::test(start_paused = true)]
async fn a_session_with_the_configured_key_ends_with_another_configuration() {
    let server = Server::new();
    let here = node(&server.registry, Some("the first admin key"));
    let caller = here.keys.authenticate("the first admin key").await.expect("read");
    let opened = here.open_with_key(caller.expect("valid"), None).await.expect("a session");
    assert_eq!(who(&here, &opened).await.as_deref(), Some("admin"));
    let restarted = node(&server.registry, Some("the first admin key"));
    assert_eq!(who(&restarted, &opened).await.as_deref(), Some("admin"));
    for admin in [None, Some("another admin key")] {
        assert_eq!(who(&node(&server.registry, admin), &opened).await, None, "{admin:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_person_has_a_bounded_number_of_sessions_and_the_last_used_stay() {
    let server = Server::new();
    let (used, idle) = (server.open().await, server.open().await);
    server.pass(Duration::from_mins(2)).await;
    for _ in 2..MAX_OF_ONE {
        server.open().await;
    }
    server.pass(Duration::from_mins(2)).await;
    assert!(who(&server.sessions, &used).await.is_some());
    tokio::task::yield_now().await;
    server.open().await;
    let open = server.sessions.list().await.expect("sessions");
    assert_eq!(open.len(), MAX_OF_ONE);
    let is_open = |opened: &OpenedSession| open.iter().any(|it| it.id == opened.session.id);
    assert!(is_open(&used) && !is_open(&idle));
}

#[tokio::test(start_paused = true)]
async fn a_link_is_made_for_a_good_name_and_a_client_that_is_there() {
    let server = Server::new();
    let make = async |name: &str, client: Option<&str>, scopes: &[KeyScope]| {
        server.sessions.create_link(name, client, scopes).await.map(drop)
    };
    for refused in [
        make(" ", None, &READ).await,
        make("Olga", None, &[]).await,
        make("Olga", Some("nobody"), &READ).await,
    ] {
        assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Invalid);
    }
    let client = server.sessions.keys.create_client("shop").await.expect("a client");
    make("Olga", Some("shop"), &READ).await.expect("a link");
    make("Olga", None, &READ).await.expect("a link");
    make("Olga", None, &READ).await.expect("a link");
    let links = server.registry.list("signin_link").await.expect("links");
    let owners: std::collections::BTreeSet<_> =
        links.iter().map(|link| link.value["client"].to_string()).collect();
    assert_eq!(owners.len(), 2, "{owners:?}");
    assert!(owners.contains(&format!("\"{}\"", client.id)));
}
