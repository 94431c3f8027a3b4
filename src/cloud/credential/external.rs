//! A program that prints keys, as a profile of the mode `External` names it. It is run without a shell; what it
//! prints is never shown.

use std::time::Duration;

use futures::future::BoxFuture;
use zeroize::Zeroizing;

use super::{CredentialError, Credentials, profile, refresh::Fetch, source::failed};
use crate::cloud::context::Context;

/// A program that asks a person something never ends by itself.
const LIMIT: Duration = Duration::from_secs(60);

/// Fetches keys from a program.
pub(super) struct ProgramFetch {
    pub(super) name: String,
    pub(super) context: Context,
    pub(super) command: String,
}

impl Fetch for ProgramFetch {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async {
            let words =
                words(&self.command).map_err(|reason| failed(&self.name, format!("its `process_command` {reason}")))?;
            let Some((program, arguments)) = words.split_first() else {
                return Err(failed(&self.name, "its `process_command` is empty"));
            };
            // Arguments may hold secrets; the program's name says enough.
            let output = self.context.programs.run(program, arguments, LIMIT).await;
            let output =
                output.map_err(|error| failed(&self.name, format!("the program {program:?} failed: {error}")))?;
            let output = Zeroizing::new(output);
            profile::from_program(&output)
                .map_err(|reason| failed(&self.name, format!("the program {program:?}: {reason}")))
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The words of a command: separated by blanks, which quotes protect. There is no shell: nothing else is special.
fn words(command: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("has a quote that is not closed");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn blanks_separate_words_and_quotes_protect_them() {
        assert_eq!(
            words("get-keys  --user 'a b' \"c'd\" ''"),
            Ok(["get-keys", "--user", "a b", "c'd", ""].map(String::from).to_vec())
        );
        assert_eq!(words("  "), Ok(Vec::new()));
        assert!(words("get 'keys").is_err());
    }
}
