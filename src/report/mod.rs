//! Renders a run, one file per format.
