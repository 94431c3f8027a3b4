//! Stands in front of the expression parser and beside the evaluator: rule files may come from
//! anybody, and the parser is recursive, so deep or long expressions would end the process.
//!
//! Three fences. [`admit`] refuses by counting characters, before anything is parsed; it counts
//! inside strings and comments too, so that no trick of quoting gets past it. Parsing and
//! evaluation run on threads with a large stack. Panics are caught.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Longest expression, in bytes.
const MAX_BYTES: usize = 2 * 1024;
/// Most operators, members, brackets and commas.
const MAX_OPERATORS: usize = 200;
/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 24;
/// Stack of threads that parse and evaluate, in bytes.
const STACK: usize = 16 * 1024 * 1024;

/// Refuses expressions that the parser might not survive.
///
/// # Errors
///
/// A sentence that names the limit.
pub(super) fn admit(source: &str) -> Result<(), String> {
    if source.len() > MAX_BYTES {
        return Err(format!("the expression has {} bytes; the limit is {MAX_BYTES}", source.len()));
    }
    let mut operators = 0_usize;
    let mut depth = 0_usize;
    for c in source.chars() {
        match c {
            '(' | '[' | '{' => {
                operators += 1;
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(format!("brackets are nested more than {MAX_DEPTH} deep"));
                }
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | '?' | ':' | '.' | ',' => operators += 1,
            _ => {}
        }
    }
    // The only operator that is a word.
    operators += source.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| *word == "in").count();
    if operators > MAX_OPERATORS {
        return Err(format!("the expression has {operators} operators and members; the limit is {MAX_OPERATORS}"));
    }
    Ok(())
}

/// Runs `work`; a panic becomes an error.
pub(super) fn fenced<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        format!("the expression made the evaluator panic: {text}")
    })
}

/// Threads whose stack is large enough for every expression that is admitted.
///
/// # Errors
///
/// The system gave no threads.
pub(super) fn threads() -> Result<rayon::ThreadPool, String> {
    rayon::ThreadPoolBuilder::new()
        .stack_size(STACK)
        .thread_name(|index| format!("rules-{index}"))
        .build()
        .map_err(|error| format!("cannot start the threads that evaluate rules: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, admit, fenced};

    #[test]
    fn hostile_expressions_are_refused_before_they_are_parsed() {
        // Each of these made the parser panic, overflow its stack or run for long.
        let hostile = [
            format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000)),
            format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
            ["1"; 6_000].join("+"),
            format!("a{}", ".b".repeat(20_000)),
            format!("{}{}", "[".repeat(30), "]".repeat(30)),
            ["1"; 300].join(" in "),
            "!".repeat(500),
            "-".repeat(500),
            // Brackets hidden in strings still count as operators.
            r#"(")"+"#.repeat(300),
        ];
        for source in hostile {
            assert!(admit(&source).is_err(), "{}…", &source[..20.min(source.len())]);
        }
    }

    #[test]
    fn what_people_write_is_admitted() {
        assert!(admit(r#"exposed && ports.exists(p, p.port in [15010, 15014] && p.verdict == "open")"#).is_ok());
        assert!(admit(&format!("{}1{}", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH))).is_ok());
    }

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(fenced(|| 1), Ok(1));
        let error = fenced(|| panic!("boom")).expect_err("it panicked");
        assert!(error.ends_with("boom"), "{error}");
    }
}
