//! Every wait, deadline and age limit of remediation, in one value.

use std::time::Duration;

/// How long things take, may take, and must take.
///
/// Worlds divide it by their `time_scale`; nothing else may shorten a wait, since most of them stand
/// for something that the cloud does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Oldest reading that a signature may rest on.
    pub proof_age: Duration,
    /// Oldest look at the kill switch that a signature may rest on.
    pub kill_age: Duration,
    /// Oldest scan that says *exposed*.
    pub scan_age: Duration,
    /// A lease is taken and renewed for so long, and renewed after a third of it.
    pub lease_ttl: Duration,
    /// What must be left of a lease after a call's deadline when a request is sent.
    pub lease_margin: Duration,
    /// How long a call may take.
    pub call_deadline: Duration,
    /// From an intent to the last moment at which it may be signed.
    pub sign_within: Duration,
    /// The gateway refuses signatures that are older.
    pub signature_life: Duration,
    /// How far the clocks of gateways may be apart.
    pub clock_bound: Duration,
    /// From acceptance to effect.
    pub async_bound: Duration,
    /// A read may show the cloud as it was so long ago.
    pub stale_bound: Duration,
    /// First and longest time between two looks while something settles.
    pub settle_first: Duration,
    pub settle_most: Duration,
    /// Time between two looks where only a fence is waited for.
    pub watch: Duration,
    /// Until a mesh has to be quiet again.
    pub settle_mesh: Duration,
    /// Until a cluster has to be quiet again: its API server is rolled.
    pub settle_cluster: Duration,
    /// Least time between two good samples of the data plane.
    pub verify_gap: Duration,
    /// Until the data plane has to be proved healthy.
    pub verify_limit: Duration,
    /// When the soak checks are, from the effect on: past half a certificate's life, and past all of it.
    pub soak: [Duration; 5],
    /// How long a canary soaks before a second action.
    pub canary_soak: Duration,
    pub canary_soak_automatic: Duration,
    /// Least time between two changes in one account.
    pub rate: Duration,
    /// Least time between changes of two components of one mesh.
    pub component_gap: Duration,
    /// Nobody else has written to the target for so long.
    pub foreign_quiet: Duration,
    /// The audit trail is complete up to so long ago.
    pub trail_delay: Duration,
    /// Largest difference between this host's clock and the cloud's.
    pub clock_offset: Duration,
    /// What a budget per day counts.
    pub budget_window: Duration,
    /// Least time between the two scans that agree, and from the notice to the action, in automatic mode.
    pub agreeing_scans: Duration,
    pub owner_notice: Duration,
    /// After each request of the way back that came to nothing, until people are told; and from then on, for as long as
    /// the slot and the EIP allow it.
    pub undo_waits: [Duration; 4],
    pub undo_again: Duration,
    /// Before something that failed is tried again.
    pub retry: Duration,
    /// How long another holder, a busy row or a way back is waited for before giving up.
    pub patience: Duration,
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn mins(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// Between two looks, however fast a world's time runs.
const LOOK: Duration = Duration::from_millis(50);

impl Default for Pace {
    fn default() -> Self {
        Self {
            proof_age: secs(5),
            kill_age: secs(1),
            scan_age: mins(60),
            lease_ttl: secs(60),
            lease_margin: secs(15),
            call_deadline: secs(30),
            sign_within: secs(60),
            signature_life: mins(15),
            clock_bound: secs(5),
            async_bound: secs(60),
            stale_bound: secs(3),
            settle_first: secs(5),
            settle_most: secs(20),
            watch: secs(60),
            settle_mesh: mins(10),
            settle_cluster: mins(15),
            verify_gap: secs(60),
            verify_limit: mins(5),
            soak: [mins(5), mins(30), mins(2 * 60), mins(13 * 60), mins(25 * 60)],
            canary_soak: mins(30),
            canary_soak_automatic: mins(25 * 60),
            rate: secs(60),
            component_gap: mins(25 * 60),
            foreign_quiet: mins(15),
            trail_delay: mins(10),
            clock_offset: secs(5),
            budget_window: mins(24 * 60),
            agreeing_scans: mins(24 * 60),
            owner_notice: mins(24 * 60),
            undo_waits: [secs(5), secs(30), mins(2), mins(5)],
            undo_again: mins(10),
            retry: secs(5),
            patience: mins(5),
        }
    }
}

impl Pace {
    /// The same for a world whose time runs `scale` times as fast; 0 counts as 1.
    ///
    /// What stands for something that the cloud or people do is divided. A limit on this program's own quickness keeps a
    /// least value: neither it, nor its store, nor the whole seconds that replies tell the time in, run faster there.
    #[must_use]
    pub fn divided_by(&self, scale: u32) -> Self {
        let scaled = |span: Duration| span / scale.max(1);
        let at_least = |span: Duration, least: Duration| scaled(span).max(least.min(span));
        Self {
            proof_age: self.proof_age,
            kill_age: self.kill_age,
            scan_age: at_least(self.scan_age, secs(60)),
            lease_ttl: at_least(self.lease_ttl, secs(10)),
            lease_margin: at_least(self.lease_margin, Duration::from_millis(500)),
            call_deadline: at_least(self.call_deadline, secs(3)),
            sign_within: at_least(self.sign_within, secs(6)),
            signature_life: scaled(self.signature_life),
            clock_bound: at_least(self.clock_bound, secs(1)),
            async_bound: scaled(self.async_bound),
            stale_bound: scaled(self.stale_bound),
            settle_first: at_least(self.settle_first, LOOK),
            settle_most: at_least(self.settle_most, LOOK),
            watch: at_least(self.watch, LOOK),
            settle_mesh: at_least(self.settle_mesh, secs(3)),
            settle_cluster: at_least(self.settle_cluster, secs(3)),
            verify_gap: scaled(self.verify_gap),
            verify_limit: at_least(self.verify_limit, secs(3)),
            soak: self.soak.map(scaled),
            canary_soak: scaled(self.canary_soak),
            canary_soak_automatic: scaled(self.canary_soak_automatic),
            rate: scaled(self.rate),
            component_gap: scaled(self.component_gap),
            foreign_quiet: scaled(self.foreign_quiet),
            trail_delay: scaled(self.trail_delay),
            clock_offset: self.clock_offset,
            budget_window: scaled(self.budget_window),
            agreeing_scans: scaled(self.agreeing_scans),
            owner_notice: scaled(self.owner_notice),
            undo_waits: self.undo_waits.map(|wait| at_least(wait, LOOK)),
            undo_again: at_least(self.undo_again, LOOK),
            retry: at_least(self.retry, LOOK),
            patience: at_least(self.patience, secs(30)),
        }
    }

    /// From the last moment at which something may have been signed until nothing of it can still happen,
    /// nor a read still show what was before it.
    pub fn fence(&self) -> Duration {
        self.signature_life + self.clock_bound + self.async_bound + self.stale_bound
    }

    /// From the acceptance of a request until its effect is there and seen, or never comes.
    pub fn accepted_fence(&self) -> Duration {
        self.clock_bound + self.async_bound + self.stale_bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;

    /// What reliability.md says, each number as it stands there, in seconds.
    #[test]
    fn the_defaults_are_those_of_the_design() {
        let pace = Pace::default();
        let table: [(&str, Duration, u64); 35] = [
            ("1, P1: preconditions read live at most 5 s before signing", pace.proof_age, 5),
            ("4, I12: nothing signed later than 1 s after the kill switch", pace.kill_age, 1),
            ("3.1, G2: a scan of at most 60 min", pace.scan_age, 60 * MINUTE),
            ("3.1, G13: no foreign write in the last 15 min", pace.foreign_quiet, 15 * MINUTE),
            ("3.1, G14: clock offset below 5 s", pace.clock_offset, 5),
            ("3.1, G15: another component in the last 25 h", pace.component_gap, 25 * HOUR),
            ("3.3, 8: lease left of the call's deadline + 15 s", pace.lease_margin, 15),
            ("3.4: TTL of 60 s", pace.lease_ttl, 60),
            ("3.4: the gateway refuses 15 min after signing", pace.signature_life, 15 * MINUTE),
            ("3.4: async bound of 60 s", pace.async_bound, 60),
            ("3.7: poll every 5 s", pace.settle_first, 5),
            ("3.7: to 20 s", pace.settle_most, 20),
            ("3.7: ACK at most 15 min", pace.settle_cluster, 15 * MINUTE),
            ("3.7: two good samples at least 60 s apart", pace.verify_gap, 60),
            ("3.7: within 5 min", pace.verify_limit, 5 * MINUTE),
            ("3.7: soak, +5 min", pace.soak[0], 5 * MINUTE),
            ("3.7: soak, +30 min", pace.soak[1], 30 * MINUTE),
            ("3.7: soak, +2 h", pace.soak[2], 2 * HOUR),
            ("3.7: soak, +13 h", pace.soak[3], 13 * HOUR),
            ("3.7: soak, +25 h", pace.soak[4], 25 * HOUR),
            ("3.8: canary, at least 30 min", pace.canary_soak, 30 * MINUTE),
            ("3.8: canary in automatic mode, at least 25 h", pace.canary_soak_automatic, 25 * HOUR),
            ("3.8: one write per 60 s", pace.rate, 60),
            ("3.1, G8: budgets per 24 h", pace.budget_window, 24 * HOUR),
            ("3.8: two scans at least 24 h apart", pace.agreeing_scans, 24 * HOUR),
            ("3.8: a notice at least 24 h before", pace.owner_notice, 24 * HOUR),
            ("8, 4: the design waits 10 min for the audit trail", pace.trail_delay, 10 * MINUTE),
            // Ours, where the design leaves the number open; docs/remediation.md tells them.
            ("the clock bound of 3.4", pace.clock_bound, 5),
            ("stale reads of at most 2 s (4), and one for the road", pace.stale_bound, 3),
            ("from an intent to its signature", pace.sign_within, 60),
            ("the way back, asked for again first", pace.undo_waits[0], 5),
            ("second", pace.undo_waits[1], 30),
            ("third", pace.undo_waits[2], 2 * MINUTE),
            ("fourth", pace.undo_waits[3], 5 * MINUTE),
            ("from then on", pace.undo_again, 10 * MINUTE),
        ];
        for (what, is, seconds) in table {
            assert_eq!(is, Duration::from_secs(seconds), "{what}");
        }
        // 3.4: a successor waits from the last moment of signing for 15 min, the clock bound and the async bound; here also
        // for reads that lag.
        assert_eq!(pace.fence(), Duration::from_secs(15 * MINUTE + 5 + 60 + 3));
    }
}
