//! Names of zones, and what their clocks show where they are set.

use chrono::DateTime;

use super::*;

fn local(text: &str) -> NaiveDateTime {
    text.parse().expect("it is well made")
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("it is well made").to_utc()
}

#[test]
fn zones_are_known_by_the_names_of_the_database() {
    for (text, name) in [("Asia/Shanghai", "Asia/Shanghai"), ("UTC", "UTC"), ("america/new_york", "America/New_York")] {
        assert_eq!(text.parse::<Zone>().map(|zone| zone.to_string()), Ok(name.to_owned()));
    }
    for wrong in ["", " ", "Shanghai", "+08:00", "Asia/Shanghai ", "../../etc/localtime", "Asia/\0", "亚洲/上海"] {
        assert_eq!(wrong.parse::<Zone>(), Err(NoSuchZone), "{wrong:?}");
    }
    let names = Zone::names();
    assert!(names.len() > 400, "{}", names.len());
    for name in names {
        assert!(name.parse::<Zone>().is_ok(), "{name}");
    }
}

/// New York sets its clocks forward at 2026-03-08 07:00Z and back at 2026-11-01 06:00Z.
#[test]
fn a_time_is_once_twice_or_never() {
    let zone: Zone = "America/New_York".parse().expect("it is a zone");
    for (shown, moments) in [
        ("2026-03-08T01:59:59", LocalResult::Single(at("2026-03-08T06:59:59Z"))),
        ("2026-03-08T02:00:00", LocalResult::None),
        ("2026-03-08T02:59:59", LocalResult::None),
        ("2026-03-08T03:00:00", LocalResult::Single(at("2026-03-08T07:00:00Z"))),
        ("2026-11-01T00:59:59", LocalResult::Single(at("2026-11-01T04:59:59Z"))),
        ("2026-11-01T01:30:00", LocalResult::Ambiguous(at("2026-11-01T05:30:00Z"), at("2026-11-01T06:30:00Z"))),
        ("2026-11-01T02:00:00", LocalResult::Single(at("2026-11-01T07:00:00Z"))),
    ] {
        assert_eq!(zone.moments(local(shown)), moments, "{shown}");
    }
    assert_eq!(zone.moments(NaiveDateTime::MAX), LocalResult::None);
}
