//! Leases shut others out, expire, and grow their epochs; records are refused to who lost one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use portcullis::store::{Acquired, Appended, LEASE_LIMIT, Lease, Record, Store};

use super::{Place, at, checks};

checks![
    one_holder_at_a_time,
    an_expired_lease_can_be_taken_and_the_old_holder_is_told,
    epochs_grow_for_ever,
    an_expired_lease_that_nobody_took_can_be_renewed,
    no_lease_is_given_for_ever,
    records_are_kept_in_order,
    a_stale_epoch_writes_nothing,
    of_many_who_ask_at_once_one_gets_it,
    appends_from_several_connections_leave_no_hole,
];

const MINUTE: Duration = Duration::from_secs(60);

fn after(seconds: i64) -> DateTime<Utc> {
    at(0) + TimeDelta::seconds(seconds)
}

fn taken(store: &mut dyn Store, holder: &str, now: DateTime<Utc>) -> Lease {
    match store.acquire_lease("target/c1", holder, MINUTE, now).expect("it answers") {
        Acquired::Ours(lease) => lease,
        Acquired::HeldBy(other) => panic!("held by {other:?}"),
    }
}

fn refused(store: &mut dyn Store, holder: &str, now: DateTime<Utc>) -> Lease {
    match store.acquire_lease("target/c1", holder, MINUTE, now).expect("it answers") {
        Acquired::HeldBy(other) => other,
        Acquired::Ours(lease) => panic!("given as {lease:?}"),
    }
}

fn one_holder_at_a_time(place: &Place) {
    let (mut one, mut two) = (place.store(), place.store());
    let lease = taken(&mut *one, "one", after(0));
    assert_eq!((&*lease.name, &*lease.holder, lease.epoch, lease.expires_at), ("target/c1", "one", 1, after(60)));
    assert_eq!(refused(&mut *two, "two", after(59)), lease);
    // Not even under the same name: two processes may call themselves alike.
    assert_eq!(refused(&mut *two, "one", after(1)), lease);
    // Another name is another lease.
    assert!(matches!(two.acquire_lease("target/c2", "two", MINUTE, after(1)), Ok(Acquired::Ours(_))));
    let longer = one.renew_lease(&lease, MINUTE, after(30)).expect("it answers").expect("still ours");
    assert_eq!((longer.epoch, longer.expires_at), (1, after(90)));
    refused(&mut *two, "two", after(89));
    assert!(one.release_lease(&longer).expect("it answers"));
    assert_eq!(taken(&mut *two, "two", after(31)).epoch, 2);
}

fn an_expired_lease_can_be_taken_and_the_old_holder_is_told(place: &Place) {
    let (mut one, mut two) = (place.store(), place.store());
    let lost = taken(&mut *one, "one", after(0));
    assert_eq!(taken(&mut *two, "two", after(60)).epoch, 2);
    assert_eq!(one.renew_lease(&lost, MINUTE, after(61)).expect("it answers"), None);
    assert!(!one.release_lease(&lost).expect("it answers"));
    refused(&mut *one, "one", after(61));
}

fn epochs_grow_for_ever(place: &Place) {
    let mut store = place.store();
    for epoch in 1..=5 {
        let lease = taken(&mut *store, "one", after(0));
        assert_eq!(lease.epoch, epoch);
        assert!(store.release_lease(&lease).expect("it answers"));
        assert!(!store.release_lease(&lease).expect("it answers"), "given back already");
        assert_eq!(store.renew_lease(&lease, MINUTE, after(1)).expect("it answers"), None);
    }
    assert_eq!(taken(&mut *place.store(), "two", after(0)).epoch, 6);
}

fn an_expired_lease_that_nobody_took_can_be_renewed(place: &Place) {
    let mut store = place.store();
    let lease = taken(&mut *store, "one", after(0));
    let again = store.renew_lease(&lease, MINUTE, after(600)).expect("it answers").expect("nobody took it");
    assert_eq!((again.epoch, again.expires_at), (1, after(660)));
}

fn no_lease_is_given_for_ever(place: &Place) {
    let mut store = place.store();
    let Ok(Acquired::Ours(lease)) = store.acquire_lease("x", "one", Duration::MAX, after(0)) else {
        panic!("nobody has it");
    };
    assert_eq!(lease.expires_at, after(0) + LEASE_LIMIT);
}

fn records_are_kept_in_order(place: &Place) {
    let mut store = place.store();
    let lease = taken(&mut *store, "one", after(0));
    let bodies: [&[u8]; 3] = [b"", b"\0\xff", &[7; 100_000]];
    for (position, body) in (1..).zip(bodies) {
        let appended = store.append_record("target/c1", lease.epoch, 3, body).expect("it answers");
        assert_eq!(appended, Appended::At(position));
    }
    store.release_lease(&lease).expect("it answers");
    let next = taken(&mut *store, "two", after(0));
    assert_eq!(store.append_record("target/c1", next.epoch, 4, b"z").expect("it answers"), Appended::At(4));
    let records = place.store().records("target/c1").expect("it reads");
    let expected = [(1, 1, 3, bodies[0]), (2, 1, 3, bodies[1]), (3, 1, 3, bodies[2]), (4, 2, 4, b"z")]
        .map(|(position, epoch, version, body)| Record { position, epoch, version, body: body.to_vec() });
    assert_eq!(records, expected);
    assert_eq!(store.records("target").expect("it reads"), []);
}

fn a_stale_epoch_writes_nothing(place: &Place) {
    let mut store = place.store();
    let append = |store: &mut dyn Store, epoch| store.append_record("target/c1", epoch, 1, b"x").expect("it answers");
    assert_eq!(append(&mut *store, 1), Appended::Stale, "nobody holds it");
    let lost = taken(&mut *store, "one", after(0));
    assert_eq!(append(&mut *store, lost.epoch + 1), Appended::Stale, "of the future");
    assert_eq!(append(&mut *store, u64::MAX), Appended::Stale);
    let held = taken(&mut *store, "two", after(60));
    assert_eq!(append(&mut *store, lost.epoch), Appended::Stale, "taken over");
    assert_eq!(append(&mut *store, held.epoch), Appended::At(1));
    assert!(store.release_lease(&held).expect("it answers"));
    assert_eq!(append(&mut *store, held.epoch), Appended::Stale, "given back");
    let other = store.append_record("target/c2", held.epoch, 1, b"x").expect("it answers");
    assert_eq!(other, Appended::Stale, "a stream without a lease");
    assert_eq!(store.records("target/c1").expect("it reads").len(), 1);
}

fn of_many_who_ask_at_once_one_gets_it(place: &Place) {
    drop(place.store());
    let ask = |holder: usize| {
        let mut store = place.store();
        matches!(store.acquire_lease("x", &holder.to_string(), MINUTE, after(0)), Ok(Acquired::Ours(_)))
    };
    let given = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|holder| scope.spawn(move || ask(holder))).collect();
        asked.into_iter().map(|one| one.join().expect("it answers")).filter(|given| *given).count()
    });
    assert_eq!(given, 1);
}

fn appends_from_several_connections_leave_no_hole(place: &Place) {
    let lease = taken(&mut *place.store(), "one", after(0));
    let append = || {
        let mut store = place.store();
        for _ in 0..10 {
            let appended = store.append_record("target/c1", lease.epoch, 1, b"x").expect("it answers");
            assert!(matches!(appended, Appended::At(_)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(append);
        }
    });
    let positions: Vec<u64> =
        place.store().records("target/c1").expect("it reads").into_iter().map(|record| record.position).collect();
    assert_eq!(positions, (1..=40).collect::<Vec<u64>>());
}
