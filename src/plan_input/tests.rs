//! Tests of reading plans.
