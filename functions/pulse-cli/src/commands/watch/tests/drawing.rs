use jiff::SignedDuration;
use proptest::prelude::*;
use pulse_core::{control::Note, entry::StageName, overview::Condition};
use ratatui::{Terminal, backend::TestBackend, style::Color};

use super::{
    super::{
        prompt::{Order, Prompt, Verb},
        state::State,
        view,
    },
    fixtures::{CONDITIONS, blank, full, now},
};

fn drawn(state: &State, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, state)).unwrap();
    terminal
}

fn text(state: &State, width: u16, height: u16) -> String {
    drawn(state, width, height).backend().to_string()
}

/// What stands on the screen in a colour, before it or behind it.
fn in_colour(state: &State, colour: Color) -> String {
    let terminal = drawn(state, 120, 40);
    let cells = terminal.backend().buffer().content();
    cells.iter().filter(|cell| cell.fg == colour || cell.bg == colour).map(ratatui::buffer::Cell::symbol).collect()
}

fn asked() -> [Prompt; 5] {
    let note = Note::parse(&"wrong template ".repeat(19)).unwrap();
    let why = |typed: &str, complaint: Option<String>| Prompt::Why {
        verb: Verb::Pause,
        stage: StageName::Email,
        typed: typed.into(),
        complaint,
    };
    [
        Prompt::Which(Verb::Pause),
        why("wrong templ", None),
        why(&"a".repeat(400), Some("a note is one line of 1 to 300 characters".into())),
        Prompt::Sure(Order::Pause(StageName::Email, note)),
        Prompt::Sure(Order::Resume(StageName::Score, None)),
    ]
}

#[test]
fn before_anything_is_read() {
    insta::assert_snapshot!(drawn(&blank(), 80, 24).backend());
}

#[test]
fn both_stages_held_on_a_small_terminal() {
    insta::assert_snapshot!(drawn(&full(Condition::Paused, Condition::Broken), 80, 24).backend());
}

#[test]
fn a_running_month_on_a_large_terminal() {
    insta::assert_snapshot!(drawn(&full(Condition::Running, Condition::Broken), 120, 40).backend());
}

#[test]
fn trouble_that_takes_more_than_a_line() {
    let mut state = full(Condition::Running, Condition::Running);
    state.now = now() + SignedDuration::from_secs(95);
    let error = "The score queue can't be asked how full it is: dispatch failure: io error: connection refused";
    state.figures.end(state.now, Err(error.into()));
    insta::assert_snapshot!(drawn(&state, 80, 24).backend());
    assert!(in_colour(&state, Color::LightRed).contains("figures 1m 35s ago"), "old figures are marked");
}

#[test]
fn the_question_before_a_resume_says_what_holds_the_stage() {
    let mut state = full(Condition::Paused, Condition::Running);
    state.prompt = Some(Prompt::Sure(Order::Resume(StageName::Score, None)));
    insta::assert_snapshot!(drawn(&state, 80, 24).backend());
}

#[test]
fn the_keys_over_the_figures() {
    let mut state = full(Condition::Running, Condition::Running);
    state.help = true;
    insta::assert_snapshot!(drawn(&state, 80, 24).backend());
}

#[test]
fn every_condition_is_drawn_by_its_word_and_its_colour() {
    for condition in CONDITIONS {
        let other = if condition == Condition::Running { Condition::Paused } else { Condition::Running };
        let state = full(condition, other);
        let shown = text(&state, 80, 24);
        assert!(shown.contains(&format!("score  {condition} ")), "{shown}");
        let colour = match condition {
            Condition::Running => Color::Green,
            Condition::Broken => Color::Red,
            Condition::Pausing | Condition::Paused | Condition::Resuming => Color::Yellow,
        };
        assert!(in_colour(&state, colour).contains(&condition.to_string()), "{condition}");
    }
}

#[test]
fn messages_that_expire_soon_and_dead_letters_are_red() {
    let red = in_colour(&full(Condition::Paused, Condition::Running), Color::Red);
    assert!(red.contains("its message expires in 2d 0h: resume the stage"), "{red}");
    assert!(red.contains("email DLQ 7") && !red.contains("score DLQ"), "{red}");
    let red = in_colour(&full(Condition::Running, Condition::Running), Color::Red);
    assert!(!red.contains("expires"), "{red}");
}

#[test]
fn a_long_note_stays_readable_while_it_is_typed_and_confirmed() {
    let mut state = full(Condition::Running, Condition::Running);
    for prompt in asked() {
        let answers = match &prompt {
            Prompt::Which(_) | Prompt::Why { .. } => "Esc ",
            Prompt::Sure(_) => "y do it   n don't",
        };
        state.prompt = Some(prompt);
        let shown = text(&state, 80, 24);
        assert!(shown.contains(answers), "{shown}");
    }
}

proptest! {
    #[test]
    fn a_terminal_of_any_size_is_drawn_on(
        width in 1_u16..200,
        height in 1_u16..60,
        conditions in proptest::sample::subsequence(CONDITIONS.to_vec(), 2),
        prompt in proptest::option::of(proptest::sample::select(asked().to_vec())),
        trouble in any::<bool>(),
        help in any::<bool>(),
        is_blank in any::<bool>(),
    ) {
        let mut state = if is_blank { blank() } else { full(conditions[0], conditions[1]) };
        (state.prompt, state.help) = (prompt, help);
        if trouble {
            state.entries.end(now(), Err("throttled ".repeat(30)));
        }
        let shown = text(&state, width, height);
        prop_assert_eq!(shown.lines().count(), usize::from(height));
    }
}
