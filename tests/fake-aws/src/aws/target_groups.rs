//! Target groups and their targets, with what a test may do to them directly.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::arns;
use super::service::ApiError;
use super::world::World;

/// A target's health, as far as this fake reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Registered, health checks under way.
    Initial,
    /// Registered and answering.
    Healthy,
    /// Registered and failing its checks.
    Unhealthy,
    /// Registered behind a Network Load Balancer, which lets its connections end since it fails its checks.
    UnhealthyDraining,
    /// Deregistered, its connections ending.
    Draining,
}

/// The type of a group's targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetType {
    Ip,
    Instance,
    Lambda,
    Alb,
}

/// A target group, made with its builder and added with [`World::add_target_group`].
#[derive(Debug, Clone)]
pub struct TargetGroup {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) target_type: TargetType,
    pub(super) protocol: &'static str,
    pub(super) port: u16,
    pub(super) vpc: String,
    pub(super) ipv6: bool,
    pub(super) deregistration_delay: u32,
    /// `HealthCheckIntervalSeconds`.
    pub(super) interval: u32,
    pub(super) quota: usize,
    pub(super) load_balancer: Option<String>,
    /// By (id, port); a Lambda target's port is 0.
    pub(super) targets: BTreeMap<(String, u16), Health>,
}

impl TargetGroup {
    fn new(name: &str, target_type: TargetType, protocol: &'static str, port: u16) -> Self {
        Self {
            arn: String::new(),
            name: name.to_owned(),
            target_type,
            protocol,
            port,
            vpc: super::interfaces::VPC.to_owned(),
            ipv6: false,
            deregistration_delay: 300,
            interval: 30,
            quota: 1000,
            load_balancer: Some("main".to_owned()),
            targets: BTreeMap::new(),
        }
    }

    /// An HTTP group of IPv4 addresses with this default port.
    pub fn ip(name: &str, port: u16) -> Self {
        Self::new(name, TargetType::Ip, "HTTP", port)
    }

    /// An HTTP group of EC2 instances with this default port.
    pub fn instance(name: &str, port: u16) -> Self {
        Self::new(name, TargetType::Instance, "HTTP", port)
    }

    /// A group of one Lambda function.
    pub fn lambda(name: &str) -> Self {
        Self::new(name, TargetType::Lambda, "HTTP", 0)
    }

    /// A TCP group of one Application Load Balancer.
    pub fn alb(name: &str, port: u16) -> Self {
        Self::new(name, TargetType::Alb, "TCP", port)
    }

    /// Takes IPv6 addresses instead.
    pub fn ipv6(mut self) -> Self {
        self.ipv6 = true;
        self
    }

    /// Another protocol than HTTP.
    pub fn protocol(mut self, protocol: &'static str) -> Self {
        self.protocol = protocol;
        self
    }

    /// Deregistration delay in seconds, 300 in AWS; 0 makes targets vanish at once.
    pub fn deregistration_delay(mut self, seconds: u32) -> Self {
        self.deregistration_delay = seconds;
        self
    }

    /// Seconds from one health check to the next, 30 in AWS.
    pub fn interval(mut self, seconds: u32) -> Self {
        self.interval = seconds;
        self
    }

    /// How many targets it takes, 1,000 in AWS.
    pub fn quota(mut self, targets: usize) -> Self {
        self.quota = targets;
        self
    }

    /// Used by no load balancer: its targets are `unused`.
    pub fn unattached(mut self) -> Self {
        self.load_balancer = None;
        self
    }

    pub(super) fn is_registered(&self, target: &(String, u16)) -> bool {
        self.targets
            .get(target)
            .is_some_and(|health| *health != Health::Draining)
    }

    pub(super) fn occupied(&self) -> usize {
        let registered = self.targets.values().filter(|health| **health != Health::Draining);
        registered.count()
    }

    /// Makes or revives a target; an already registered one stays as it is.
    pub(super) fn put(&mut self, target: (String, u16)) {
        let health = self.targets.entry(target).or_insert(Health::Initial);
        if *health == Health::Draining {
            *health = Health::Initial;
        }
    }

    /// Begins draining, or removes at once without a delay. Harmless when unknown.
    pub(super) fn take(&mut self, target: &(String, u16)) {
        if self.deregistration_delay == 0 {
            self.targets.remove(target);
        } else if let Some(health) = self.targets.get_mut(target) {
            *health = Health::Draining;
        }
    }
}

impl World {
    /// Adds a target group; gives its ARN.
    pub fn add_target_group(&mut self, mut group: TargetGroup) -> String {
        let id = arns::hex(&format!("target group {}", group.name), 16);
        group.arn = self.arn("elasticloadbalancing", &format!("targetgroup/{}/{id}", group.name));
        let resource = |name: &String| {
            let id = arns::hex(name, 16);
            self.arn("elasticloadbalancing", &format!("loadbalancer/app/{name}/{id}"))
        };
        group.load_balancer = group.load_balancer.as_ref().map(resource);
        let arn = group.arn.clone();
        self.target_groups.insert(arn.clone(), group);
        arn
    }

    /// The ARN of the group of this name.
    pub fn target_group_arn(&self, name: &str) -> String {
        let mut groups = self.target_groups.values();
        groups
            .find(|group| group.name == name)
            .expect("a target group of this world")
            .arn
            .clone()
    }

    /// The ARN of the load balancer of a target group, if it has one.
    pub fn load_balancer_arn(&self, target_group: &str) -> Option<String> {
        self.target_groups[target_group].load_balancer.clone()
    }

    /// No listener and no rule forwards to a target group any more.
    pub fn detach_load_balancer(&mut self, target_group: &str) {
        self.group_mut(target_group).load_balancer = None;
    }

    /// Deletes a target group.
    pub fn remove_target_group(&mut self, arn: &str) {
        self.target_groups.remove(arn);
    }

    /// The targets that are registered and not draining: (id, port).
    pub fn registered(&self, target_group: &str) -> Vec<(String, u16)> {
        let targets = &self.target_groups[target_group].targets;
        let registered = targets.iter().filter(|(_, health)| **health != Health::Draining);
        registered.map(|(target, _)| target.clone()).collect()
    }

    /// A target's health; `None` when it is neither registered nor draining.
    pub fn health(&self, target_group: &str, id: &str, port: u16) -> Option<Health> {
        let group = &self.target_groups[target_group];
        group.targets.get(&(id.to_owned(), port)).copied()
    }

    /// Sets the health of a registered or draining target.
    pub fn set_health(&mut self, target_group: &str, id: &str, port: u16, health: Health) {
        let target = self.group_mut(target_group).targets.get_mut(&(id.to_owned(), port));
        *target.expect("a target of this group") = health;
    }

    /// Registers a target without a call, as somebody else would.
    pub fn register(&mut self, target_group: &str, id: &str, port: u16) {
        self.group_mut(target_group).put((id.to_owned(), port));
    }

    /// Deregisters a target without a call, as somebody else would.
    pub fn deregister(&mut self, target_group: &str, id: &str, port: u16) {
        self.group_mut(target_group).take(&(id.to_owned(), port));
    }

    /// Ends the draining of every draining target of a group.
    pub fn drain(&mut self, target_group: &str) {
        let group = self.group_mut(target_group);
        group.targets.retain(|_, health| *health != Health::Draining);
    }

    fn group_mut(&mut self, arn: &str) -> &mut TargetGroup {
        self.target_groups.get_mut(arn).expect("a target group of this world")
    }

    /// The group that a call names.
    pub(super) fn target_group(&mut self, arn: &str) -> Result<&mut TargetGroup, ApiError> {
        if !arn.starts_with("arn:") || !arn.contains(":targetgroup/") {
            let message = format!("'{arn}' is not a valid target group ARN");
            return Err(ApiError::new("ValidationError", message));
        }
        let message = format!("Target groups '{arn}' not found");
        let found = self.target_groups.get_mut(arn);
        found.ok_or_else(|| ApiError::new("TargetGroupNotFound", message))
    }
}

/// Whether an address is in the subnets of this world's VPC, which has five CIDR blocks from 10.0.0.0/16 on: as many as a
/// VPC may have, each as large as it may be
/// ([VPC quotas](https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html)).
pub(super) fn in_vpc(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [10, 0..5, ..]),
        IpAddr::V6(address) => address.segments()[..3] == [0x2001, 0xdb8, 0],
    }
}

/// RFC 1918 and RFC 6598: what an `ip` group takes from outside its VPC.
pub(super) fn is_private(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private() || (first == 100 && (64..128).contains(&second))
}
