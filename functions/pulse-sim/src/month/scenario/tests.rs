use super::*;

#[test]
fn windows_are_read() {
    let hours = Duration::from_hours;
    let read = |text| Window::parse(text).unwrap();
    assert_eq!(read("score:6h@day3"), (StageName::Score, Window { from: hours(48), lasts: hours(6) }));
    let (stage, window) = read("email:90m@day3.5");
    assert_eq!((stage, window.from, window.lasts), (StageName::Email, hours(60), Duration::from_mins(90)));
    assert_eq!(read("email:2d@day1").1.to(), hours(48));
}

#[test]
fn what_is_no_window_is_refused_with_an_example() {
    for bad in [
        "",
        "score",
        "score:6h",
        "tick:6h@day3",
        "score:6@day3",
        "score:h@day3",
        "score:-1h@day3",
        "score:6h@day0",
        "score:6h@dayx",
        "score:infd@day1",
        "score:6h@day1e300",
        "score:6é@day3",
    ] {
        let error = Window::parse(bad).unwrap_err().to_string();
        assert!(error.contains("score:6h@day3"), "{error}");
    }
}

#[test]
fn lanes_are_split_as_the_template_splits_them() {
    let split = |lanes| {
        let stage = StageScenario::of_lanes(lanes, Duration::from_secs(2));
        (stage.maximum_concurrency, stage.in_flight)
    };
    assert_eq!([split(20), split(18), split(1), split(7)], [(5, 4), (6, 3), (1, 1), (7, 1)]);
    let lane = StageScenario::of_lanes(1, Duration::from_millis(2_400));
    assert!((lane.hourly_capacity() * 24.0 - 36_000.0).abs() < 1e-6);
}
