//! The tables, row by row as analysis.md 3.2 to 3.4 prints them.

use crate::model::{Need, StalenessVerdict, Traffic};

use super::{
    api_server::{self, Audit, EipTraffic, Kubeconfig, Life, Sources},
    data_plane::{self, Case, Existence, Path, State},
    pilot::{self, Circumstances},
};

fn traffics(words: &str) -> Vec<Traffic> {
    match words {
        "any" => Traffic::ALL.to_vec(),
        words => words
            .split('/')
            .map(|word| match word.trim() {
                "None" => Traffic::None,
                "NA" => Traffic::NotAvailable,
                "Seen" => Traffic::Seen,
                other => panic!("{other}"),
            })
            .collect(),
    }
}

fn paths(word: &str) -> Vec<Path> {
    match word {
        "any" => {
            vec![
                Path::SameVpc,
                Path::Route,
                Path::PrivateLink,
                Path::Missing,
                Path::FilteredOnly,
                Path::Partial,
                Path::Unknown,
                Path::OnPremises,
            ]
        }
        "SameVpc" => vec![Path::SameVpc],
        "route" => vec![Path::Route],
        "PrivateLink" => vec![Path::PrivateLink],
        "connected" => vec![Path::SameVpc, Path::Route, Path::PrivateLink],
        "no path" => vec![Path::Missing],
        "filtered" => vec![Path::FilteredOnly],
        "Partial" => vec![Path::Partial],
        "Unknown" => vec![Path::Unknown],
        "OnPremises" => vec![Path::OnPremises],
        "otherwise" => vec![Path::Missing, Path::FilteredOnly, Path::Partial, Path::Unknown, Path::OnPremises],
        other => panic!("{other}"),
    }
}

#[test]
fn need_of_a_cluster_row_by_row() {
    const ROWS: &str = "
         1 | present | running | SameVpc | None | not-needed | 97
         2 | present | running | SameVpc | NA | not-needed | 85
         3 | present | running | SameVpc | Seen | misrouted | 80
         4 | present | running | route | None | not-needed | 95
         4 | present | running | route | NA | not-needed | 80
         5 | present | running | route | Seen | misrouted | 80
         6 | present | running | PrivateLink | None | not-needed | 95
         6 | present | running | PrivateLink | NA | not-needed | 80
         7 | present | running | PrivateLink | Seen | misrouted | 80
         8 | present | running | no path | Seen | needed | 97
         9 | present | running | no path | NA | needed | 80
        10 | present | running | no path | None | needed | 50
        11 | present | running | filtered | Seen | needed | 90
        12 | present | running | filtered | None/NA | undetermined | 50
        14 | present | running | Partial | Seen | needed | 85
        15 | present | running | Partial | None/NA | undetermined | 40
        16 | present | running | Unknown | Seen | needed | 80
        17 | present | running | Unknown | None | undetermined | 50
        18 | present | running | Unknown | NA | undetermined | 30
        19 | present | starting | SameVpc | None | undetermined | 77
        19 | present | starting | route | NA | undetermined | 60
        19 | present | starting | no path | Seen | needed | 77
        20 | present | stopped | any | None | gone | 80
        21 | present | stopping | any | NA | undetermined | 50
        22 | present | stopped | any | Seen | needed | 60
        23 | present | failed | connected | None | not-needed | 80
        23 | present | failed | connected | NA | not-needed | 70
        24 | present | failed | otherwise | any | undetermined | 40
        24 | present | failed | connected | Seen | undetermined | 40
        25 | gone | running | any | None | gone | 95
        25 | gone | running | any | NA | gone | 85
        26 | gone | running | any | Seen | unexpected | 90
        27 | unreadable | running | any | Seen | needed | 70
        28 | unreadable | running | Unknown | None/NA | undetermined | 30
        29 | outside | running | OnPremises | Seen | needed | 90
        29 | outside | running | OnPremises | None/NA | undetermined | 40
        30 | outside | running | Unknown | None | undetermined | 50
         0 | present | who knows | any | None/NA | undetermined | 30
         0 | present | who knows | any | Seen | needed | 60
    ";
    for line in ROWS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [number, existence, state, path, traffic, need, confidence] = cells[..] else { panic!("{line}") };
        let existence = match existence {
            "present" => Existence::Present,
            "gone" => Existence::Gone,
            "unreadable" => Existence::Unreadable,
            "outside" => Existence::Outside,
            other => panic!("{other}"),
        };
        for path in paths(path) {
            for traffic in traffics(traffic) {
                let row = data_plane::judge(Case { existence, state: State::of(state), path, traffic });
                let said = (row.number.to_string(), row.need.as_str(), row.confidence.to_string());
                assert_eq!(said, (number.to_owned(), need, confidence.to_owned()), "{line}: {path:?} {traffic:?}");
            }
        }
    }
}

/// Whatever the circumstances, a cluster of which nothing is known is never said not to need it.
#[test]
fn nothing_unknown_is_ever_called_needless() {
    for existence in [Existence::Present, Existence::Unreadable, Existence::Outside] {
        for state in [State::Running, State::Starting, State::Failed, State::Other] {
            for path in paths("otherwise") {
                for traffic in Traffic::ALL {
                    let row = data_plane::judge(Case { existence, state, path, traffic: *traffic });
                    assert!(
                        matches!(row.need, Need::Needed | Need::Undetermined),
                        "{existence:?} {state:?} {path:?} {traffic:?}: {row:?}"
                    );
                }
            }
        }
    }
}

const NOTHING: Circumstances = Circumstances {
    target_gone: false,
    canary_without_revision: false,
    is_changing: false,
    strangers: Traffic::NotAvailable,
    contradicted: false,
};

#[test]
fn one_word_for_a_pilot_row_by_row() {
    use StalenessVerdict::{Orphaned, Required, Stale, Unknown};
    let check = |consumers: &[(Need, u8)], at: Circumstances, verdict, confidence, after_migration| {
        let fold = pilot::fold(consumers, &at);
        assert_eq!(
            (fold.verdict, fold.confidence, fold.after_migration),
            (verdict, confidence, after_migration),
            "{consumers:?} {at:?}"
        );
    };
    check(&[(Need::Needed, 97)], Circumstances { target_gone: true, ..NOTHING }, Orphaned, 95, false);
    check(&[(Need::Needed, 97)], Circumstances { canary_without_revision: true, ..NOTHING }, Orphaned, 85, false);
    let changing = Circumstances { is_changing: true, ..NOTHING };
    check(&[(Need::NotNeeded, 97)], Circumstances { target_gone: true, ..changing }, Unknown, 0, false);
    check(&[(Need::NotNeeded, 97)], Circumstances { canary_without_revision: true, ..changing }, Unknown, 0, false);
    check(&[(Need::Needed, 97)], Circumstances { canary_without_revision: true, ..changing }, Required, 97, false);
    check(&[], Circumstances { strangers: Traffic::None, ..changing }, Unknown, 0, false);
    check(&[(Need::Gone, 95)], changing, Unknown, 0, false);
    check(&[(Need::NotNeeded, 85)], changing, Stale, 85, false);
    check(&[(Need::Needed, 50), (Need::Needed, 80), (Need::Undetermined, 90)], NOTHING, Required, 80, false);
    check(&[(Need::Undetermined, 30), (Need::Undetermined, 50), (Need::NotNeeded, 97)], NOTHING, Unknown, 50, false);
    check(&[(Need::Misrouted, 80), (Need::NotNeeded, 97)], NOTHING, Stale, 80, true);
    check(&[(Need::Misrouted, 80), (Need::NotNeeded, 70)], NOTHING, Stale, 70, true);
    check(&[(Need::Misrouted, 60)], NOTHING, Unknown, 60, false);
    check(&[], Circumstances { strangers: Traffic::None, ..NOTHING }, Orphaned, 97, false);
    check(&[(Need::Gone, 80)], Circumstances { strangers: Traffic::None, ..NOTHING }, Orphaned, 80, false);
    check(&[], NOTHING, Orphaned, 85, false);
    check(&[(Need::Gone, 95)], NOTHING, Orphaned, 85, false);
    check(&[], Circumstances { strangers: Traffic::Seen, ..NOTHING }, Orphaned, 90, false);
    check(&[(Need::Unexpected, 90)], NOTHING, Orphaned, 90, false);
    check(&[(Need::NotNeeded, 85), (Need::Gone, 80)], NOTHING, Stale, 80, false);
    check(&[(Need::NotNeeded, 60)], NOTHING, Unknown, 60, false);
    check(&[(Need::NotNeeded, 85)], Circumstances { contradicted: true, ..NOTHING }, Stale, 75, false);
    check(&[(Need::NotNeeded, 75)], Circumstances { contradicted: true, ..NOTHING }, Unknown, 65, false);
}

const SILENT: api_server::Case = api_server::Case {
    audit: Audit::NotAvailable,
    eip_traffic: EipTraffic::NotAvailable,
    kubeconfig: Kubeconfig::NotAvailable,
    life: Life::Serving,
    residue_public: false,
    white_list_private_only: false,
    acl_names_public_sources: false,
    other_use: false,
    short_window: false,
};

#[test]
fn one_word_for_an_api_server_row_by_row() {
    use StalenessVerdict::{Orphaned, Required, Stale, Unknown};
    let check = |number, case: api_server::Case, verdict, confidence, after_migration| {
        let row = api_server::judge(&case);
        assert_eq!(
            (row.number, row.verdict, row.confidence, row.after_migration),
            (number, verdict, confidence, after_migration),
            "{case:?}"
        );
    };
    let used = |days_ago, sources| api_server::Case { audit: Audit::Used { days_ago, sources }, ..SILENT };
    let unused = |probed| api_server::Case { audit: Audit::Unused { probed }, ..SILENT };
    check(1, used(0, Sources::Others), Required, 95, false);
    check(1, used(6, Sources::Others), Required, 95, false);
    check(2, used(7, Sources::Others), Required, 80, false);
    check(3, used(0, Sources::PrivatelyConnected), Stale, 80, true);
    check(4, unused(false), Stale, 95, false);
    check(0, api_server::Case { other_use: true, ..unused(false) }, Unknown, 40, false);
    check(5, unused(true), Stale, 95, false);
    check(6, api_server::Case { eip_traffic: EipTraffic::NearZero, ..SILENT }, Stale, 75, false);
    check(7, api_server::Case { eip_traffic: EipTraffic::Present, ..SILENT }, Unknown, 40, false);
    check(8, api_server::Case { eip_traffic: EipTraffic::Present, residue_public: true, ..SILENT }, Unknown, 40, false);
    check(9, api_server::Case { kubeconfig: Kubeconfig::Within30Days, ..SILENT }, Required, 60, false);
    check(10, api_server::Case { kubeconfig: Kubeconfig::NoneFor180Days, ..SILENT }, Unknown, 50, false);
    check(11, api_server::Case { life: Life::Ended, ..SILENT }, Orphaned, 90, false);
    check(12, api_server::Case { life: Life::Hibernated, ..unused(false) }, Stale, 85, false);
    check(13, api_server::Case { white_list_private_only: true, ..SILENT }, Stale, 95, false);
    check(14, used(0, Sources::ControlPlaneWithoutPath), Required, 90, false);
    check(
        14,
        api_server::Case { short_window: true, ..used(0, Sources::ControlPlaneWithoutPath) },
        Required,
        60,
        false,
    );
    check(15, api_server::Case { short_window: true, ..unused(false) }, Unknown, 60, false);
    check(13, api_server::Case { short_window: true, white_list_private_only: true, ..SILENT }, Stale, 95, false);
    check(0, SILENT, Unknown, 0, false);
}
