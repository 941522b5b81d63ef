//! RunTask's rules on its input, as the API reference states them. Each refusal has the
//! code, and where it is known the message, of the real service.

use std::collections::BTreeSet;

use serde_json::Value;

use super::definitions::{Cluster, NetworkMode, TaskDefinition};
use super::service::ApiError;

/// What a valid call asks for, resolved.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) count: usize,
    pub(super) launch_type: &'static str,
    pub(super) capacity_provider: Option<String>,
    pub(super) subnets: Vec<String>,
    pub(super) tags: Vec<(String, String)>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, ApiError> {
    Err(ApiError::new("InvalidParameterException", why))
}

/// At most 64 characters of ASCII 33-126.
pub(super) fn client_token(token: &str) -> Result<(), ApiError> {
    let valid = (1..=64).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if valid {
        Ok(())
    } else {
        refused(format!("clientToken is not valid: {token:?}"))
    }
}

/// Checks a whole RunTask input that its shape has let through.
pub(super) fn run_task(input: &Value, cluster: &Cluster, definition: &TaskDefinition) -> Result<Ask, ApiError> {
    let count = input["count"]
        .as_u64()
        .unwrap_or(if input["count"].is_null() { 1 } else { 0 });
    if !(1..=10).contains(&count) {
        return refused("count must be between 1 and 10.");
    }
    started_by(input)?;
    let tags = tags(&input["tags"])?;
    let (launch_type, capacity_provider) = placement(input, cluster)?;
    overrides(input, definition)?;
    volumes(input, definition)?;
    compatibility(input, definition, launch_type)?;
    let subnets = network(input, definition, launch_type)?;
    if input["propagateTags"] == "SERVICE" {
        return refused("propagateTags SERVICE is not supported when running a task.");
    }
    Ok(Ask {
        count: usize::try_from(count).unwrap_or(1),
        launch_type,
        capacity_provider,
        subnets,
        tags,
    })
}

fn started_by(input: &Value) -> Result<(), ApiError> {
    let Some(text) = input["startedBy"].as_str() else {
        return Ok(());
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_".contains(&byte);
    if text.len() > 128 || !text.bytes().all(allowed) {
        return refused(format!("startedBy is not valid: {text:?}"));
    }
    Ok(())
}

pub(super) fn tags(input: &Value) -> Result<Vec<(String, String)>, ApiError> {
    let list: Vec<&Value> = input.as_array().into_iter().flatten().collect();
    if list.len() > 50 {
        return refused("Tags can not have more than 50 elements.");
    }
    let mut keys = BTreeSet::new();
    let mut tags = Vec::new();
    for tag in list {
        let key = tag["key"].as_str().unwrap_or_default();
        let value = tag["value"].as_str().unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) || !key.chars().all(tag_character) {
            return refused(format!("tag key is not valid: {key:?}"));
        }
        if value.chars().count() > 256 || !value.chars().all(tag_character) {
            return refused(format!("tag value is not valid: {value:?}"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") || value.to_ascii_lowercase().starts_with("aws:") {
            return refused("Tags can not start with the reserved prefix aws:");
        }
        if !keys.insert(key) {
            return refused(format!("Duplicate tag keys found: {key}"));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
fn tag_character(character: char) -> bool {
    let separator = character.is_whitespace() && !character.is_control();
    character.is_alphanumeric() || separator || "_.:/=+-@".contains(character)
}

/// Launch type or strategy, never both; gives the launch type that comes of it.
fn placement(input: &Value, cluster: &Cluster) -> Result<(&'static str, Option<String>), ApiError> {
    let strategy: Vec<&Value> = input["capacityProviderStrategy"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let launch_type = input["launchType"].as_str();
    if strategy.is_empty() {
        return match launch_type {
            None | Some("EC2") => Ok(("EC2", None)),
            Some("FARGATE") => Ok(("FARGATE", None)),
            Some("EXTERNAL") => Ok(("EXTERNAL", None)),
            Some(other) => refused(format!("{other} needs a capacity provider strategy.")),
        };
    }
    if launch_type.is_some() {
        return refused(
            "Specifying both a launch type and capacity provider strategy is not supported. \
             Remove one and try again.",
        );
    }
    if strategy.len() > 20 {
        return refused("A capacity provider strategy has at most 20 capacity providers.");
    }
    let mut names = BTreeSet::new();
    for item in &strategy {
        let name = item["capacityProvider"].as_str().unwrap_or_default();
        if !cluster.capacity_providers.contains(name) {
            return refused(format!(
                "The specified capacity provider strategy cannot contain a capacity provider \
                 that is not associated with the cluster: {name}"
            ));
        }
        if !names.insert(name) {
            return refused(format!("capacity provider given twice: {name}"));
        }
    }
    let number = |item: &Value, name: &str| item[name].as_i64().unwrap_or_default();
    if strategy.iter().filter(|item| number(item, "base") > 0).count() > 1 {
        return refused("Only one capacity provider in a strategy can have a base.");
    }
    let fargate = names.iter().filter(|name| name.starts_with("FARGATE")).count();
    if fargate != 0 && fargate != names.len() {
        return refused("A strategy cannot mix Fargate with other capacity providers.");
    }
    let chosen = match strategy.as_slice() {
        [only] => Some(*only),
        several => several.iter().copied().find(|item| number(item, "weight") > 0),
    };
    let Some(chosen) = chosen.and_then(|item| item["capacityProvider"].as_str()) else {
        return refused("At least one capacity provider must have a weight greater than zero.");
    };
    let launch_type = if fargate > 0 { "FARGATE" } else { "EC2" };
    Ok((launch_type, Some(chosen.to_owned())))
}

fn overrides(input: &Value, definition: &TaskDefinition) -> Result<(), ApiError> {
    let overrides = &input["overrides"];
    if !overrides.is_null() && overrides.to_string().chars().count() > 8192 {
        return refused("Container Overrides length must be at most 8192");
    }
    for container in overrides["containerOverrides"].as_array().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        if !definition.containers.iter().any(|known| known.name == name) {
            return refused(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            ));
        }
    }
    Ok(())
}

fn volumes(input: &Value, definition: &TaskDefinition) -> Result<(), ApiError> {
    for volume in input["volumeConfigurations"].as_array().into_iter().flatten() {
        let name = volume["name"].as_str().unwrap_or_default();
        if !definition.volumes.iter().any(|known| known == name) {
            return refused(format!("volume {name} is not configured at launch."));
        }
    }
    Ok(())
}

fn compatibility(input: &Value, definition: &TaskDefinition, launch_type: &str) -> Result<(), ApiError> {
    if launch_type == "FARGATE" {
        if definition.network_mode != NetworkMode::Awsvpc {
            return refused("Task definition does not support launch_type FARGATE.");
        }
        for name in ["placementConstraints", "placementStrategy"] {
            if input[name].as_array().is_some_and(|list| !list.is_empty()) {
                return refused(format!("{name} are not supported with FARGATE launch type."));
            }
        }
    } else if !input["platformVersion"].is_null() {
        return refused(format!(
            "The platform version must be null when specifying an {launch_type} launch type."
        ));
    }
    Ok(())
}

/// A network configuration for awsvpc, and for nothing else; gives its subnets.
fn network(input: &Value, definition: &TaskDefinition, launch_type: &str) -> Result<Vec<String>, ApiError> {
    let configuration = &input["networkConfiguration"]["awsvpcConfiguration"];
    if definition.network_mode != NetworkMode::Awsvpc {
        return if input["networkConfiguration"].is_null() {
            Ok(Vec::new())
        } else {
            refused("Network Configuration is not valid for the given networkMode of this task definition.")
        };
    }
    if configuration.is_null() {
        return refused("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
    }
    let texts = |name: &str| -> Vec<String> {
        let list = configuration[name].as_array().into_iter().flatten();
        list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let (subnets, groups) = (texts("subnets"), texts("securityGroups"));
    if subnets.is_empty() || subnets.len() > 16 {
        return refused("subnets must have between 1 and 16 elements.");
    }
    if groups.len() > 5 {
        return refused("securityGroups can have at most 5 elements.");
    }
    if let Some(wrong) = subnets.iter().find(|id| !id.starts_with("subnet-")) {
        return refused(format!("Error retrieving subnet information for [{wrong}]"));
    }
    if let Some(wrong) = groups.iter().find(|id| !id.starts_with("sg-")) {
        return refused(format!("Error retrieving security group information for [{wrong}]"));
    }
    if configuration["assignPublicIp"] == "ENABLED" && launch_type != "FARGATE" {
        return refused("Assign public IP is not supported for this launch type.");
    }
    Ok(subnets)
}
