//! A game day, played through its pages: the driver's clock is the test's.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    body::{Bytes, to_bytes},
    http::{Request, StatusCode, header},
};
use jiff::Timestamp;
use pulse_console::{Access, Loopback};
use pulse_game::{Game, GameOptions, Pace, Record};
use pulse_sim::month::{Proof, Scenario, Spread, StageScenario};
use pulse_tests::console_client::{rows, words};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use super::actions::{form, hidden_in};

/// The evening of the second day: customers come from six to ten.
const EVENING: Duration = Duration::from_hours(24 + 19);

/// A month of so many customers.
pub(crate) fn scenario(customers: u32) -> Scenario {
    let stage = |millis| StageScenario::of_lanes(20, Duration::from_millis(millis));
    Scenario {
        customers,
        days: 30,
        starts: "2026-11-01T00:00:00Z".parse().unwrap(),
        seed: 4,
        spread: Spread::Evening,
        window: Duration::from_mins(1),
        api: false,
        capacity: None,
        stages: StageScenario::of_stages(stage(2_400), stage(3_300)),
    }
}

/// A game that is played without a browser.
struct Played {
    game: Game,
    starts: Timestamp,
}

impl Played {
    fn new(repeat: Record) -> Self {
        let scenario = scenario(9_000);
        let starts = scenario.starts;
        let (loopback, _) = Loopback::on(4242).unwrap();
        let command = "pulse simulate --console".to_owned();
        let options = GameOptions { scenario, actor: "aoife".into(), command, repeat };
        Self { game: Game::new(options, Access::Loopback(Arc::new(loopback))), starts }
    }

    /// Time passes, at sixty times its speed, in frames as a screen has them.
    fn pass(&self, length: Duration) {
        self.game.set_pace(Pace::Times(60));
        let until = self.game.now() + length;
        while self.game.now() < until {
            let left = until.duration_since(self.game.now()).unsigned_abs();
            self.game.pass((left / 60).clamp(Duration::from_nanos(17), Duration::from_millis(1_700)), &mut || false);
            assert_eq!(self.game.pace(), Pace::Times(60), "{:?}", self.game.day().violations());
        }
        self.game.set_pace(Pace::Paused);
    }

    fn ask(&self, request: Request<Bytes>) -> (StatusCode, String, String) {
        let answer = self.game.answer_at_once(request);
        let (status, location) = (answer.status(), answer.headers().get(header::LOCATION).cloned());
        let body = futures::executor::block_on(to_bytes(answer.into_body(), usize::MAX)).unwrap();
        let location = location.map(|location| location.to_str().unwrap().to_owned()).unwrap_or_default();
        (status, String::from_utf8(body.into()).unwrap(), location)
    }

    fn get(&self, path: &str) -> String {
        let (status, body, _) = self.ask(Request::get(path).header("accept", "text/html").body(Bytes::new()).unwrap());
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    fn json(&self, path: &str) -> Value {
        let request = Request::get(path).header("accept", "application/json").body(Bytes::new()).unwrap();
        let (status, body, _) = self.ask(request);
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Presses a button, and follows where that leads.
    fn press(&self, path: &str, body: &str) -> String {
        let (status, shown, location) = self.post(path, body);
        if status == StatusCode::SEE_OTHER { self.get(&location) } else { shown }
    }

    fn post(&self, path: &str, body: &str) -> (StatusCode, String, String) {
        let form = "application/x-www-form-urlencoded";
        let request = Request::post(path).header("content-type", form).body(Bytes::from(body.to_owned())).unwrap();
        self.ask(request)
    }

    fn condition(&self, stage: &str) -> String {
        let overview = self.json(&format!("/stages/{stage}"));
        overview["condition"].as_str().unwrap_or_default().to_owned()
    }

    /// What is waiting in a stage's dead-letter queue, as its page tells.
    fn dead_letters(&self, stage: &str) -> u64 {
        let dead = self.json("/dead-letters");
        let name = format!("{stage} DLQ");
        dead.as_array().unwrap().iter().find(|depth| depth["queue"] == name).unwrap()["waiting"].as_u64().unwrap()
    }

    /// A night: scoring is down for an hour, then refuses some, which die, and are redriven by cause.
    fn night(&self) -> Proof {
        self.game.advance_to(self.starts + EVENING);
        assert_eq!(self.condition("score"), "running");
        let page = self.press("/game/faults", "throw=score-down&lasts=1h");
        assert!(words(&page).contains("ends in 1h"), "{}", words(&page));
        self.pass(Duration::from_mins(20));
        assert_eq!(self.condition("score"), "broken");
        let stage = words(&self.get("/stages/score"));
        assert!(stage.contains("calls to the provider failed") && stage.contains("tried next"), "{stage}");
        self.pass(Duration::from_hours(1));
        assert_eq!(self.condition("score"), "running");
        assert!(words(&self.get("/game")).contains("Nothing."), "it has ended by itself");
        assert_eq!(self.dead_letters("score"), 0, "a provider that is down costs no letter");

        self.press("/game/faults", "throw=score-refusing&lasts=");
        self.press("/game/faults", "throw=tick-killed&lasts=");
        self.pass(Duration::from_hours(3));
        assert!(self.dead_letters("score") > 0);
        let page = self.press("/game/faults", "mend=score-refusing");
        assert!(words(&page).contains("ticks are killed"), "{}", words(&page));
        let looked = self.press("/dead-letters/score", "");
        let cause = hidden_in(looked.split("/redrive").nth(1).unwrap());
        assert!(cause["cause"].contains("no such customer"), "{cause:?}");
        let shown = self.press("/dead-letters/score/redrive", &form(&cause));
        let mut fields = hidden_in(shown.rsplit("<form").next().unwrap());
        fields.insert("note".into(), "They are known again".into());
        let (status, refused, order) = self.post("/dead-letters/score/redrive", &form(&fields));
        assert_eq!(status, StatusCode::SEE_OTHER, "{refused}");
        self.pass(Duration::from_hours(2));
        let told = self.json(&order);
        assert_eq!((told["state"].as_str(), told["by"].as_str()), (Some("done"), Some("aoife")), "{told}");
        assert_eq!(told["progress"]["moved"].to_string(), fields["expected"], "{told}");
        assert_eq!(self.dead_letters("score"), 0);
        self.press("/game/faults", "mend=all");
        self.pass(Duration::from_hours(6));
        assert_eq!(self.game.day().violations(), []);
        self.game.day().proof()
    }
}

#[test]
fn a_night_is_played_to_its_end_and_again_by_its_record() {
    let played = Played::new(Record::default());
    let proof = played.night();
    assert_eq!(proof.objections(), [] as [&str; 0]);
    assert!(proof.sent > 550 && proof.sent == proof.accepted, "{proof:?}");
    assert!(rows(&played.get("/game")).iter().flatten().any(|cell| cell == "due so far"));
    let record: Record = played.get("/game/record").parse().unwrap();
    assert_eq!(record, played.game.record());
    assert_eq!(record.0.len(), 8, "{record}");

    // Nobody looks this time, and time passes in one go.
    let again = Played::new(record);
    again.game.advance_to(played.game.now());
    assert_eq!(again.game.day().digest(), played.game.day().digest());
    assert_eq!(again.game.day().proof(), proof);
}

#[test]
fn time_stands_still_while_it_is_paused_and_goes_on_by_what_is_asked_for() {
    let played = Played::new(Record::default());
    played.game.advance_to(played.starts + EVENING);
    let before = played.game.now();
    for path in
        ["/", "/runs/2026-11", "/game", "/stages/score", "/orders", "/suppressions", "/dead-letters", "/customers/c1"]
    {
        played.get(path);
    }
    played.game.pass(Duration::from_hours(1), &mut || false);
    assert_eq!(played.game.now(), before);
    assert!(played.get("/").contains(&format!("data-now=\"{before}\" data-pace=\"0\"")));

    played.press("/game/pace", "on=1h");
    let mut frames = 0;
    while played.game.pace() != Pace::Paused {
        played.game.pass(Duration::ZERO, &mut || true);
        frames += 1;
    }
    assert_eq!((played.game.now(), frames > 10), (before + Duration::from_hours(1), true));
    played.press("/game/pace", "times=600");
    played.game.pass(Duration::from_secs(1), &mut || false);
    assert_eq!(played.game.now(), before + Duration::from_mins(70));
    assert_eq!(played.game.record(), Record::default(), "how fast time passes changes nothing");

    // What waits for something has the time that it waits for.
    let (status, _, _) = played.post("/stages/score/lanes", "lanes=12");
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(played.game.now() > before + Duration::from_mins(70));
    assert_eq!(played.json("/stages/score")["stage"], "score");
    assert!(played.get("/stages/score").contains("= 3 invocations × 4 calls"), "{}", played.get("/stages/score"));
    for (path, form) in [
        ("/game/pace", "times=1&on=1h"),
        ("/game/pace", "on=soon"),
        ("/game/faults", "lasts=1h"),
        ("/game/faults", "throw=score-down&lasts=soon"),
    ] {
        assert_eq!(played.post(path, form).0, StatusCode::BAD_REQUEST, "{path} {form}");
    }
    assert_eq!(played.post("/game/faults", "throw=rain&lasts=").0, StatusCode::NOT_FOUND);
}

/// Whoever says that a mail wasn't sent which was, has it sent twice: the game stops and says so.
#[test]
fn a_broken_promise_is_told_of_at_once() {
    let played = Played::new(Record::default());
    played.game.advance_to(played.starts + EVENING);
    // Nothing that the provider tells of its mails is read.
    played.press("/game/faults", "throw=intake-off");
    played.press("/game/faults", "throw=email-losing");
    let mut settled = false;
    for _ in 0..60 {
        played.game.advance_to(played.game.now() + Duration::from_mins(1));
        let run = "2026-11";
        let mut in_doubt = None;
        played.game.day().world.ledger.for_each_entry(|entry| {
            if entry.state() == "unknown" && played.game.day().world.mailer.mails_of(entry.id()) > 0 {
                in_doubt = Some(entry.id().customer.to_string());
            }
        });
        if let Some(customer) = in_doubt {
            let form = format!("run={run}&note=They+say+so&sent=&outcome=not-sent");
            settled |= played.post(&format!("/customers/{customer}/settle"), &form).0 == StatusCode::SEE_OTHER;
            break;
        }
    }
    assert!(settled, "no mail is in doubt");
    played.game.set_pace(Pace::Times(3_600));
    played.game.pass(Duration::from_secs(1), &mut || false);
    assert_eq!(played.game.pace(), Pace::Paused);
    let page = words(&played.get("/game"));
    assert!(page.contains("A promise is broken") && page.contains("no entry leads to two mails"), "{page}");
    assert!(page.contains("pulse simulate --console --repeat game.txt"), "{page}");
}

#[tokio::test]
async fn a_game_is_served_by_the_clock_on_the_wall_until_it_ends() {
    let Played { game, .. } = Played::new(Record::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(pulse_game::serve(listener, game, async { drop(ended.await) }));
    let mut asked = TcpStream::connect(address).await.unwrap();
    asked.write_all(b"GET /game HTTP/1.1\r\nhost: 127.0.0.1:4242\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    asked.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("lets one browser in, once"), "{answer}");
    end.send(()).unwrap();
    served.await.unwrap().unwrap();
}
