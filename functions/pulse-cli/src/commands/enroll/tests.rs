mod rosters;

use std::{
    io::{self, Read},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use async_trait::async_trait;
use clap::Parser as _;
use pulse_app::{App, FixedSettings};
use pulse_core::{
    control::BreakerPolicy,
    entry::StageName,
    feedback::FeedbackSource,
    lanes::{LaneSettings, Step},
    ports::{
        DeadLetterQueues, DeadLetters, DlqName, IntakeQueue, LaneControl, LaneError, LedgerReports as _, Mapping,
        Ports, Recall, StageLanes, StageQueue,
    },
    stage::{EmailPolicy, EmailRules, PerStage, Rules, StageSet},
    tick::SweepPolicy,
};
use pulse_sim::{
    clock::VirtualClock,
    dead_letters::{MemoryDeadLetters, MemoryReader},
    gauges::MemoryGauges,
    ledger::MemoryLedger,
    provider_suppressions::MemoryProviderSuppressions,
    queue::MemoryQueue,
    schedules::MemorySchedules,
    stages::MemoryStages,
    ticks::CountedTicks,
};
use tempfile::TempDir;

use super::*;

const HEADER: &str = "id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out\n";

fn row(id: &str) -> String {
    format!("{id},Ada,ada@example.com,loan,12.50,EUR,en-IE,,2024-05-10T14:41:00+01:00,active,no\n")
}

/// Enrolling asks nothing of it.
struct NoLanes;

#[async_trait]
impl LaneControl for NoLanes {
    async fn settings(&self, _: StageName) -> Result<LaneSettings, LaneError> {
        unreachable!("enrolling asks for no lanes")
    }

    async fn unreserved(&self, _: StageName) -> Result<u32, LaneError> {
        unreachable!("enrolling asks for no lanes")
    }

    async fn take(&self, _: StageName, _: Step) -> Result<(), LaneError> {
        unreachable!("enrolling changes no lanes")
    }
}

/// An application in memory, a folder, and the ledger.
struct World {
    app: App,
    ledger: Arc<MemoryLedger>,
    folder: TempDir,
    asked: Asked,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(VirtualClock::starting_at("2026-11-10T12:00:00Z".parse().unwrap()));
        let queue = |_| Arc::new(MemoryQueue::new(clock.clone(), Duration::from_mins(10), None));
        let (queues, dlqs) = (PerStage::from_fn(queue), PerStage::from_fn(queue));
        let letters = |name: DlqName| -> Arc<dyn DeadLetters> {
            Arc::new(MemoryDeadLetters::new(
                name,
                queue(StageName::Score),
                queues[name.stage().unwrap_or(StageName::Score)].clone(),
            ))
        };
        let lanes = |stage| StageLanes {
            stage,
            maximum_concurrency: 5,
            reserved_concurrency: None,
            in_flight: 4,
            mapping: Mapping("Enabled".into()),
        };
        let gauges = MemoryGauges {
            deployed: StageSet::of_every_stack(),
            queues: queues.clone(),
            dlqs,
            schedule_dlq: queue(StageName::Score),
            intake: Vec::new(),
            retention: Duration::from_hours(240),
            lanes: PerStage::from_fn(lanes),
        };
        let ledger: Arc<MemoryLedger> = Arc::default();
        let ports = Ports {
            ledger: ledger.clone(),
            open: ledger.clone(),
            campaigns: ledger.clone(),
            in_campaigns: ledger.clone(),
            endpoints: ledger.clone(),
            endpoint_controls: ledger.clone(),
            deliveries: ledger.clone(),
            reports: ledger.clone(),
            notes: ledger.clone(),
            suppressions: ledger.clone(),
            ses_suppressions: Arc::new(MemoryProviderSuppressions::default()),
            feedback: ledger.clone(),
            queues: queues.clone().map(|_, queue| -> Arc<dyn StageQueue> { queue }),
            dead_letters: DeadLetterQueues {
                stages: PerStage::from_fn(|stage| letters(DlqName::Stage(stage))),
                schedules: letters(DlqName::Schedules),
                feedback: letters(DlqName::Intake(IntakeQueue::Feedback)),
                unsubscribe: letters(DlqName::Intake(IntakeQueue::Unsubscribe)),
            },
            intake: Arc::new(MemoryReader),
            schedules: Arc::new(MemorySchedules::default()),
            audits: ledger.clone(),
            orders: ledger.clone(),
            tick: Arc::new(CountedTicks::default()),
            stages: Arc::new(MemoryStages::new(queues)),
            controls: ledger.clone(),
            outcomes: ledger.clone(),
            memory: ledger.clone(),
            lanes: Arc::new(NoLanes),
            gauges: Arc::new(gauges),
            snapshots: ledger.clone(),
            sleeper: clock,
        };
        let policy = EmailPolicy { score_max_age: Duration::from_hours(72), quiet_hours: None };
        let settings = FixedSettings {
            rules: Rules {
                email: EmailRules {
                    policy,
                    recall: Recall::None { advice: "ask them" },
                    provider: FeedbackSource::Ses,
                },
            },
            sweep: SweepPolicy::default(),
            breaker: BreakerPolicy::default(),
            zone: Zone::parse("Europe/Dublin").unwrap(),
        };
        let app = App { ports, settings: Arc::new(settings), actor: "aoife".into() };
        Self { app, ledger, folder: tempfile::tempdir().unwrap(), asked: Asked::default() }
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// `pulse enroll` with these arguments, as far as it goes after the command line was read.
    async fn enroll(&self, arguments: &[&str]) -> Result<Enrolment> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: Options,
        }
        let options = Line::parse_from(["enroll"].iter().chain(arguments)).options;
        let input = Input::open(&options.what)?;
        let place = RejectsPlace::choose(options.rejects.as_deref(), options.force, &input)?;
        enroll_input(self, input, place, &options.format).await
    }

    async fn active(&self) -> u64 {
        self.ledger.roster().await.unwrap().active
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

async fn enroll_input(world: &World, input: Input, place: RejectsPlace, format: &RosterFormat) -> Result<Enrolment> {
    let zone = world.app.settings.zone().unwrap();
    let as_of = AsOf { moment: "2026-11-10T00:00:00Z".parse().unwrap(), known_by: "as given" };
    let asked = world.asked.clone();
    enroll_file(world.app.bulk(), zone, input, place, format, as_of, asked, Output::new(false)).await
}

fn boat(id: &str) -> String {
    row(id).replace("loan", "boat")
}

#[tokio::test]
async fn rejects_are_kept_beside_the_roster_and_never_over_earlier_ones() {
    let world = World::new();
    let roster = world.write("roster.csv", [HEADER, &row("c-1"), &boat("c-2")].concat());
    let first = world.enroll(&[&roster]).await.unwrap();
    assert_eq!((first.report.enrolled.new, first.report.rejected), (1, 1));
    assert_eq!(first.ended.unwrap(), Exit::SomeRejected);
    let second = world.enroll(&[&roster]).await.unwrap();
    assert!(second.remarks.contains("roster.rejects.csv was there before"), "{}", second.remarks);
    assert_eq!(world.files(), ["roster.csv", "roster.rejects-2.csv", "roster.rejects.csv"]);
    let path = second.report.rejects_file.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    // Mended, they are enrolled as they are; and what is still bad is no file beside a file.
    let mended = std::fs::read_to_string(&path).unwrap().replace("boat", "loan")
        + &format!("9,product,odd,2026-11-10T00:00:00Z,{}", boat("c-3"));
    let mended = world.write("roster.rejects-2.csv", mended);
    let third = world.enroll(&[&mended]).await.unwrap();
    assert_eq!((third.report.enrolled.new, third.report.rejected), (1, 1));
    let path = third.report.rejects_file.unwrap();
    assert_eq!(path.file_name().unwrap(), "roster.rejects-3.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let header = format!("rejected_line,rejected_column,rejected_cause,rejected_as_of,{HEADER}");
    assert_eq!(
        text,
        format!("{header}3,product,product is neither 'loan' nor 'card',2026-11-10T00:00:00Z,{}", boat("c-3"))
    );
}

#[tokio::test]
async fn force_replaces_the_file_that_is_named_and_only_that() {
    let world = World::new();
    let roster = world.write("roster.csv", [HEADER, &boat("c-1")].concat());
    let rejects = world.write("bad.csv", "what was there");
    let arguments = [roster.as_str(), "--rejects", &rejects];
    world.enroll(&arguments).await.unwrap();
    assert_eq!(std::fs::read_to_string(&rejects).unwrap(), "what was there");
    assert_eq!(world.files(), ["bad-2.csv", "bad.csv", "roster.csv"]);
    world.enroll(&[&arguments[..], &["--force"]].concat()).await.unwrap();
    assert!(std::fs::read_to_string(&rejects).unwrap().contains("boat"));
    assert_eq!(world.files().len(), 3);
}

#[tokio::test]
async fn where_nothing_is_rejected_no_file_is_left() {
    let world = World::new();
    let roster = world.write("roster.csv", HEADER.to_owned() + &row("c-1"));
    let done = world.enroll(&[&roster]).await.unwrap();
    assert_eq!((done.report.enrolled.new, done.report.rejects_file), (1, None));
    assert_eq!((done.remarks.as_str(), done.ended.unwrap()), ("", Exit::Done));
    assert_eq!(world.files(), ["roster.csv"]);
}

#[tokio::test]
async fn rejects_never_go_over_the_roster_under_any_of_its_names() {
    let world = World::new();
    let text = [HEADER, &boat("c-1")].concat();
    let roster = world.write("roster.csv", &text);
    let of = |name: &str| world.folder.path().join(name).to_str().unwrap().to_owned();
    std::os::unix::fs::symlink(&roster, of("link.csv")).unwrap();
    std::fs::hard_link(&roster, of("hard.csv")).unwrap();
    for (what, rejects) in [
        (&roster, &roster),
        (&roster, &of("link.csv")),
        (&roster, &of("hard.csv")),
        (&of("link.csv"), &roster),
        (&of("hard.csv"), &of("link.csv")),
    ] {
        for force in [&["--force"][..], &[]] {
            let refused = world.enroll(&[&[what, "--rejects", rejects], force].concat()).await.err().unwrap();
            assert!(refused.to_string().contains("that is the roster itself"), "{refused}");
        }
    }
    assert_eq!(std::fs::read_to_string(&roster).unwrap(), text);
    assert_eq!(world.files().len(), 3);
}

#[tokio::test]
async fn what_can_hold_no_rejects_is_refused_before_anybody_is_enrolled() {
    let world = World::new();
    let roster = world.write("roster.csv", [HEADER, &row("c-1"), &boat("c-2")].concat());
    for (rejects, why) in [
        (world.folder.path().to_str().unwrap(), "is a folder"),
        ("/nowhere/at/all/r.csv", "nothing can be written to the folder"),
        ("/proc/r.csv", "nothing can be written to the folder"),
    ] {
        let refused = format!("{:#}", world.enroll(&[&roster, "--rejects", rejects]).await.err().unwrap());
        assert!(refused.contains(why), "{refused}");
    }
    assert_eq!(world.active().await, 0);
}

#[tokio::test]
async fn rejects_that_cannot_be_written_stop_no_good_row_and_are_an_error_at_the_end() {
    let world = World::new();
    let roster = world.write("roster.csv", [HEADER, &boat("c-1"), &row("c-2"), &boat("c-3"), &row("c-4")].concat());
    // A device that is always full.
    let done = world.enroll(&[&roster, "--rejects", "/dev/full"]).await.unwrap();
    assert_eq!((done.report.enrolled.new, done.report.rejected), (2, 2));
    let error = format!("{:#}", done.ended.unwrap_err());
    assert!(error.contains("not all of the 2 rejected ones could be kept") && error.contains("space"), "{error}");
    // And one that takes everything stays a device.
    let done = world.enroll(&[&roster, "--rejects", "/dev/null", "--force"]).await.unwrap();
    assert_eq!(done.ended.unwrap(), Exit::SomeRejected);
    assert!(!Path::new("/dev/null").is_file());
}

#[tokio::test]
async fn customers_without_a_usable_address_are_enrolled_and_told_by_line() {
    let world = World::new();
    let rows = [row("a-1"), row("a-2").replace("ada@", "ada@@"), row("a-3").replace("ada@example.com", "")];
    let roster = world.write("roster.csv", HEADER.to_owned() + &rows.concat());
    let done = world.enroll(&[&roster]).await.unwrap();
    assert_eq!((done.report.enrolled.new, done.ended.unwrap()), (3, Exit::Done));
    let json = serde_json::to_value(&done.report).unwrap();
    assert_eq!(json["without_usable_address"], 2);
    assert_eq!(json["unusable_addresses"][1]["line"], 4);
    assert_eq!(json["unusable_addresses"][1]["reason"], "email address is empty");
    assert!(done.report.text().contains("without a usable address  2"), "{}", done.report.text());
    assert!(done.remarks.contains("line 3; email address isn't one address"), "{}", done.remarks);
    assert!(!done.remarks.contains("ada@"), "{}", done.remarks);
}

/// Gives what it has, asks for the end, and then waits for what nobody sends.
struct Waiting {
    text: Vec<u8>,
    asked: Asked,
    never: mpsc::Receiver<()>,
}

impl Read for Waiting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.text.is_empty() {
            self.asked.ask();
            let _ = self.never.recv();
            return Ok(0);
        }
        let size = buffer.len().min(self.text.len());
        buffer[..size].copy_from_slice(&self.text[..size]);
        self.text.drain(..size);
        Ok(size)
    }
}

#[tokio::test]
async fn who_asks_for_the_end_gets_it_with_a_report_though_the_file_still_waits() {
    let world = World::new();
    let roster = world.write("roster.csv", "unread");
    let (sender, never) = mpsc::channel();
    let text: String =
        [HEADER.to_owned(), boat("c-0")].into_iter().chain((1..9).map(|n| row(&format!("c-{n}")))).collect();
    let reader = Waiting { text: text.into_bytes(), asked: world.asked.clone(), never };
    let mut input = Input::open(&roster).unwrap();
    input.reader = Box::new(reader);
    let place = RejectsPlace::choose(None, false, &input).unwrap();
    let format = RosterFormat::default();
    let done = enroll_input(&world, input, place, &format).await.unwrap();
    drop(sender);
    assert_eq!(done.ended.unwrap(), Exit::Interrupted);
    let line = done.report.stopped_after_line.unwrap();
    assert!(done.remarks.contains(&format!("Stopped after line {line}.")), "{}", done.remarks);
    // Line 2 is the bad row. What was taken was finished, and nothing else was begun.
    assert_eq!((world.active().await, done.report.rejected), (line.saturating_sub(2), u64::from(line > 1)));
    assert_eq!(done.report.enrolled.new, line.saturating_sub(2));
}

#[tokio::test]
async fn a_folder_and_a_file_that_is_not_there_are_refused_with_a_sentence() {
    let world = World::new();
    let folder = world.folder.path().to_str().unwrap().to_owned();
    let refused = |error: anyhow::Error| format!("{error:#}");
    assert!(refused(world.enroll(&[&folder]).await.err().unwrap()).contains("is a folder"));
    let gone = format!("{folder}/gone.csv");
    assert!(Input::is_meant_by(&gone) && Input::is_meant_by("gone.CSV") && !Input::is_meant_by("c-1"));
    assert_eq!(refused(world.enroll(&[&gone]).await.err().unwrap()), format!("There is no file {gone}."));
    let through = world.write("roster.csv", HEADER) + "/inside.csv";
    assert!(refused(world.enroll(&[&through]).await.err().unwrap()).contains("can't be read"));
}

#[tokio::test]
async fn a_named_pipe_is_read_and_its_rejects_go_where_files_can_be() {
    let world = World::new();
    let pipe = world.folder.path().join("pipe.csv").to_str().unwrap().to_owned();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let text = [HEADER, &row("c-1"), &boat("c-2")].concat();
    let to = pipe.clone();
    let writer = std::thread::spawn(move || std::fs::write(to, text));
    let rejects = world.folder.path().join("r.csv");
    let done = world.enroll(&[&pipe, "--rejects", rejects.to_str().unwrap()]).await.unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!((done.report.enrolled.new, done.report.rejected), (1, 1));
    assert_eq!(done.report.rejects_file, Some(rejects));
}
