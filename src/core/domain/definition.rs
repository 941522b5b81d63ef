//! What a task definition says about the ports that its containers have on their container instance.
//!
//! Must not know tasks: only a task shows which host port was assigned to a dynamic one.

use super::arn::Port;
use super::task::ports::{PortBinding, RawBinding, Wanted, fitting};

/// One revision of a task definition. It never changes, so answers are cached
/// ([Updating a task definition](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-task-definition-console-v2.html):
/// a change is another revision).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Definition {
    /// `networkMode`.
    pub network_mode: NetworkMode,
    /// The port mappings of all containers.
    pub mappings: Vec<PortMapping>,
}

/// `networkMode` of a task definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NetworkMode {
    /// `awsvpc`: each task has its own network interface.
    Awsvpc,
    /// `bridge`, also if none is given: host ports, assigned when a container starts.
    Bridge,
    /// `host`: the container instance's own network, so each container port is the same host port.
    Host,
    /// `none`: the task cannot be reached.
    None,
    /// One that this version does not know.
    Unknown(String),
}

impl From<Option<&str>> for NetworkMode {
    /// An absent mode is `bridge`
    /// ([TaskDefinition](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html):
    /// "If no network mode is specified, the default is bridge").
    fn from(text: Option<&str>) -> Self {
        match text {
            None | Some("" | "bridge") => Self::Bridge,
            Some("awsvpc") => Self::Awsvpc,
            Some("host") => Self::Host,
            Some("none") => Self::None,
            Some(other) => Self::Unknown(other.to_owned()),
        }
    }
}

/// One port mapping of a container: a port, or a range of ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PortMapping {
    /// Each container port on the same host port, as in network mode `host`: "The
    /// hostPort can be left blank or it must be the same value as the containerPort"
    /// ([PortMapping](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html)).
    pub in_host_mode: PortBinding,
    /// The host port in network mode `bridge`, if the definition fixes it. ECS assigns it if `hostPort` is 0 or
    /// absent, and for port ranges.
    pub in_bridge_mode: Option<PortBinding>,
}

impl PortMapping {
    /// The mapping; `None` if it has no valid container port, or a protocol other than TCP and UDP.
    #[must_use]
    pub fn read(container: &str, raw: RawBinding<'_>) -> Option<Self> {
        let in_host_mode = RawBinding {
            host_port: raw.container_port,
            host_range: raw.container_range,
            bind_ip: None,
            ..raw
        };
        Some(Self {
            in_host_mode: PortBinding::read(container, in_host_mode)?,
            in_bridge_mode: PortBinding::read(container, raw),
        })
    }

    /// Whether it maps this container port.
    #[must_use]
    pub fn is_of(&self, port: Port) -> bool {
        self.in_host_mode.host_port(port).is_some()
    }
}

impl Definition {
    /// The ports that its tasks publish in network mode `host`: container ports are host ports.
    #[must_use]
    pub fn host_mode_ports(&self) -> Vec<PortBinding> {
        self.mappings
            .iter()
            .map(|mapping| mapping.in_host_mode.clone())
            .collect()
    }

    /// The host ports that its tasks certainly have, known from the definition alone.
    #[must_use]
    pub fn static_ports(&self) -> Vec<PortBinding> {
        match &self.network_mode {
            NetworkMode::Host => self.host_mode_ports(),
            NetworkMode::Bridge | NetworkMode::Unknown(_) => {
                let fixed = self
                    .mappings
                    .iter()
                    .filter_map(|mapping| mapping.in_bridge_mode.clone());
                fixed.collect()
            }
            NetworkMode::Awsvpc | NetworkMode::None => Vec::new(),
        }
    }

    /// Whether any mapping fits.
    #[must_use]
    pub fn maps(&self, wanted: Wanted<'_>) -> bool {
        fitting(&self.host_mode_ports(), wanted).next().is_some()
    }

    /// The host ports of all mappings that fit; `None` unless the definition fixes each of them.
    #[must_use]
    pub fn fixed_ports(&self, wanted: Wanted<'_>) -> Option<Vec<PortBinding>> {
        let fits = |mapping: &&PortMapping| {
            fitting(std::slice::from_ref(&mapping.in_host_mode), wanted)
                .next()
                .is_some()
        };
        let of_port = self.mappings.iter().filter(fits);
        of_port.map(|mapping| mapping.in_bridge_mode.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::task::ports::Transport;

    fn mapping(container_port: i64, host_port: Option<i64>) -> PortMapping {
        let raw = RawBinding {
            container_port: Some(container_port),
            host_port,
            ..RawBinding::default()
        };
        PortMapping::read("auth", raw).unwrap()
    }

    fn wanted(port: &str) -> Wanted<'static> {
        Wanted {
            port: port.parse().unwrap(),
            container: None,
            transports: &[Transport::Tcp],
            ipv6: false,
        }
    }

    #[test]
    fn network_modes_are_read_and_an_absent_one_is_bridge() {
        let table = [
            (None, NetworkMode::Bridge),
            (Some("bridge"), NetworkMode::Bridge),
            (Some("host"), NetworkMode::Host),
            (Some("awsvpc"), NetworkMode::Awsvpc),
            (Some("none"), NetworkMode::None),
            (Some("default"), NetworkMode::Unknown("default".into())),
        ];
        for (text, mode) in table {
            assert_eq!(NetworkMode::from(text), mode);
        }
    }

    #[test]
    fn a_host_port_of_0_or_none_is_not_fixed_and_in_host_mode_each_port_is_the_same() {
        let definition = Definition {
            network_mode: NetworkMode::Bridge,
            mappings: vec![mapping(8080, Some(0)), mapping(9090, None), mapping(443, Some(8443))],
        };
        for (port, fixed) in [("8080", None), ("9090", None), ("443", Some("8443"))] {
            let host_port = definition.fixed_ports(wanted(port));
            let host_port = host_port.and_then(|bindings| bindings[0].host_port(port.parse().unwrap()));
            assert_eq!(host_port, fixed.map(|port| port.parse().unwrap()), "{port}");
            assert!(definition.maps(wanted(port)));
            let same = definition.host_mode_ports();
            let same = same.iter().find_map(|binding| binding.host_port(port.parse().unwrap()));
            assert_eq!(same, Some(port.parse().unwrap()));
        }
        assert!(!definition.maps(wanted("80")));
        assert_eq!(definition.fixed_ports(wanted("80")), Some(Vec::new()), "nowhere");
    }

    #[test]
    fn ranges_are_mapped_and_incomplete_mappings_are_none() {
        let range = RawBinding {
            container_range: Some("9000-9010"),
            ..RawBinding::default()
        };
        let range = PortMapping::read("auth", range).unwrap();
        assert!(range.is_of("9007".parse().unwrap()) && !range.is_of("9011".parse().unwrap()));
        assert_eq!(range.in_bridge_mode, None);
        assert_eq!(PortMapping::read("auth", RawBinding::default()), None);
    }
}
