//! Windows at both edges, across midnight and where clocks are set. Expectations are in UTC, from the zones' published
//! rules: New York sets its clocks forward at 2026-03-08 07:00Z and back at 2026-11-01 06:00Z; Shanghai sets none (+8).

use std::time::Duration;

use chrono::{DateTime, Weekday};

use super::*;

fn at(text: &str) -> CloudTime {
    let at = DateTime::parse_from_rfc3339(text).expect("it is well made");
    CloudTime(u64::try_from(at.timestamp_millis()).expect("it is after 1970"))
}

fn window(zone: &str, days: &[Weekday], from: &str, to: &str) -> Window {
    Window {
        zone: zone.parse().expect("it is a zone"),
        days: days.to_vec(),
        from: from.parse().expect("it is a time"),
        to: to.parse().expect("it is a time"),
    }
}

fn opens(window: &Window, now: &str) -> Vec<(CloudTime, CloudTime)> {
    spans(std::slice::from_ref(window), at(now), Duration::from_hours(24))
}

fn is_open(windows: &[Window], now: &str) -> bool {
    let now = at(now);
    spans(windows, now, Duration::ZERO).iter().any(|(from, to)| *from <= now && now < *to)
}

#[test]
fn times_of_day() {
    for (text, shown) in [("00:00", "00:00"), ("09:05", "09:05"), ("23:59", "23:59"), ("24:00", "24:00")] {
        assert_eq!(text.parse::<TimeOfDay>().map(|time| time.to_string()), Ok(shown.to_owned()));
    }
    for wrong in ["", "9:00", "25:00", "24:01", "12:60", "-1:00", "12", "12:0", "12:00:00", " 12:00", "１2:00", "+1:00"]
    {
        assert_eq!(wrong.parse::<TimeOfDay>(), Err(NotATime), "{wrong}");
    }
}

/// Monday 2026-06-01, 10:00 to 12:00 in Shanghai is 02:00Z to 04:00Z.
#[test]
fn the_first_edge_is_inside_and_the_second_is_not() {
    let one = [window("Asia/Shanghai", &[Weekday::Mon], "10:00", "12:00")];
    for (now, open) in [
        ("2026-06-01T01:59:59.999Z", false),
        ("2026-06-01T02:00:00Z", true),
        ("2026-06-01T03:59:59.999Z", true),
        ("2026-06-01T04:00:00Z", false),
        // The same hours by UTC, and the same hours of another day.
        ("2026-06-01T10:30:00Z", false),
        ("2026-06-02T02:30:00Z", false),
    ] {
        assert_eq!(is_open(&one, now), open, "{now}");
    }
}

/// The day is the zone's: Monday 01:00 in Shanghai is Sunday in UTC.
#[test]
fn the_days_are_the_zones() {
    let one = [window("Asia/Shanghai", &[Weekday::Mon], "00:00", "02:00")];
    assert!(is_open(&one, "2026-05-31T16:30:00Z"));
    assert!(!is_open(&one, "2026-06-01T16:30:00Z"));
}

#[test]
fn across_midnight_it_belongs_to_the_day_on_which_it_opens() {
    let one = [window("UTC", &[Weekday::Fri], "22:00", "02:00")];
    for (now, open) in [
        ("2026-06-05T21:59:00Z", false),
        ("2026-06-05T22:00:00Z", true),
        ("2026-06-06T01:59:59Z", true),
        ("2026-06-06T02:00:00Z", false),
        // Thursday's night into Friday, and Saturday's.
        ("2026-06-05T01:00:00Z", false),
        ("2026-06-06T22:30:00Z", false),
    ] {
        assert_eq!(is_open(&one, now), open, "{now}");
    }
}

#[test]
fn windows_that_touch_are_one() {
    let days = [Weekday::Mon, Weekday::Tue];
    let two = [window("UTC", &days, "22:00", "24:00"), window("UTC", &days, "00:00", "02:00")];
    let night = (at("2026-06-01T22:00:00Z"), at("2026-06-02T02:00:00Z"));
    assert!(spans(&two, at("2026-06-01T23:59:59Z"), Duration::ZERO).contains(&night));
    let day = window("UTC", &days, "00:00", "24:00");
    assert!(opens(&day, "2026-06-01T12:00:00Z").contains(&(at("2026-06-01T00:00:00Z"), at("2026-06-03T00:00:00Z"))));
}

/// Sunday 2026-03-08, 01:30 is 06:30Z (winter), 04:00 is 08:00Z (summer): half an hour less than the clock shows.
#[test]
fn clocks_set_forward_inside_a_window_shorten_it() {
    let one = window("America/New_York", &[Weekday::Sun], "01:30", "04:00");
    assert!(opens(&one, "2026-03-08T07:00:00Z").contains(&(at("2026-03-08T06:30:00Z"), at("2026-03-08T08:00:00Z"))));
    assert_eq!(one.edge_that_is_skipped(2026..=2036), None);
}

/// 02:30 does not exist on that day: neither edge is guessed.
#[test]
fn an_edge_that_is_skipped_opens_nothing_and_is_found_beforehand() {
    let day = DateTime::parse_from_rfc3339("2026-03-08T00:00:00Z").expect("it is well made").date_naive();
    for (from, to, edge) in [("02:30", "05:00", "02:30"), ("01:00", "02:30", "02:30")] {
        let one = window("America/New_York", &[Weekday::Sun], from, to);
        assert!(!is_open(std::slice::from_ref(&one), "2026-03-08T06:15:00Z"), "{from}");
        assert!(!is_open(std::slice::from_ref(&one), "2026-03-08T07:30:00Z"), "{from}");
        assert_eq!(one.edge_that_is_skipped(2026..=2026), Some((day, edge.parse().expect("it is a time"))));
        // The Sunday after it is as ever: 04:00 in summer is 08:00Z.
        assert!(from != "02:30" || is_open(&[one], "2026-03-15T08:00:00Z"));
    }
    // Monday's night: its end is on a Sunday only where it opens on Saturday.
    assert_eq!(window("America/New_York", &[Weekday::Mon], "22:00", "02:30").edge_that_is_skipped(2026..=2036), None);
    let night = window("America/New_York", &[Weekday::Sat], "22:00", "02:30");
    assert_eq!(night.edge_that_is_skipped(2026..=2026).map(|(on, _)| on), Some(day));
    assert_eq!(window("Asia/Shanghai", &[Weekday::Sun], "02:30", "05:00").edge_that_is_skipped(2026..=2036), None);
}

/// Sunday 2026-11-01, 01:30 comes twice: 05:30Z and 06:30Z. The shorter window is meant.
#[test]
fn an_edge_that_comes_twice_makes_the_window_short() {
    let from = window("America/New_York", &[Weekday::Sun], "01:30", "03:00");
    assert!(opens(&from, "2026-11-01T06:00:00Z").contains(&(at("2026-11-01T06:30:00Z"), at("2026-11-01T08:00:00Z"))));
    let to = window("America/New_York", &[Weekday::Sun], "00:00", "01:30");
    assert!(opens(&to, "2026-11-01T05:00:00Z").contains(&(at("2026-11-01T04:00:00Z"), at("2026-11-01T05:30:00Z"))));
    // From the second 01:45 to the first 01:50 there is nothing.
    let none = window("America/New_York", &[Weekday::Sun], "01:45", "01:50");
    assert!(opens(&none, "2026-11-01T06:00:00Z").iter().all(|(from, _)| *from > at("2026-11-02T00:00:00Z")));
}

#[test]
fn no_window_is_never_open() {
    assert_eq!(spans(&[], at("2026-06-01T00:00:00Z"), Duration::from_hours(240)), []);
    let nothing = window("UTC", &[], "00:00", "24:00");
    assert_eq!(opens(&nothing, "2026-06-01T00:00:00Z"), []);
}
