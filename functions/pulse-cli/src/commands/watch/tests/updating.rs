use jiff::SignedDuration;
use pulse_core::{
    control::Note,
    entry::StageName,
    overview::{Condition, Held, How},
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    super::{
        event::{Event, SideEffect, Topic},
        prompt::Order,
        state::State,
        update::update,
    },
    fixtures::{blank, entries, figures, full, lanes, now},
};

const ALL: [SideEffect; 3] =
    [SideEffect::Read(Topic::Figures), SideEffect::Read(Topic::Lanes), SideEffect::Read(Topic::Entries)];

fn press(state: &mut State, key: KeyCode) -> Vec<SideEffect> {
    update(state, now(), Event::Key(KeyEvent::new(key, KeyModifiers::NONE)))
}

fn type_in(state: &mut State, text: &str) -> Vec<SideEffect> {
    text.chars().flat_map(|letter| press(state, KeyCode::Char(letter))).collect()
}

fn later(state: &mut State, seconds: i64) -> Vec<SideEffect> {
    update(state, now() + SignedDuration::from_secs(seconds), Event::Tick)
}

fn ctrl_c() -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL))
}

/// A state that all was read for, and in which nothing is due.
fn settled() -> State {
    let mut state = blank();
    assert_eq!(later(&mut state, 0), ALL);
    for event in [
        Event::Figures(Ok(Box::new(figures(Condition::Running, Condition::Running)))),
        Event::Lanes(Ok(vec![lanes(StageName::Score, "Enabled"), lanes(StageName::Email, "Enabled")])),
        Event::Entries(Ok(entries())),
    ] {
        assert_eq!(update(&mut state, now(), event), []);
    }
    state
}

#[test]
fn each_thing_is_read_at_its_own_pace_and_once_at_a_time() {
    let mut state = settled();
    assert_eq!(later(&mut state, 4), []);
    assert_eq!(later(&mut state, 5), [SideEffect::Read(Topic::Figures)]);
    assert_eq!(later(&mut state, 59), [], "the figures are awaited still");
    assert_eq!(later(&mut state, 60), [SideEffect::Read(Topic::Lanes)]);
    assert_eq!(later(&mut state, 299), []);
    assert_eq!(later(&mut state, 300), [SideEffect::Read(Topic::Entries)]);
}

#[test]
fn r_reads_all_now_but_not_what_is_being_read() {
    let mut state = settled();
    assert_eq!(press(&mut state, KeyCode::Char('r')), ALL);
    assert_eq!(press(&mut state, KeyCode::Char('r')), []);
}

#[test]
fn a_clock_that_was_set_back_stops_nothing() {
    let mut state = settled();
    assert_eq!(later(&mut state, -3_600), ALL);
}

#[test]
fn what_cannot_be_read_is_told_and_what_was_read_before_stays() {
    let mut state = settled();
    let _ = later(&mut state, 5);
    let at = now() + SignedDuration::from_secs(6);
    assert_eq!(update(&mut state, at, Event::Figures(Err("throttled".into()))), []);
    let trouble = state.trouble().unwrap();
    assert!(trouble.contains("figures can't be read") && trouble.ends_with("every 5 s: throttled"), "{trouble}");
    assert_eq!(state.figures.last.as_ref().unwrap().at, now());
    assert_eq!(later(&mut state, 10), [SideEffect::Read(Topic::Figures)], "it is tried again when it is due");
    let _ = update(&mut state, at, Event::Figures(Ok(Box::new(figures(Condition::Running, Condition::Running)))));
    assert_eq!(state.trouble(), None);
}

#[test]
fn a_pause_is_ordered_after_stage_note_and_yes_alone() {
    let mut state = settled();
    assert_eq!(type_in(&mut state, "pswrong template"), []);
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    let order = Order::Pause(StageName::Score, Note::parse("wrong template").unwrap());
    assert_eq!(press(&mut state, KeyCode::Char('y')), [SideEffect::Switch(order.clone())]);
    assert_eq!(state.switching, Some(order));
    assert_eq!(type_in(&mut state, "Rsy"), [], "one at a time");
    let done = update(&mut state, now(), Event::Switched(Ok("held".into())));
    assert_eq!(done, [SideEffect::Read(Topic::Figures)]);
    assert_eq!((state.switching.is_none(), state.notice.as_ref().unwrap().text.as_str()), (true, "held"));
    let _ = later(&mut state, 30);
    assert!(state.notice.is_none(), "a notice goes away");
}

#[test]
fn a_resume_is_ordered_after_stage_and_yes_alone() {
    let mut state = settled();
    assert_eq!(type_in(&mut state, "Rexy"), [SideEffect::Switch(Order::Resume(StageName::Email, None))]);
    let _ = update(&mut state, now(), Event::Switched(Err("the ledger is throttled".into())));
    assert!(state.notice.unwrap().is_bad);
}

#[test]
fn what_recipients_anger_holds_is_resumed_with_a_note() {
    let mut state = settled();
    let mut held = figures(Condition::Running, Condition::Paused);
    let email = held.stages.iter_mut().find(|one| one.stage == StageName::Email).expect("the stage");
    let (note, since) = (Note::parse("Of 2000 mails, 9 were called spam.").unwrap(), now());
    email.held = Some(Held { how: How::Reputation { note }, since, until: None });
    let _ = update(&mut state, now(), Event::Figures(Ok(Box::new(held))));
    assert_eq!(type_in(&mut state, "Rey"), [], "a letter of the note");
    let _ = press(&mut state, KeyCode::Backspace);
    let _ = type_in(&mut state, "mended");
    let _ = press(&mut state, KeyCode::Enter);
    let order = Order::Resume(StageName::Email, Some(Note::parse("mended").unwrap()));
    assert_eq!(type_in(&mut state, "y"), [SideEffect::Switch(order)]);
}

#[test]
fn no_single_key_and_no_pasted_text_switches_a_stage() {
    let mut state = settled();
    let keys = (' '..='~').map(KeyCode::Char).chain([KeyCode::Enter, KeyCode::Tab, KeyCode::Esc, KeyCode::F(1)]);
    for key in keys {
        for second in (' '..='~').map(KeyCode::Char).chain([KeyCode::Enter]) {
            let effects = [press(&mut state, key), press(&mut state, second)].concat();
            assert!(!effects.iter().any(|effect| matches!(effect, SideEffect::Switch(_))), "{key:?} {second:?}");
            state.prompt = None;
        }
    }
    for text in ["pswhy\ny", "Rsy", "y"] {
        let _ = update(&mut state, now(), Event::Paste(text.into()));
        assert_eq!((&state.prompt, &state.switching), (&None, &None));
    }
}

#[test]
fn keys_that_are_let_go_or_held_with_others_mean_nothing() {
    let mut state = settled();
    let _ = type_in(&mut state, "Rs");
    for modifiers in [KeyModifiers::CONTROL, KeyModifiers::ALT] {
        assert_eq!(update(&mut state, now(), Event::Key(KeyEvent::new(KeyCode::Char('y'), modifiers))), []);
    }
    let release = KeyEvent::new_with_kind(KeyCode::Char('y'), KeyModifiers::NONE, KeyEventKind::Release);
    assert_eq!(update(&mut state, now(), Event::Key(release)), []);
    assert!(state.prompt.is_some() && state.switching.is_none());
}

#[test]
fn q_esc_and_ctrl_c_end_it() {
    assert_eq!(press(&mut settled(), KeyCode::Char('q')), [SideEffect::Quit]);
    assert_eq!(press(&mut settled(), KeyCode::Esc), [SideEffect::Quit]);
    assert_eq!(update(&mut settled(), now(), ctrl_c()), [SideEffect::Quit]);
    let mut asked = settled();
    assert_eq!(type_in(&mut asked, "peq"), [], "where one types, it is a letter");
    assert_eq!(press(&mut asked, KeyCode::Esc), [], "where something is asked, Esc is a no");
    assert_eq!(type_in(&mut asked, "pe"), []);
    assert_eq!(update(&mut asked, now(), ctrl_c()), [SideEffect::Quit]);
}

#[test]
fn leaving_waits_for_what_was_confirmed_unless_one_insists() {
    let mut state = full(Condition::Paused, Condition::Running);
    state.switching = Some(Order::Resume(StageName::Score, None));
    let effects = press(&mut state, KeyCode::Char('q'));
    assert!(!effects.contains(&SideEffect::Quit), "{effects:?}");
    assert!(update(&mut state, now(), Event::Switched(Ok("flows".into()))).contains(&SideEffect::Quit));
    state.switching = Some(Order::Resume(StageName::Score, None));
    assert!(press(&mut state, KeyCode::Char('q')).contains(&SideEffect::Quit), "asked twice");
}

#[test]
fn the_keys_are_shown_and_hidden() {
    let mut state = settled();
    assert_eq!(type_in(&mut state, "?"), []);
    assert!(state.help);
    assert_eq!(press(&mut state, KeyCode::Esc), []);
    assert!(!state.help);
}
