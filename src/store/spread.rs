//! How long findings stay open until they are fixed.

use chrono::TimeDelta;

use super::Closing;
use crate::model::Severity;

/// How long it took to fix the findings of one severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeToClose {
    /// That of the finding when it was fixed.
    pub severity: Severity,
    /// Times that one was fixed.
    pub count: usize,
    /// Of an even number, the mean of the two in the middle.
    pub median: TimeDelta,
    /// The shortest time within which at least nine of ten were fixed.
    pub p90: TimeDelta,
}

/// Of every severity with something fixed, worst first.
pub fn time_to_close(closings: &[Closing]) -> Vec<TimeToClose> {
    Severity::WORST_FIRST.iter().filter_map(|severity| of_severity(*severity, closings)).collect()
}

fn of_severity(severity: Severity, closings: &[Closing]) -> Option<TimeToClose> {
    let of_it = closings.iter().filter(|closing| closing.severity == severity);
    // Where clocks disagree, a time could come out below zero.
    let mut times: Vec<TimeDelta> =
        of_it.map(|closing| (closing.closed_at - closing.opened_at).max(TimeDelta::zero())).collect();
    times.sort_unstable();
    let count = times.len();
    let upper = *times.get(count / 2)?;
    let median = if count.is_multiple_of(2) { (upper + *times.get(count / 2 - 1)?) / 2 } else { upper };
    let p90 = *times.get((count * 9).div_ceil(10) - 1)?;
    Some(TimeToClose { severity, count, median, p90 })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::findings::FindingStatus;

    fn closings(severity: Severity, hours: &[i64]) -> Vec<Closing> {
        let closing = |hours: &i64| Closing {
            fingerprint: "v1:a".to_owned(),
            severity,
            status: FindingStatus::Open,
            opened_at: DateTime::UNIX_EPOCH,
            closed_at: DateTime::UNIX_EPOCH + TimeDelta::hours(*hours),
        };
        hours.iter().map(closing).collect()
    }

    /// Median and ninetieth percentile in minutes.
    fn told(hours: &[i64]) -> (i64, i64) {
        let told = time_to_close(&closings(Severity::High, hours));
        assert_eq!((told.len(), told[0].count), (1, hours.len()));
        (told[0].median.num_minutes(), told[0].p90.num_minutes())
    }

    #[test]
    fn numbers_are_those_of_a_person_with_a_pencil() {
        assert_eq!(told(&[5]), (300, 300));
        assert_eq!(told(&[1, 4]), (150, 240));
        assert_eq!(told(&[9, 1, 2]), (120, 540));
        // Nine of ten within nine hours; the tenth took a hundred.
        assert_eq!(told(&[100, 1, 2, 3, 4, 5, 6, 7, 8, 9]), (330, 540));
        // Nine of eleven are not nine tenths: ten are needed.
        assert_eq!(told(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 100]), (360, 600));
        assert_eq!(told(&[-3]), (0, 0));
    }

    #[test]
    fn severities_stand_apart_and_the_worst_comes_first() {
        let both = [closings(Severity::Low, &[1]), closings(Severity::Critical, &[2, 2])].concat();
        let told: Vec<_> = time_to_close(&both).into_iter().map(|one| (one.severity, one.count)).collect();
        assert_eq!(told, [(Severity::Critical, 2), (Severity::Low, 1)]);
        assert_eq!(time_to_close(&[]), []);
    }
}
