//! The corpora, and inputs made of pieces of them: what every test run looks at. `.ci/fuzz` looks further.

use std::fs;

use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use pulse_fuzz::{answer, endpoint, letter, message, roster, row, webhook};

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 7] = [
    ("answer", answer::check),
    ("endpoint", endpoint::check),
    ("letter", letter::check),
    ("message", message::check),
    ("roster", roster::check),
    ("row", row::check),
    ("webhook", webhook::check),
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn every_promise_holds_on_the_corpora() {
    for (target, check) in TARGETS {
        let inputs = corpus(target);
        assert!(!inputs.is_empty(), "{target} has no corpus");
        for input in &inputs {
            check(input);
        }
    }
}

/// One line of an input after the other, each left, exchanged for another input's, or cut and filled with strange bytes.
#[test]
fn every_promise_holds_on_what_is_made_of_the_corpora() {
    let strange =
        ["", "\"", ",", "\u{202e}", "\0", "\r", "<", "é", "\u{e0041}", "0", "-", "99999999999999999999", "{", "]"];
    for (target, check) in TARGETS {
        let inputs = corpus(target);
        let lines: Vec<Vec<u8>> =
            inputs.iter().flat_map(|input| input.split(|b| *b == b'\n').map(<[u8]>::to_vec)).collect();
        let edit = (any::<prop::sample::Index>(), select(lines), select(strange.to_vec()), 0..3_u8);
        let input = (select(inputs), vec(edit, 1..4)).prop_map(|(input, edits)| {
            let mut lines: Vec<Vec<u8>> = input.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            for (place, other, strange, kind) in edits {
                let index = place.index(lines.len());
                let line = &mut lines[index];
                match kind {
                    0 => *line = other,
                    1 => line.truncate(place.index(line.len() + 1)),
                    _ => {
                        let at = place.index(line.len() + 1);
                        line.splice(at..at, strange.bytes());
                    }
                }
            }
            lines.join(&b'\n')
        });
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() });
        runner
            .run(&input, |input| {
                check(&input);
                Ok(())
            })
            .unwrap_or_else(|failure| panic!("{target}: {failure}"));
    }
}
