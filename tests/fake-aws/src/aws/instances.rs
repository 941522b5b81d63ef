//! Container instances of ECS and the EC2 instances under them: DescribeContainerInstances,
//! DescribeInstances, and what a test may do to them.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::arns;
use super::service::ApiError;
use super::world::World;

/// An EC2 (or external) instance of a cluster.
#[derive(Debug, Clone)]
pub(super) struct ContainerInstance {
    pub(super) arn: String,
    pub(super) cluster_arn: String,
    /// `None` for ECS Anywhere.
    pub(super) ec2_instance_id: Option<String>,
    /// None once the EC2 instance is terminated.
    private_address: Option<Ipv4Addr>,
    ipv6_address: Option<Ipv6Addr>,
    status: &'static str,
}

impl ContainerInstance {
    /// Whether tasks are placed on it.
    pub(super) fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// Whether its EC2 instance is in a running state.
    pub(super) fn runs(&self) -> bool {
        self.private_address.is_some()
    }
}

impl World {
    /// Adds a container instance to a cluster; gives its ARN. Without an EC2 id it is an
    /// external one, as of ECS Anywhere.
    pub fn add_container_instance(
        &mut self,
        cluster: &str,
        ec2_instance_id: Option<&str>,
        private_address: Ipv4Addr,
    ) -> String {
        let id = arns::hex(&format!("instance {} {ec2_instance_id:?}", self.instances.len()), 32);
        let arn = self.arn("ecs", &format!("container-instance/{cluster}/{id}"));
        let instance = ContainerInstance {
            arn: arn.clone(),
            cluster_arn: self.clusters[cluster].arn.clone(),
            ec2_instance_id: ec2_instance_id.map(str::to_owned),
            private_address: Some(private_address),
            ipv6_address: None,
            status: "ACTIVE",
        };
        self.instances.insert(arn.clone(), instance);
        arn
    }

    /// Gives the EC2 instance under a container instance an IPv6 address.
    pub fn give_ipv6(&mut self, container_instance: &str, address: Ipv6Addr) {
        self.instance_mut(container_instance).ipv6_address = Some(address);
    }

    /// The EC2 instance under a container instance: its id, and its address while it runs.
    pub fn ec2_instance(&self, container_instance: &str) -> (String, Ipv4Addr) {
        let found = &self.instances[container_instance];
        let id = found.ec2_instance_id.clone().expect("an EC2 instance");
        (id, found.private_address.expect("one that runs"))
    }

    /// Takes a container instance out of its cluster: ECS shows it as INACTIVE for a while.
    pub fn deregister_container_instance(&mut self, container_instance: &str) {
        self.instance_mut(container_instance).status = "INACTIVE";
    }

    /// Ends the EC2 instance under a container instance: EC2 shows it without addresses.
    pub fn terminate_instance(&mut self, container_instance: &str) {
        let instance = self.instance_mut(container_instance);
        (instance.private_address, instance.ipv6_address) = (None, None);
    }

    /// ECS and EC2 forget an instance.
    pub fn forget_instance(&mut self, container_instance: &str) {
        self.instances.remove(container_instance);
    }

    fn instance_mut(&mut self, arn: &str) -> &mut ContainerInstance {
        self.instances.get_mut(arn).expect("a container instance of this world")
    }

    pub(super) fn describe_container_instances(&mut self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster(input)?;
        let asked = input["containerInstances"].as_array().expect("checked by shape");
        if asked.is_empty() || asked.len() > 100 {
            let message = "Container instances must be between 1 and 100.";
            return Err(ApiError::new("InvalidParameterException", message));
        }
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for asked in asked.iter().filter_map(Value::as_str) {
            let arn = self.in_cluster("container-instance", asked, &cluster)?;
            match self.instances.get(&arn) {
                Some(instance) => {
                    found.push(self.overlaid("container instance", &arn, describe_container_instance(instance)));
                }
                None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
            }
        }
        Ok(json!({"containerInstances": found, "failures": failures}))
    }

    /// On one page; those that are not INACTIVE, where no status is asked for
    /// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListContainerInstances.html>).
    pub(super) fn list_container_instances(&mut self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster(input)?;
        let fits = |it: &&ContainerInstance| {
            let status = input["status"].as_str();
            it.cluster_arn == cluster.arn && status.map_or(it.status != "INACTIVE", |status| it.status == status)
        };
        let found: Value = self.instances.values().filter(fits).map(|it| it.arn.clone()).collect();
        Ok(json!({"containerInstanceArns": found}))
    }

    pub(super) fn describe_instances(&mut self, input: &Value) -> Result<Value, ApiError> {
        let mut reservations = Vec::new();
        for asked in input["InstanceId"].as_array().into_iter().flatten() {
            let id = asked.as_str().unwrap_or_default();
            if !id.starts_with("i-") {
                let message = format!("Invalid id: \"{id}\"");
                return Err(ApiError::new("InvalidInstanceID.Malformed", message));
            }
            let found = self
                .instances
                .values()
                .find(|it| it.ec2_instance_id.as_deref() == Some(id));
            let Some(instance) = found else {
                let message = format!("The instance ID '{id}' does not exist");
                return Err(ApiError::new("InvalidInstanceID.NotFound", message));
            };
            reservations.push(json!({
                "reservationId": format!("r-{}", &id[2..]),
                "groupSet": [],
                "instancesSet": [describe_instance(id, instance)],
            }));
        }
        Ok(json!({"reservationSet": reservations}))
    }
}

fn describe_container_instance(instance: &ContainerInstance) -> Value {
    let mut value = json!({
        "containerInstanceArn": instance.arn,
        "status": instance.status,
        "agentConnected": instance.status == "ACTIVE",
        "version": 1,
        "attributes": [{"name": "ecs.os-type", "value": "linux"}],
        "attachments": [],
        "tags": [],
    });
    if let Some(id) = &instance.ec2_instance_id {
        value["ec2InstanceId"] = Value::from(id.as_str());
    }
    value
}

fn describe_instance(id: &str, instance: &ContainerInstance) -> Value {
    let Some(address) = instance.private_address else {
        return json!({"instanceId": id, "instanceState": {"code": 48, "name": "terminated"}, "networkInterfaceSet": []});
    };
    let ipv6: Vec<Value> = instance
        .ipv6_address
        .iter()
        .map(|address| json!({"ipv6Address": address.to_string(), "isPrimaryIpv6": false}))
        .collect();
    json!({
        "instanceId": id,
        "instanceState": {"code": 16, "name": "running"},
        "privateIpAddress": address.to_string(),
        "networkInterfaceSet": [{"privateIpAddress": address.to_string(), "ipv6AddressesSet": ipv6}],
    })
}
