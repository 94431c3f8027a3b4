//! How far the reading is, on a terminal: counts and a rate. Silent everywhere else.

use std::{fmt, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::terminal::{self, Terminal};
use crate::scan::Progress;

/// A bar on stderr, or nothing.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar where the terminal shows one.
    pub(crate) fn new(terminal: &Terminal) -> Self {
        if !terminal.progress {
            return Self { bar: ProgressBar::hidden() };
        }
        let bars = terminal::bars();
        bars.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let bar = bars.add(ProgressBar::new(0));
        let style = ProgressStyle::with_template("{spinner} {pos} of {len} reads {wide_bar} {rate} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
                // A rate that cannot be drawn is no reason to stop.
                let _ = write!(out, "{:.0}/s", state.per_sec());
            });
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }
}

impl Progress for Bar {
    fn planned(&self, units: u64) {
        self.bar.inc_length(units);
    }

    fn finished(&self, units: u64) {
        self.bar.inc(units);
    }
}

impl Drop for Bar {
    /// The bar leaves the screen to the report.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
