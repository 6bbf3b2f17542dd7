//! What the emulator is, and what follows from it: where the stand-ins are, and who fires schedules.

use std::net::{IpAddr, Ipv4Addr};

use pulse_local::{container_bridge::container_bridge, emulator_kind::EmulatorKind, standins::StandInPlace};

use super::options::{Options, SchedulesBy};

/// This machine, as containers know it: by itself with Docker Desktop, and on Linux when it is added by `--add-host`
/// (Docker's documentation, "Explore networking features on Docker Desktop"; docker run, "--add-host").
const THIS_MACHINE: &str = "host.docker.internal";

/// What a run stands on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Surroundings {
    pub(super) place: StandInPlace,
    /// Whether Pulse fires schedules itself.
    pub(super) fires: bool,
    bridge: Option<Ipv4Addr>,
}

impl Surroundings {
    pub(super) fn of(options: &Options, kind: &EmulatorKind) -> Self {
        Self::with_bridge(options, kind, container_bridge())
    }

    fn with_bridge(options: &Options, kind: &EmulatorKind, bridge: Option<Ipv4Addr>) -> Self {
        let host = options.stand_ins_host.clone().or_else(|| kind.has_containers().then(|| THIS_MACHINE.to_owned()));
        let bind = options.stand_ins_bind.unwrap_or_else(|| bind_for(host.as_deref(), bridge));
        let fires = match options.schedules_by {
            SchedulesBy::Auto => !kind.fires_schedules(),
            SchedulesBy::Emulator => false,
            SchedulesBy::Pulse => true,
        };
        Self { place: StandInPlace { bind, host }, fires, bridge }
    }

    /// Whether functions reach what listens on this machine's loopback address, and are let to: endpoints are public, or
    /// there.
    pub(super) fn reach_loopback(&self) -> bool {
        let is_loopback = |host: &str| host.parse::<IpAddr>().map_or(host == "localhost", |host| host.is_loopback());
        self.place.host.as_deref().is_none_or(is_loopback)
    }

    /// What a person should know of an emulator that isn't Pulse's own.
    pub(super) fn remarks(&self, kind: &EmulatorKind, url: &str) -> String {
        let firing = match (self.fires, kind.fires_schedules()) {
            (false, _) => None,
            (true, true) => Some(
                "It fires schedules, and so does `pulse local`, by --schedules-by: each second message finds nothing to do.",
            ),
            (true, false) => {
                Some("It isn't known to fire schedules: `pulse local` does, at their minute, for as long as it runs.")
            }
        };
        let reaching = self.place.host.as_ref().map(|host| {
            format!("Its functions are told to find the providers' stand-ins at {host}; {}.", self.who_reaches())
        });
        let receiver = (!self.reach_loopback()).then(|| {
            "Nobody is told of what happens: an endpoint of this machine must be at 127.0.0.1, which its functions don't reach."
                .to_owned()
        });
        let limits = kind.limits().iter().copied().map(str::to_owned);
        let remarks = firing.map(str::to_owned).into_iter().chain(reaching).chain(receiver).chain(limits);
        remarks.fold(format!("{kind} answers at {url}."), |text, remark| format!("{text}\n  - {remark}"))
    }

    fn who_reaches(&self) -> String {
        let bind = self.place.bind;
        if bind.is_loopback() {
            format!("they listen on {bind}, which only this machine reaches, and containers through Docker Desktop")
        } else if Some(bind) == self.bridge.map(IpAddr::V4) {
            format!("they listen on {bind}, which only this machine and its containers reach")
        } else {
            format!(
                "they listen on {bind}: whoever reaches this machine there can call them while this runs, and spoil its counts"
            )
        }
    }

    /// What to look at when functions run and no call of theirs arrives.
    pub(super) fn advice(&self) -> String {
        match &self.place.host {
            Some(host) => format!(
                "see in the emulator's log whether they start, and whether their containers reach {host} (on Linux: LAMBDA_DOCKER_FLAGS as in infra/localstack/compose.yaml, and a firewall that lets containers through to {}); --stand-ins-host and --stand-ins-bind name another way",
                self.place.bind
            ),
            None => "see in the emulator's log whether they start; if it runs them in containers, give --stand-ins-host an address under which these reach this machine".into(),
        }
    }
}

/// The narrowest address on which a host's name can be answered for.
fn bind_for(host: Option<&str>, bridge: Option<Ipv4Addr>) -> IpAddr {
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    match host.map(|host| (host, host.parse())) {
        None | Some(("localhost", _)) => here,
        Some((_, Ok(address))) => address,
        Some((_, Err(_))) => bridge.map_or(here, IpAddr::V4),
    }
}

#[cfg(test)]
mod tests;
