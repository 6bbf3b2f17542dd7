use super::*;

fn keys(mut prompt: Prompt, keys: impl IntoIterator<Item = KeyCode>) -> Answered {
    for key in keys {
        match prompt.answer(key) {
            Answered::Asks(next) => prompt = next,
            end => return end,
        }
    }
    Answered::Asks(prompt)
}

fn typed(text: &str) -> Vec<KeyCode> {
    text.chars().map(KeyCode::Char).collect()
}

#[test]
fn a_pause_takes_a_stage_a_note_and_a_yes() {
    let mut all = typed("ewrong templat3");
    all.extend([KeyCode::Backspace, KeyCode::Char('e'), KeyCode::Enter]);
    let order = Order::Pause(StageName::Email, Note::parse("wrong template").unwrap());
    let before = keys(Prompt::Which(Verb::Pause), all.clone());
    assert_eq!(before, Answered::Asks(Prompt::Sure(order.clone())));
    all.push(KeyCode::Char('y'));
    assert_eq!(keys(Prompt::Which(Verb::Pause), all), Answered::Ordered(order));
}

#[test]
fn only_y_is_a_yes() {
    let sure = Prompt::Sure(Order::Resume(StageName::Score, None));
    let others = (' '..='~').filter(|letter| !['y', 'n'].contains(letter)).map(KeyCode::Char);
    let others = others.chain([KeyCode::Enter, KeyCode::Tab, KeyCode::Up, KeyCode::Delete]);
    assert_eq!(keys(sure.clone(), others), Answered::Asks(sure.clone()));
    assert_eq!(keys(sure.clone(), typed("n")), Answered::GivenUp);
    assert_eq!(keys(sure.clone(), [KeyCode::Esc]), Answered::GivenUp);
    let mut pasted = sure.clone();
    pasted.paste("y");
    assert_eq!(pasted, sure);
}

#[test]
fn a_pause_without_a_note_is_asked_about_again() {
    let asks = keys(Prompt::Which(Verb::Pause), [KeyCode::Char('s'), KeyCode::Char(' '), KeyCode::Enter]);
    let Answered::Asks(Prompt::Why { complaint: Some(complaint), .. }) = asks else { panic!("{asks:?}") };
    assert!(complaint.contains("1 to 300"), "{complaint}");
}

#[test]
fn a_note_may_be_pasted_but_not_two_lines_of_it() {
    let mut prompt = Verb::Pause.of(StageName::Score);
    prompt.paste("see ticket 7\n");
    let noted = prompt.clone().answer(KeyCode::Enter);
    let order = Order::Pause(StageName::Score, Note::parse("see ticket 7").unwrap());
    assert_eq!(noted, Answered::Asks(Prompt::Sure(order)));
    prompt.paste("\ny");
    let refused = prompt.answer(KeyCode::Enter);
    assert!(matches!(refused, Answered::Asks(Prompt::Why { complaint: Some(_), .. })), "{refused:?}");
}
