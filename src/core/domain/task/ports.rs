//! The ports that containers publish on their container instance, and which of them is a target group's target
//! (network modes `bridge` and `host`).
//!
//! Must not know container instances or addresses: a host port is only half of a target.

use crate::domain::arn::{ContainerName, Port};

/// The transport protocol of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `tcp`.
    Tcp,
    /// `udp`.
    Udp,
}

impl Transport {
    /// The transports that targets of a target group with this `Protocol` can have, the preferred one first
    /// ([target group protocols](https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html)).
    #[must_use]
    pub fn of_protocol(protocol: &str) -> &'static [Self] {
        match protocol {
            "UDP" | "QUIC" | "GENEVE" => &[Self::Udp],
            "TCP_UDP" | "TCP_QUIC" => &[Self::Tcp, Self::Udp],
            _ => &[Self::Tcp],
        }
    }

    /// The name in ECS's `protocol` fields.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// One entry of a container's `networkBindings`: a port, or a range of ports.
///
/// See [NetworkBinding](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_NetworkBinding.html).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PortBinding {
    /// The container's name.
    pub container: String,
    /// `protocol`.
    pub transport: Transport,
    /// Whether `bindIP` is an IPv6 address: Docker binds `::` as well as `0.0.0.0`.
    pub is_ipv6: bool,
    first: u16,
    last: u16,
    first_on_host: u16,
}

/// The fields of a `networkBindings` or `portMappings` entry, all optional.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawBinding<'a> {
    /// `containerPort`.
    pub container_port: Option<i64>,
    /// `containerPortRange`.
    pub container_range: Option<&'a str>,
    /// `hostPort`.
    pub host_port: Option<i64>,
    /// `hostPortRange`.
    pub host_range: Option<&'a str>,
    /// `protocol`.
    pub protocol: Option<&'a str>,
    /// `bindIP`.
    pub bind_ip: Option<&'a str>,
}

impl PortBinding {
    /// The binding; `None` if a port is missing or invalid, or the protocol is not TCP or UDP.
    #[must_use]
    pub fn read(container: &str, raw: RawBinding<'_>) -> Option<Self> {
        let transport = match raw.protocol {
            None | Some("tcp") => Transport::Tcp,
            Some("udp") => Transport::Udp,
            Some(_) => return None,
        };
        let (first, last) = ports(raw.container_port, raw.container_range)?;
        let (first_on_host, last_on_host) = ports(raw.host_port, raw.host_range)?;
        // Ranges of different sizes do not show which host port belongs to which container port.
        (last - first == last_on_host - first_on_host).then(|| Self {
            container: container.to_owned(),
            transport,
            is_ipv6: raw.bind_ip.is_some_and(|address| address.contains(':')),
            first,
            last,
            first_on_host,
        })
    }

    /// The host port of the container's `port`; `None` if the binding is not for that port.
    #[must_use]
    pub fn host_port(&self, port: Port) -> Option<Port> {
        let offset = port.number().checked_sub(self.first)?;
        let is_inside = port.number() <= self.last;
        let on_host = self.first_on_host.checked_add(offset).filter(|_| is_inside)?;
        Port::try_from(i64::from(on_host)).ok()
    }

    /// Container, ports and protocol for a message: `auth 8080/tcp`.
    #[must_use]
    pub fn describe(&self) -> String {
        let name = self.transport.name();
        if self.first == self.last {
            format!("{} {}/{name}", self.container, self.first)
        } else {
            format!("{} {}-{}/{name}", self.container, self.first, self.last)
        }
    }
}

/// First and last container port, or host port, of a binding; a single port takes precedence over a range.
fn ports(single: Option<i64>, range: Option<&str>) -> Option<(u16, u16)> {
    let port = |number: i64| u16::try_from(number).ok().filter(|port| *port > 0);
    if let Some(port) = single.and_then(port) {
        return Some((port, port));
    }
    let (first, last) = range?.split_once('-')?;
    let both = (port(first.parse().ok()?)?, port(last.parse().ok()?)?);
    (both.0 <= both.1).then_some(both)
}

/// Which of a task's bindings a target group needs.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The container's port.
    pub port: Port,
    /// The container's name, if the start gave one.
    pub container: Option<&'a ContainerName>,
    /// The accepted transports, the preferred one first, from [`Transport::of_protocol`].
    pub transports: &'a [Transport],
    /// Whether targets are IPv6 addresses: then a binding to `::` is preferred to one to `0.0.0.0`.
    pub ipv6: bool,
}

/// Why there is no host port for a target group, or not only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No container publishes the port.
    NotPublished,
    /// Several containers publish it: their names and host ports.
    Ambiguous(Vec<(String, Port)>),
}

/// All bindings that fit, each with its host port, the preferred transport first.
pub fn fitting<'b>(bindings: &'b [PortBinding], wanted: Wanted<'_>) -> impl Iterator<Item = (&'b PortBinding, Port)> {
    wanted.transports.iter().flat_map(move |transport| {
        bindings.iter().filter_map(move |binding| {
            let named = wanted.container.is_none_or(|name| name.as_str() == binding.container);
            let host_port = binding.host_port(wanted.port)?;
            (named && binding.transport == *transport).then_some((binding, host_port))
        })
    })
}

/// The host port for the target group.
///
/// # Errors
/// If no container publishes the port, or several do on different host ports.
pub fn choose(bindings: &[PortBinding], wanted: Wanted<'_>) -> Result<Port, Unfit> {
    let Some((best, _)) = fitting(bindings, wanted).next() else {
        return Err(Unfit::NotPublished);
    };
    let mut choices: Vec<(&PortBinding, Port)> = Vec::new();
    for (binding, port) in fitting(bindings, wanted).filter(|(binding, _)| binding.transport == best.transport) {
        match choices
            .iter_mut()
            .find(|(known, _)| known.container == binding.container)
        {
            Some(choice) if choice.0.is_ipv6 != wanted.ipv6 && binding.is_ipv6 == wanted.ipv6 => {
                *choice = (binding, port);
            }
            Some(_) => {}
            None => choices.push((binding, port)),
        }
    }
    match choices.as_slice() {
        [(_, port), others @ ..] if others.iter().all(|(_, other)| other == port) => Ok(*port),
        _ => Err(Unfit::Ambiguous(
            choices
                .into_iter()
                .map(|(binding, port)| (binding.container.clone(), port))
                .collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn binding(container: &str, ports: &str, host: &str, protocol: &'static str, ip: &'static str) -> PortBinding {
        let raw = RawBinding {
            container_port: ports.parse().ok(),
            container_range: Some(ports),
            host_port: host.parse().ok(),
            host_range: Some(host),
            protocol: Some(protocol),
            bind_ip: Some(ip),
        };
        PortBinding::read(container, raw).expect("a binding")
    }

    fn chosen(bindings: &[PortBinding], port: i64, container: Option<&str>, protocol: &str) -> Result<u16, Unfit> {
        let container = container.map(|name| name.parse::<ContainerName>().expect("a name"));
        let wanted = Wanted {
            port: Port::try_from(port).expect("a port"),
            container: container.as_ref(),
            transports: Transport::of_protocol(protocol),
            ipv6: false,
        };
        choose(bindings, wanted).map(Port::number)
    }

    #[test]
    fn the_container_the_port_and_the_protocol_of_the_group_choose() {
        let bindings = [
            binding("auth", "8080", "32768", "tcp", "::"),
            binding("auth", "8080", "32769", "tcp", "0.0.0.0"),
            binding("auth", "53", "32770", "udp", "0.0.0.0"),
            binding("auth", "53", "32771", "tcp", "0.0.0.0"),
            binding("proxy", "9000-9010", "40000-40010", "tcp", "0.0.0.0"),
            binding("proxy", "8443", "443", "tcp", "0.0.0.0"),
            binding("spare", "8443", "8443", "tcp", "0.0.0.0"),
        ];
        let table = [
            (8080, None, "HTTP", Ok(32769)),
            (8080, None, "TLS", Ok(32769)),
            (8080, None, "UDP", Err(Unfit::NotPublished)),
            (53, None, "UDP", Ok(32770)),
            (53, None, "QUIC", Ok(32770)),
            (53, None, "TCP", Ok(32771)),
            (53, None, "TCP_UDP", Ok(32771)),
            (9000, None, "TCP", Ok(40000)),
            (9007, None, "TCP", Ok(40007)),
            (9011, None, "TCP", Err(Unfit::NotPublished)),
            (8999, None, "TCP", Err(Unfit::NotPublished)),
            (8443, Some("spare"), "TCP", Ok(8443)),
            (8443, Some("proxy"), "TCP", Ok(443)),
            (8080, Some("proxy"), "TCP", Err(Unfit::NotPublished)),
        ];
        for (port, container, protocol, expected) in table {
            assert_eq!(
                chosen(&bindings, port, container, protocol),
                expected,
                "{port} {container:?} {protocol}"
            );
        }
        let Err(Unfit::Ambiguous(choices)) = chosen(&bindings, 8443, None, "TCP") else {
            panic!("it is not known which")
        };
        let names: Vec<&str> = choices.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["proxy", "spare"]);
    }

    #[test]
    fn a_udp_port_serves_a_target_group_of_both_only_if_no_tcp_port_does() {
        let udp = [binding("auth", "53", "32770", "udp", "0.0.0.0")];
        assert_eq!(chosen(&udp, 53, None, "TCP_UDP"), Ok(32770));
        assert_eq!(chosen(&udp, 53, None, "TCP"), Err(Unfit::NotPublished));
    }

    #[test]
    fn an_ipv6_group_takes_the_binding_of_ipv6() {
        let both = [
            binding("auth", "80", "32768", "tcp", "0.0.0.0"),
            binding("auth", "80", "32769", "tcp", "::"),
        ];
        let wanted = Wanted {
            port: "80".parse().expect("a port"),
            container: None,
            transports: &[Transport::Tcp],
            ipv6: true,
        };
        assert_eq!(choose(&both, wanted).map(Port::number), Ok(32769));
    }

    #[test]
    fn incomplete_bindings_are_none() {
        let table = [
            RawBinding::default(),
            RawBinding {
                container_port: Some(80),
                ..RawBinding::default()
            },
            RawBinding {
                container_port: Some(0),
                host_port: Some(80),
                ..RawBinding::default()
            },
            RawBinding {
                container_range: Some("80-90"),
                host_range: Some("80-91"),
                ..RawBinding::default()
            },
            RawBinding {
                container_range: Some("90-80"),
                host_range: Some("90-80"),
                ..RawBinding::default()
            },
            RawBinding {
                container_port: Some(80),
                host_port: Some(80),
                protocol: Some("sctp"),
                ..RawBinding::default()
            },
        ];
        for raw in table {
            assert_eq!(PortBinding::read("auth", raw), None, "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_chosen_is_published(
            raw in prop::collection::vec(
                (any::<i64>(), prop::option::of("[0-9]{1,6}-[0-9]{1,6}"), 0..70_000_i64, prop::option::of("[0-9]{1,6}-[0-9]{1,6}")),
                0..6,
            ),
            port in 1..=65_535_i64,
        ) {
            let bindings: Vec<PortBinding> = raw
                .iter()
                .filter_map(|(container_port, container_range, host_port, host_range)| {
                    PortBinding::read("auth", RawBinding {
                        container_port: Some(*container_port),
                        container_range: container_range.as_deref(),
                        host_port: Some(*host_port),
                        host_range: host_range.as_deref(),
                        protocol: None,
                        bind_ip: None,
                    })
                })
                .collect();
            let port = Port::try_from(port).expect("a port");
            let wanted = Wanted { port, container: None, transports: &[Transport::Tcp], ipv6: false };
            match choose(&bindings, wanted) {
                Ok(host_port) => prop_assert!(bindings.iter().any(|binding| binding.host_port(port) == Some(host_port))),
                Err(unfit) => prop_assert_eq!(unfit, Unfit::NotPublished),
            }
        }
    }
}
