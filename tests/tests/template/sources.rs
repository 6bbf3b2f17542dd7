use std::{fs, path::Path};

use anyhow::Result;
use pulse_core::stage::{StageName, StageSpec};
use pulse_template::Sources;
use pulse_tests::template::{
    Template, alarms, closing, functions, intake, metrics, parameters, policies, queues, table,
};

/// A made-up stage, as somebody would write it.
const CHARGE: &str = include_str!("charge.yaml.j2");

/// The latest of the stack's own.
const CALL: &str = include_str!("../../../infra/template/stages/call.yaml.j2");

/// The one before.
const DELIVER: &str = include_str!("../../../infra/template/stages/deliver.yaml.j2");

/// Lines that a person writes for a stage, at most.
const LINES_OF_A_STAGE: usize = 40;

#[test]
fn template_yaml_is_what_its_sources_give() -> Result<()> {
    let written = fs::read_to_string(pulse_template::template())?;
    let current = written == Sources::shipped().render()?;
    assert!(current, "template.yaml is not what infra/template gives: write it with `cargo run -p pulse-template`");
    Ok(())
}

#[test]
fn the_templates_stages_are_those_of_the_table() -> Result<()> {
    let sources = Sources::shipped();
    let (stages, text) = (sources.stages()?, sources.render()?);
    let names: Vec<_> = stages.iter().map(|stage| (stage.name.as_str(), stage.id.as_str())).collect();
    let table: Vec<_> = StageName::ALL.iter().map(|stage| (stage.as_str(), stage.spec().title)).collect();
    assert_eq!(names, table);
    for (stage, name) in stages.iter().zip(StageName::ALL) {
        let StageSpec { call_timeout, max_receives, .. } = name.spec();
        for variable in [
            format!("{}: \"{}\"", stage.timeout_variable, call_timeout.as_secs()),
            format!("MAX_RECEIVE_COUNT: \"{max_receives}\""),
        ] {
            assert!(text.contains(&variable), "{name}: template.yaml doesn't set {variable}");
        }
    }
    Ok(())
}

#[test]
fn a_further_stage_of_forty_lines_keeps_every_promise() -> Result<()> {
    let folder = tempfile::tempdir()?;
    copy(&pulse_template::sources(), folder.path())?;
    let main = folder.path().join("template.yaml.j2");
    let (import, list) = ("{% import \"stages/email.yaml.j2\" as email %}\n", "[score, email, deliver, call]");
    let text = fs::read_to_string(&main)?;
    assert!(text.contains(import) && text.contains(list));
    let text = text.replace(import, &format!("{import}{}", import.replace("email", "charge")));
    fs::write(&main, text.replace(list, "[score, email, deliver, call, charge]"))?;
    fs::write(folder.path().join("stages/charge.yaml.j2"), CHARGE)?;
    // Its file, and the two lines above.
    for file in [CHARGE, DELIVER, CALL] {
        assert!(file.lines().count() + 2 <= LINES_OF_A_STAGE);
    }

    let sources = Sources::in_folder(folder.path());
    let template = Template::parse(&sources.render()?, sources.stages()?)?;
    assert_eq!(template.mappings().len(), 5 + 2);
    // A stage brings none of its own.
    assert_eq!(template.resources("AWS::CloudWatch::Alarm").count(), 10);
    let checks = [
        alarms::each_says_what_to_do_first,
        alarms::each_is_sane,
        alarms::each_dead_letter_queue_is_heard,
        alarms::everything_that_can_stop_has_one,
        alarms::the_tick_finds_troubles,
        closing::the_worker_keeps_time_for_its_end,
        closing::a_claim_ends_before_its_message_is_back,
        functions::batches_are_partial_and_bounded,
        functions::reserved_concurrency_covers_the_mapping,
        functions::a_full_batch_can_be_finished,
        functions::the_bill_has_their_memory,
        functions::logs_are_json_and_kept_for_a_time,
        functions::what_is_built_is_what_runs,
        functions::an_audit_that_was_ended_goes_on,
        functions::the_sweep_waits_for_every_try,
        functions::the_commands_reckon_with_what_is_deployed,
        metrics::alarms_look_at_what_is_measured,
        metrics::the_dashboard_shows_what_is_measured,
        parameters::all_are_described,
        parameters::variables_hold_no_secret,
        policies::each_function_has_its_own_role,
        policies::each_statement_has_a_name,
        policies::nothing_is_allowed_by_wildcard,
        policies::roles_trust_one_service,
        policies::mails_go_out_as_their_sender_alone,
        policies::keys_decrypt_the_one_secret_that_is_read,
        table::can_be_taken_up,
        queues::visibility_outlasts_the_function,
        queues::each_queue_has_a_dead_letter_queue,
        queues::dead_letters_are_kept_longest,
        queues::receive_counts_agree,
        queues::each_queue_is_encrypted,
        intake::topics_and_api_alone_put_in,
        intake::each_way_in_is_taken_whole,
    ];
    let problems: Vec<_> = checks.iter().flat_map(|check| check(&template)).collect();
    assert_eq!(problems, Vec::<String>::new());
    Ok(())
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let from = entry?.path();
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            fs::create_dir(&to)?;
            copy(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}
