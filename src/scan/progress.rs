//! How far a scan is, for whoever shows it.

/// Told of every unit that is planned and of every unit that has ended. Called from one task at a
/// time per account, and often: an implementation only counts.
pub trait Progress: Send + Sync {
    /// So many more reads are planned.
    fn planned(&self, units: u64);
    /// So many planned reads have ended, well or not.
    fn finished(&self, units: u64);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn planned(&self, _units: u64) {}

    fn finished(&self, _units: u64) {}
}
