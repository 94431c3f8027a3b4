//! "Did you mean …": the nearest of the words that would have been right.

/// The known word that is closest to `text`, if one is close enough to be meant.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&text.to_lowercase(), word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, word)| word)
}

/// A sentence for a word that is none of the known ones.
pub(crate) fn unknown<'a>(noun: &str, text: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let seen = crate::report::escape_capped(text, 80);
    match nearest(text, known.clone()) {
        Some(word) => format!("there is no {noun} `{seen}`; did you mean `{word}`?"),
        None => {
            let words: Vec<&str> = known.into_iter().collect();
            format!("there is no {noun} `{seen}`; use one of {}", words.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_gets_a_suggestion() {
        let regions = ["cn-hangzhou", "cn-shanghai", "ap-southeast-1"];
        assert_eq!(nearest("cn-hangzou", regions), Some("cn-hangzhou"));
        assert_eq!(nearest("ap-southeast1", regions), Some("ap-southeast-1"));
        assert_eq!(nearest("zzz", regions), None);
        assert!(unknown("region", "zzz", regions).contains("cn-shanghai"));
    }
}
