use clap::Parser;
use pulse_local::emulator_kind::LocalStack;
use serde_json::json;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

const BRIDGE: Option<Ipv4Addr> = Some(Ipv4Addr::new(172, 17, 0, 1));

fn localstack() -> EmulatorKind {
    let says = json!({ "version": "4.14.0", "edition": "community" });
    EmulatorKind::LocalStack(serde_json::from_value::<LocalStack>(says).unwrap())
}

fn surroundings(line: &[&str], kind: &EmulatorKind, bridge: Option<Ipv4Addr>) -> Surroundings {
    let line = Line::try_parse_from([&["local"], line].concat()).unwrap();
    Surroundings::with_bridge(&line.options, kind, bridge)
}

fn place(line: &[&str], kind: &EmulatorKind, bridge: Option<Ipv4Addr>) -> (String, Option<String>) {
    let StandInPlace { bind, host } = surroundings(line, kind, bridge).place;
    (bind.to_string(), host)
}

#[test]
fn stand_ins_listen_on_the_narrowest_address_that_the_functions_reach() {
    let host = |name: &str| Some(name.to_owned());
    let own = EmulatorKind::MiniStack;
    assert_eq!(place(&[], &own, BRIDGE), ("127.0.0.1".into(), None));
    assert_eq!(place(&[], &EmulatorKind::Unknown, BRIDGE), ("127.0.0.1".into(), None));
    assert_eq!(place(&[], &localstack(), BRIDGE), ("172.17.0.1".into(), host(THIS_MACHINE)));
    assert_eq!(place(&[], &localstack(), None), ("127.0.0.1".into(), host(THIS_MACHINE)));
    let given = ["--stand-ins-host", "192.168.5.2"];
    assert_eq!(place(&given, &localstack(), BRIDGE), ("192.168.5.2".into(), host("192.168.5.2")));
    assert_eq!(place(&["--stand-ins-host", "localhost"], &own, BRIDGE), ("127.0.0.1".into(), host("localhost")));
    let reach = |line: &[&str], kind: &EmulatorKind| surroundings(line, kind, None).reach_loopback();
    assert!(reach(&[], &own) && reach(&["--stand-ins-host", "localhost"], &localstack()));
    assert!(!reach(&[], &localstack()) && !reach(&given, &own));
    let wide = ["--stand-ins-bind", "0.0.0.0"];
    assert_eq!(place(&wide, &localstack(), BRIDGE), ("0.0.0.0".into(), host(THIS_MACHINE)));
}

#[test]
fn pulse_fires_schedules_where_the_emulator_is_not_known_to() {
    let fires = |line: &[&str], kind: &EmulatorKind| surroundings(line, kind, None).fires;
    assert!(fires(&[], &localstack()) && fires(&[], &EmulatorKind::Unknown));
    assert!(!fires(&[], &EmulatorKind::MiniStack));
    assert!(!fires(&["--schedules-by", "emulator"], &localstack()));
    assert!(fires(&["--schedules-by", "pulse"], &EmulatorKind::MiniStack));
}

#[test]
fn what_the_emulator_cannot_do_is_said_and_so_is_who_reaches_the_stand_ins() {
    let said = |line: &[&str], bridge| {
        surroundings(line, &localstack(), bridge).remarks(&localstack(), "http://localhost:4566")
    };
    let text = said(&[], BRIDGE);
    for words in [
        "LocalStack 4.14.0 (community) answers at http://localhost:4566",
        "`pulse local` does, at their minute",
        "stand-ins at host.docker.internal; they listen on 172.17.0.1, which only this machine and its containers reach",
        "Nobody is told of what happens: an endpoint of this machine must be at 127.0.0.1",
        "least privilege isn't tried",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let own =
        surroundings(&[], &EmulatorKind::MiniStack, BRIDGE).remarks(&EmulatorKind::MiniStack, "http://localhost:4566");
    assert_eq!(own, "MiniStack answers at http://localhost:4566.");
    assert!(said(&[], None).contains("through Docker Desktop"));
    assert!(
        said(&["--stand-ins-bind", "0.0.0.0"], BRIDGE).contains("whoever reaches this machine there can call them")
    );
}
