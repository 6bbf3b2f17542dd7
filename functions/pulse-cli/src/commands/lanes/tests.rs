use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn parse(line: &[&str]) -> Result<Options, String> {
    let line = Line::try_parse_from([&["lanes"], line].concat());
    line.map(|line| line.options).map_err(|error| error.to_string())
}

#[test]
fn lanes_are_shown_or_set_by_stage() {
    assert!(parse(&[]).is_ok() && parse(&["score"]).is_ok());
    let options = parse(&["email", "20", "--in-flight", "5", "--dry-run"]).unwrap();
    assert_eq!((options.stage, options.lanes, options.in_flight), (Some(StageName::Email), Some(20), Some(5)));
    for bad in [&["20"][..], &["score", "--in-flight", "4"], &["score", "--dry-run"], &["score", "-1"]] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
}
