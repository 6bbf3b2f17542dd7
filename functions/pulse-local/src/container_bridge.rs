//! Where this machine is seen from Docker's containers.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

/// This machine's address on Docker's default bridge, which is what `host-gateway` means (Docker's documentation,
/// dockerd, "--host-gateway-ip": the IP address of the default bridge), and which only containers and this machine
/// reach. None where there is no such bridge: on machines other than Linux, and with Docker Desktop, whose
/// `host.docker.internal` leads to 127.0.0.1.
#[must_use]
pub fn container_bridge() -> Option<Ipv4Addr> {
    let gateway = gateway_of_docker0(&fs::read_to_string("/proc/net/route").ok()?)?;
    // That the first address of the network is this machine's is Docker's default, and shows here.
    TcpListener::bind((gateway, 0)).ok().map(|_| gateway)
}

/// The first address of the network that docker0 leads to, of the kernel's table of routes: interface, destination
/// and so on, in hexadecimal, in the order of bytes that the machine has (`proc_net(5)`).
fn gateway_of_docker0(routes: &str) -> Option<Ipv4Addr> {
    let network = routes.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        (fields.next() == Some("docker0")).then(|| fields.next())?
    })?;
    let network = u32::from_str_radix(network, 16).ok()?;
    let network = Ipv4Addr::from(network.to_ne_bytes());
    Some(Ipv4Addr::from_bits(network.to_bits() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bridges_own_address_is_the_first_of_its_network() {
        let network = u32::from_ne_bytes([172, 17, 0, 0]);
        let routes = format!(
            "Iface\tDestination\tGateway\nens5\t00000000\t0101A8C0\tdocker0\ndocker0\t{network:08X}\t00000000\t0001\n"
        );
        assert_eq!(gateway_of_docker0(&routes), Some(Ipv4Addr::new(172, 17, 0, 1)));
        assert_eq!(gateway_of_docker0("Iface\tDestination\nens5\t00000000\n"), None);
    }
}
