//! Which resources are never changed: those that carry the tag `portcullis:protect`, with any value.

use std::collections::BTreeMap;

/// The tag's key, without what is not a letter or a digit.
const KEY: &str = "portcullisprotect";

/// True if the tags say that the resource is never to be changed.
///
/// The value says nothing: `false`, an empty one and a day of the past protect as well. A key that is meant to be the
/// marker and is not spelt like it protects too: the case of letters, blanks, invisible characters, and whatever stands
/// for the colon or behind the words make no difference.
pub fn is_protected(tags: &BTreeMap<String, String>) -> bool {
    tags.keys().any(|key| is_marker(key))
}

fn is_marker(key: &str) -> bool {
    let mut folded = key.chars().flat_map(plain).flat_map(char::to_lowercase).filter(char::is_ascii_alphanumeric);
    KEY.chars().all(|letter| folded.next() == Some(letter))
}

/// Letters of full width, as Chinese input methods write them, as plain ones.
fn plain(letter: char) -> Option<char> {
    match u32::from(letter) {
        wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0),
        _ => Some(letter),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tagged(key: &str, value: &str) -> bool {
        is_protected(&[("env".to_owned(), "prod".to_owned()), (key.to_owned(), value.to_owned())].into())
    }

    #[test]
    fn any_value_protects_and_no_other_key_does() {
        for value in ["", "true", "false", "no", "0", "2020-01-01", "until 2026-13-45", " ", "\u{0}"] {
            assert!(tagged("portcullis:protect", value), "{value:?}");
        }
        for key in ["", "env", "protect", "portcullis", "portcullis:", "port:protect", "my-portcullis:protect"] {
            assert!(!tagged(key, "true"), "{key:?}");
        }
        assert!(!is_protected(&BTreeMap::new()));
    }

    #[test]
    fn a_marker_that_is_not_spelt_well_protects() {
        for key in [
            "Portcullis:Protect",
            " portcullis:protect\n",
            "portcullis : protect",
            "portcullis：protect",
            "portcullis/protect",
            "portcullis-protect",
            "portcullis.protect",
            "portcullis:protected",
            "portcullis:protect=true",
            "portcullis:\u{200b}protect",
            "\u{feff}portcullis:protect",
            "ｐｏｒｔｃｕｌｌｉｓ：ｐｒｏｔｅｃｔ",
            "\"portcullis:protect\"",
        ] {
            assert!(tagged(key, "false"), "{key:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Whatever stands between, before and behind the letters, in whatever case they are.
        #[test]
        fn malformed_markers_protect(
            upper in proptest::collection::vec(any::<bool>(), KEY.len()),
            between in proptest::collection::vec("[ \\t:_./=：\u{200b}\u{feff}-]{0,3}", KEY.len()),
            behind in ".{0,20}",
            value in ".{0,40}",
        ) {
            let mut key = String::new();
            for ((letter, upper), junk) in KEY.chars().zip(upper).zip(between) {
                key.push_str(&junk);
                key.push(if upper { letter.to_ascii_uppercase() } else { letter });
            }
            key.push_str(&behind);
            prop_assert!(tagged(&key, &value), "{key:?}");
        }
    }
}
