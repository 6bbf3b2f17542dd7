use super::*;

#[test]
fn a_plan_is_its_steps_in_their_order() {
    let monthly = Plan::of(&[StageName::Score, StageName::Email]).unwrap();
    assert_eq!(monthly, Plan::MONTHLY);
    assert_eq!((monthly.first(), monthly.last()), (StageName::Score, StageName::Email));
    assert_eq!(monthly.after(StageName::Score), Some(StageName::Email));
    assert_eq!(monthly.after(StageName::Email), None);
    let campaign = Plan::of(&[StageName::Email]).unwrap();
    assert_eq!((campaign.first(), campaign.last()), (StageName::Email, StageName::Email));
    assert!(!campaign.has(StageName::Score));
    assert_eq!(serde_json::to_string(&campaign).unwrap(), r#"["email"]"#);
    assert_eq!(serde_json::from_str::<Plan>(r#"["email"]"#).unwrap(), campaign);
}

#[test]
fn no_step_and_one_twice_are_no_plan() {
    assert_eq!(Plan::of(&[]), Err(InvalidPlan));
    assert_eq!(Plan::of(&[StageName::Email, StageName::Email]), Err(InvalidPlan));
    assert!(serde_json::from_str::<Plan>(r#"["score","score","email"]"#).is_err());
    assert!(serde_json::from_str::<Plan>(r#"["tick"]"#).is_err());
}

#[test]
fn a_campaign_ends_with_the_mail_and_has_its_steps_in_order() {
    use StageName::{Call, Email, Score};

    for steps in [&[Email][..], &[Score, Email], &[Call, Email], &[Score, Call, Email]] {
        let plan = Plan::of_campaign(steps).unwrap();
        assert_eq!(plan.steps().collect::<Vec<_>>(), steps);
        let words = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&words).unwrap(), plan);
    }
    let wrong = [
        &[][..],
        &[Call],
        &[Score, Call],
        &[Email, Call],
        &[Call, Score, Email],
        &[Email, Email],
        &[StageName::Deliver, Email],
    ];
    for steps in wrong {
        assert_eq!(Plan::of_campaign(steps), Err(InvalidCampaignPlan), "{steps:?}");
    }
}
