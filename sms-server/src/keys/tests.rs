use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use sms_core::{Clock as _, ManualClock, MemoryRegistry, Scope, SystemClock, async_trait};
use tokio::time::timeout;

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn ring() -> KeyRing {
    KeyRing::new(Arc::new(MemoryRegistry::new()), Some(&"an-admin-key-of-mine".into()))
}

#[tokio::test]
async fn a_key_opens_what_its_scopes_say() {
    let ring = ring();
    let key = ring.create("shop", &[KeyScope::Send]).await.unwrap();
    let principal = ring.authenticate(key.expose_secret()).await.unwrap().expect("known");
    assert!(principal.may(KeyScope::Send));
    assert!(!principal.may(KeyScope::Read));
    assert_eq!(principal.scope(), Scope::Owner(principal.client.to_string()));
}

#[tokio::test]
async fn a_mistyped_unknown_or_foreign_key_opens_nothing() {
    let ring = ring();
    let key = ring.create("shop", &[KeyScope::Send]).await.unwrap();
    let stranger = format::generate(KeyKind::Live).unwrap().1;
    let mistyped = format!("{}!", &key.expose_secret()[..key.expose_secret().len() - 1]);
    let forged = format::forged(key.expose_secret());
    for wrong in
        ["", "sms_live_", stranger.expose_secret(), &mistyped, &forged, "an-admin-key-of-min"]
    {
        assert!(ring.authenticate(wrong).await.unwrap().is_none(), "{wrong}");
    }
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_here_at_once_and_elsewhere_within_five_seconds() {
    tokio::time::pause();
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let (here, elsewhere) = (KeyRing::new(registry.clone(), None), KeyRing::new(registry, None));
    let key = here.create("shop", &[KeyScope::Send]).await.unwrap();
    let id = elsewhere.authenticate(key.expose_secret()).await.unwrap().expect("known").key;
    here.revoke(&id).await.unwrap();
    assert!(here.authenticate(key.expose_secret()).await.unwrap().is_none());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert!(elsewhere.authenticate(key.expose_secret()).await.unwrap().is_none());
}

#[tokio::test]
async fn each_test_key_has_messages_of_its_own_which_its_successors_share() {
    let ring = ring();
    let client = ring.create_client("shop").await.unwrap();
    let new = |kind| NewKey::new("a key", &[KeyScope::Send]).kind(kind);
    let owner = async |secret: &SecretString| {
        let caller = ring.authenticate(secret.expose_secret()).await.unwrap().expect("known");
        caller.owner().to_owned()
    };
    let mut owners = Vec::new();
    for kind in [KeyKind::Test, KeyKind::Test, KeyKind::Live] {
        let first = ring.issue(&client, new(kind)).await.unwrap();
        owners.push(owner(&first.secret).await);
        let mut id = first.details.key.id;
        for _ in 0..2 {
            let next = ring.rotate(&id, DAY).await.unwrap();
            assert_eq!(owner(&next.secret).await, *owners.last().unwrap());
            id = next.details.key.id;
        }
    }
    assert!(owners[0] != owners[1] && owners[1] != owners[2], "{owners:?}");
    assert_eq!(owners[2], client.id);
}

#[tokio::test]
async fn the_configured_key_opens_everything() {
    let principal = ring().authenticate("an-admin-key-of-mine").await.unwrap().expect("known");
    assert!(KeyScope::ALL.into_iter().all(|scope| principal.may(scope)));
    assert_eq!(principal.scope(), Scope::All);
}

#[tokio::test]
async fn the_registry_never_holds_the_key() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let key = KeyRing::new(registry.clone(), None).create("shop", &[KeyScope::Send]).await.unwrap();
    let kept = format!("{:?}", registry.list(KIND).await.unwrap());
    assert!(!kept.contains(&key.expose_secret()[19..]));
}

/// The text of a key, and its id.
fn parts(key: &SecretString) -> (String, String) {
    let text = key.expose_secret();
    (text.to_owned(), format::id_in(text).expect("well-formed").to_owned())
}

/// A ring on a registry with a clock that the test moves, and that clock.
fn ring_on_clock() -> (KeyRing, Arc<ManualClock>) {
    let clock = ManualClock::new(SystemClock.now_ms());
    (KeyRing::new(Arc::new(MemoryRegistry::new().clock(clock.clone())), None), clock)
}

/// Moves the clock of the registry and that of the process.
async fn pass(clock: &ManualClock, time: Duration) {
    clock.advance(time);
    tokio::time::advance(time).await;
}

/// A registry that another process interrupts, or in which this one ends.
#[derive(Debug)]
struct Interrupted {
    registry: Arc<dyn Registry>,
    /// The number of the put that never comes to its end.
    stops_at: usize,
    puts: AtomicUsize,
}

impl Interrupted {
    fn new(registry: &Arc<dyn Registry>, stops_at: usize) -> Arc<Self> {
        Arc::new(Self { registry: registry.clone(), stops_at, puts: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Registry for Interrupted {
    async fn put(&self, kind: &str, name: &str, value: &Value, expect: Expect) -> Result<u64> {
        if self.puts.fetch_add(1, Ordering::Relaxed) + 1 == self.stops_at {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        self.registry.put(kind, name, value, expect).await
    }

    async fn get(&self, kind: &str, name: &str) -> Result<Option<Record>> {
        self.registry.get(kind, name).await
    }

    async fn list(&self, kind: &str) -> Result<Vec<Record>> {
        self.registry.list(kind).await
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<bool> {
        self.registry.delete(kind, name).await
    }
}

#[tokio::test]
async fn keys_of_one_client_own_the_same_messages_and_others_do_not() {
    let ring = ring();
    let mut clients = Vec::new();
    let scopes = [KeyScope::Send];
    let first = ring.create("shop", &scopes).await.unwrap();
    for key in [
        first,
        ring.issue_for("shop", NewKey::new("second", &scopes)).await.unwrap().secret,
        ring.issue_for_new_client("office", NewKey::new("desk", &scopes)).await.unwrap().secret,
        ring.issue_for("office", NewKey::new("door", &scopes)).await.unwrap().secret,
    ] {
        let principal = ring.authenticate(key.expose_secret()).await.unwrap().expect("known");
        clients.push(principal.client);
    }
    assert_eq!((&clients[0], &clients[2]), (&clients[1], &clients[3]));
    assert_ne!(clients[0], clients[2]);
    let by_id = ring.issue_for(&clients[0], NewKey::new("third", &scopes)).await.unwrap().secret;
    let by_id = ring.authenticate(by_id.expose_secret()).await.unwrap().expect("known");
    assert_eq!(by_id.client, clients[0]);
    let names: Vec<_> = ring.list().await.unwrap().into_iter().map(|key| key.client.name).collect();
    assert_eq!(names.iter().filter(|name| *name == "shop").count(), 3, "{names:?}");
}

#[tokio::test]
async fn a_mistyped_client_is_refused_and_nothing_is_created() {
    let ring = ring();
    let scopes = [KeyScope::Send];
    ring.issue_for_new_client("shop", NewKey::new("first", &scopes)).await.unwrap();
    let id = ring.list().await.unwrap().remove(0).client.id;
    for client in ["shpo", "", &id[1..]] {
        let error = ring.issue_for(client, NewKey::new("second", &scopes)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Invalid, "client_unknown"),
            "{client}"
        );
    }
    for client in ["shop", &id] {
        let error =
            ring.issue_for_new_client(client, NewKey::new("second", &scopes)).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "client_exists"), "{client}");
    }
    assert_eq!(ring.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_name_of_several_clients_is_refused_with_their_ids() {
    let ring = ring();
    for _ in 0..2 {
        ring.create("shop", &[KeyScope::Send]).await.unwrap();
    }
    let error = ring.issue_for("shop", NewKey::new("third", &[KeyScope::Send])).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "client_ambiguous"));
    for details in ring.list().await.unwrap() {
        assert!(error.to_string().contains(&details.client.id), "{error}");
    }
}

#[tokio::test]
async fn a_renamed_client_gives_its_old_name_back() {
    let ring = ring();
    let create = async || {
        let key = NewKey::new("a key", &[KeyScope::Send]);
        ring.issue_for_new_client("shop", key).await.unwrap().details.client
    };
    let shop = create().await;
    ring.rename_client(&shop.id, "store").await.unwrap();
    let other = create().await;
    assert_eq!(other.name, "shop");
    assert_ne!(other.id, shop.id, "its messages would be those of the store");
    assert_eq!(ring.find_client("store").await.unwrap().id, shop.id);
}

#[tokio::test]
async fn two_processes_that_create_a_client_at_once_create_one() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let create = async |name| {
        let ring = KeyRing::new(Interrupted::new(&registry, 0), None);
        ring.issue_for_new_client("shop", NewKey::new(name, &[KeyScope::Send])).await.unwrap();
    };
    tokio::join!(create("one"), create("two"));
    let keys = KeyRing::new(registry, None).list().await.unwrap();
    assert_eq!((keys.len(), &keys[0].client), (2, &keys[1].client));
}

#[tokio::test]
async fn a_rotated_key_works_next_to_the_new_one_for_the_overlap_and_then_no_more() {
    tokio::time::pause();
    let (ring, clock) = ring_on_clock();
    let scopes = [KeyScope::Send, KeyScope::Read];
    let (old, id) = parts(&ring.create("shop", &scopes).await.unwrap());
    let owner = ring.authenticate(&old).await.unwrap().expect("known").client;
    let (new, _) = parts(&ring.rotate(&id, DAY).await.unwrap().secret);
    for key in [&old, &new] {
        let principal = ring.authenticate(key).await.unwrap().expect("both are valid");
        assert_eq!(principal.client, owner);
        assert!(principal.may(KeyScope::Read) && !principal.may(KeyScope::Admin));
    }
    // The old key is in the cache when its end comes.
    pass(&clock, DAY.saturating_sub(Duration::from_secs(1))).await;
    assert!(ring.authenticate(&old).await.unwrap().is_some());
    pass(&clock, Duration::from_secs(1)).await;
    assert!(ring.authenticate(&old).await.unwrap().is_none());
    pass(&clock, DAY).await;
    assert!(ring.authenticate(&old).await.unwrap().is_none());
    assert!(ring.authenticate(&new).await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_rotation_does_not_make_the_end_later_and_none_revives_a_dead_key() {
    tokio::time::pause();
    let (ring, clock) = ring_on_clock();
    let (old, id) = parts(&ring.create("shop", &[KeyScope::Send]).await.unwrap());
    ring.rotate(&id, DAY).await.unwrap();
    let (newest, newest_id) = parts(&ring.rotate(&id, 2 * DAY).await.unwrap().secret);
    pass(&clock, DAY).await;
    assert!(ring.authenticate(&old).await.unwrap().is_none());
    assert!(ring.authenticate(&newest).await.unwrap().is_some());
    assert_eq!(ring.rotate(&id, DAY).await.unwrap_err().kind(), ErrorKind::Conflict, "expired");
    ring.revoke(&newest_id).await.unwrap();
    let refused = ring.rotate(&newest_id, DAY).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "revoked");
    assert_eq!(ring.rotate("0000000000", DAY).await.unwrap_err().kind(), ErrorKind::NotFound);
    let too_long = ring.rotate(&newest_id, 91 * DAY).await.unwrap_err();
    assert_eq!(too_long.kind(), ErrorKind::Invalid);
    assert_eq!(ring.list().await.unwrap().len(), 3, "a refused rotation leaves no key");
}

#[tokio::test]
async fn an_end_is_by_the_clock_of_the_store_and_not_by_that_of_a_node() {
    tokio::time::pause();
    // A day behind this node's clock.
    let clock = ManualClock::new(SystemClock.now_ms() - 24 * 3_600_000);
    let ring = KeyRing::new(Arc::new(MemoryRegistry::new().clock(clock.clone())), None);
    let (old, id) = parts(&ring.create("shop", &[KeyScope::Send]).await.unwrap());
    ring.rotate(&id, Duration::from_hours(1)).await.unwrap();
    assert!(ring.authenticate(&old).await.unwrap().is_some());
    pass(&clock, Duration::from_hours(1)).await;
    assert!(ring.authenticate(&old).await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_rotations_at_once_one_fails_and_leaves_no_key() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let ring = KeyRing::new(registry.clone(), None);
    let (old, id) = parts(&ring.create("shop", &[KeyScope::Send]).await.unwrap());
    let other = KeyRing::new(Interrupted::new(&registry, 0), None);
    let rotate = || other.rotate(&id, DAY);
    let (one, two) = tokio::join!(rotate(), rotate());
    let (done, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Conflict);
    let (new, _) = parts(&done.unwrap().secret);
    assert!(ring.authenticate(&new).await.unwrap().is_some());
    assert!(ring.authenticate(&old).await.unwrap().is_some());
    assert_eq!(ring.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_that_is_revoked_during_a_rotation_is_revoked() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let ring = KeyRing::new(registry.clone(), None);
    let (old, id) = parts(&ring.create("shop", &[KeyScope::Send]).await.unwrap());
    let other = KeyRing::new(Interrupted::new(&registry, 0), None);
    let (rotated, revoked) = tokio::join!(other.rotate(&id, DAY), other.revoke(&id));
    revoked.unwrap();
    assert_eq!(rotated.unwrap_err().kind(), ErrorKind::Conflict);
    assert!(ring.authenticate(&old).await.unwrap().is_none());
    assert_eq!(ring.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_process_that_is_killed_during_a_rotation_leaves_the_old_key_valid() {
    tokio::time::pause();
    for stops_at in 1..=3 {
        let clock = ManualClock::new(SystemClock.now_ms());
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new().clock(clock.clone()));
        let ring = KeyRing::new(registry.clone(), None);
        let (old, id) = parts(&ring.create("shop", &[KeyScope::Send]).await.unwrap());
        let killed = KeyRing::new(Interrupted::new(&registry, stops_at), None);
        let rotation = timeout(Duration::from_secs(1), killed.rotate(&id, DAY)).await;
        assert!(rotation.is_err(), "it stopped at write {stops_at}");
        pass(&clock, 30 * DAY).await;
        assert!(ring.authenticate(&old).await.unwrap().is_some(), "write {stops_at}");
        let (new, _) = parts(&ring.rotate(&id, DAY).await.unwrap().secret);
        pass(&clock, DAY).await;
        assert!(ring.authenticate(&old).await.unwrap().is_none(), "write {stops_at}");
        assert!(ring.authenticate(&new).await.unwrap().is_some(), "write {stops_at}");
    }
}

#[tokio::test]
async fn a_key_without_a_client_belongs_to_the_client_with_its_own_id() {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let ring = KeyRing::new(registry.clone(), None);
    let (text, id) = parts(&ring.create("shop", &[KeyScope::Send]).await.unwrap());
    let mut value = registry.get(KIND, &id).await.unwrap().expect("a record").value;
    value.as_object_mut().expect("an object").remove("client");
    registry.put(KIND, &id, &value, Expect::Anything).await.unwrap();
    for made in registry.list("client").await.unwrap() {
        registry.delete("client", &made.name).await.unwrap();
    }
    let principal = ring.authenticate(&text).await.unwrap().expect("known");
    assert_eq!((&*principal.client, &*principal.key), (&*id, &*id));
    let listed = ring.list().await.unwrap().remove(0);
    assert_eq!((&listed.client.id, listed.client.name.as_str()), (&id, "shop"));
    assert_eq!(registry.list("client").await.unwrap(), [], "a list writes nothing");
    let second =
        ring.issue_for("shop", NewKey::new("second", &[KeyScope::Send])).await.unwrap().secret;
    let second = ring.authenticate(second.expose_secret()).await.unwrap().expect("known");
    assert_eq!(&*second.client, &*id);
    let record = registry.get("client", &id).await.unwrap().expect("made with the second key");
    assert_eq!(record.value["name"], json!("shop"));
}

#[tokio::test]
async fn the_last_use_is_listed_and_written_once_in_ten_minutes() {
    tokio::time::pause();
    let (ring, clock) = ring_on_clock();
    let (key, id) = parts(&ring.create("shop", &[KeyScope::Send]).await.unwrap());
    let used = async || ring.list().await.unwrap().remove(0).last_used_at;
    let written = async || {
        let record = ring.registry().get("api_key_use", &id).await.unwrap();
        record.map_or(0, |record| record.version)
    };
    assert!(ring.authenticate(&format::forged(&key)).await.unwrap().is_none());
    tokio::task::yield_now().await;
    assert_eq!(used().await, None, "a forged key is not a use");
    pass(&clock, Duration::from_mins(1)).await;
    for minute in 0..=10 {
        ring.authenticate(&key).await.unwrap().expect("known");
        tokio::task::yield_now().await;
        assert_eq!(written().await, if minute < 10 { 1 } else { 2 }, "minute {minute}");
        pass(&clock, Duration::from_mins(1)).await;
    }
    let last = used().await.expect("a time");
    let now = sms_core::clock::datetime_from_ms(clock.now_ms());
    assert_eq!(now - last, Duration::from_mins(1));
}
