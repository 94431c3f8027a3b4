//! Our own mistakes: a panic ends in exit code 70 with its place, and takes nothing along that was
//! already concluded.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};

use super::{
    closing_line,
    exit::{Exit, Failure},
    terminal,
};

/// Runs the program, or as much of it as there is before a panic.
pub(super) fn guarded(run: impl FnOnce() -> Exit) -> Exit {
    panic::set_hook(Box::new(report_panic));
    // Nothing that `run` has touched is looked at afterwards.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Internal)
}

/// Does what may fail without harm to the rest: a panic in it is a failure like any other, so that
/// what comes after it is still done.
pub(super) fn apart(what: &str, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let panicked = |_| {
        let error = anyhow::Error::msg(format!("{what} ended in an internal error"));
        Err(Failure { exit: Exit::Internal, error })
    };
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

/// Prints where, and never what: the text of a panic may hold data of the cloud.
fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    terminal::stderr_line(&format!(
        "error: internal error at {place}: this is a mistake of the program, please report it. What is not in a report \
         was not concluded; a snapshot that `--save` wrote can be judged again with `--from`\n{}",
        closing_line(Exit::Internal, None)
    ));
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        process::{self, Command},
    };

    use super::*;

    /// Set for the process in which the panic happens: a hook is one for all threads of a process.
    const INSIDE: &str = "PORTCULLIS_TEST_PANICS";

    #[test]
    fn a_panic_ends_in_seventy_and_says_where_but_not_what() {
        if env::var_os(INSIDE).is_some() {
            process::exit(guarded(|| panic!("203.0.113.7 of a customer")).code().into());
        }
        let output = Command::new(env::current_exe().expect("the program of the tests"))
            .args(["--exact", "cli::fence::tests::a_panic_ends_in_seventy_and_says_where_but_not_what", "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .expect("the program of the tests runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(70), "{told}");
        assert!(told.contains("internal error at src/cli/fence.rs:"), "{told}");
        assert!(told.trim_end().ends_with("exit 70: internal error"), "{told}");
        assert!(!told.contains("203.0.113.7"), "{told}");
    }

    #[test]
    fn what_is_done_apart_takes_nothing_along() {
        let failed = apart("keeping the run", || panic!("boom")).expect_err("it panicked");
        assert_eq!(failed.exit, Exit::Internal);
        assert_eq!(failed.error.to_string(), "keeping the run ended in an internal error");
        assert!(apart("keeping the run", || Ok(())).is_ok());
    }
}
