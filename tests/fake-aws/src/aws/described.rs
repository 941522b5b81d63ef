//! What only Describe, Get and List operations answer here: a test puts it there, in AWS's own shapes, and takes it away.
//!
//! The rules are those of AWS on what does not exist, on filters, and on what one call may ask for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pattern;
use super::service::ApiError;
use super::world::World;

/// By kind and name.
#[derive(Debug, Default)]
pub(super) struct Described {
    things: BTreeMap<(&'static str, String), Value>,
    /// Files of layers and of functions' code, by the same name.
    #[cfg_attr(
        not(feature = "wire"),
        allow(dead_code, reason = "only a server can be asked for them")
    )]
    zips: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

fn missing(code: &str, message: String) -> ApiError {
    ApiError::new(code, message)
}

impl World {
    /// Puts a thing there, in the shape in which AWS describes it. Kinds: `function`, `policy`, `invoke config`, `mapping`,
    /// `layer`, `rule`, `targets`, `queue`, `alarm`, `role`, `permit`, `capacity provider`, `load balancer`, `subnet`,
    /// `security group`, `route table`, `vpc endpoint`, `image`, `log group`, `secret`, `pull-through cache rule`, and `caller`, whose
    /// name is `caller`; and `task definition`, `target group`
    /// and `attributes` (of one), `target health`, `cluster`, `container instance`, which add fields to what this world describes itself.
    pub fn describe(&mut self, kind: &'static str, name: &str, value: Value) {
        self.described.things.insert((kind, name.to_owned()), value);
    }

    /// A thing that was put there, to be changed.
    pub fn described_mut(&mut self, kind: &'static str, name: &str) -> &mut Value {
        let found = self.described.things.get_mut(&(kind, name.to_owned()));
        found.expect("a thing of this world")
    }

    /// Takes a thing away.
    pub fn take_away(&mut self, kind: &'static str, name: &str) {
        self.described
            .things
            .remove(&(kind, name.to_owned()))
            .expect("a thing of this world");
    }

    /// The files of a layer, by its version's ARN, or of a function's code, by the function's name.
    pub fn put_files(&mut self, name: &str, files: &[(&str, &[u8])]) {
        let files = files.iter().map(|(file, bytes)| ((*file).to_owned(), bytes.to_vec()));
        self.described.zips.insert(name.to_owned(), files.collect());
    }

    /// What was put there of a kind, over what this world says itself.
    pub(super) fn overlaid(&self, kind: &'static str, name: &str, mut own: Value) -> Value {
        if let Some(Value::Object(fields)) = self.described.things.get(&(kind, name.to_owned())) {
            for (field, value) in fields {
                own[field] = value.clone();
            }
        }
        own
    }

    fn thing(&self, kind: &'static str, name: &str) -> Option<&Value> {
        self.described.things.get(&(kind, name.to_owned()))
    }

    fn all(&self, kind: &'static str) -> impl Iterator<Item = (&String, &Value)> {
        let things = self.described.things.iter();
        things
            .filter(move |((found, _), _)| *found == kind)
            .map(|((_, name), value)| (name, value))
    }

    /// Lambda's reads, whose names are the function's, and are all its kinds'.
    pub(super) fn of_function(&self, kind: &'static str, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "FunctionName");
        let name = name.rsplit(':').next().unwrap_or_default();
        let found = self.thing(kind, name).cloned();
        let mut found = found.ok_or_else(|| {
            let message = "The resource you requested does not exist.".to_owned();
            missing("ResourceNotFoundException", message).with_status(404)
        })?;
        if kind == "function" && self.described.zips.contains_key(name) {
            found["Code"] = json!({"RepositoryType": "S3", "Location": location(input, name)});
        }
        Ok(found)
    }

    pub(super) fn list_event_source_mappings(&self, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "FunctionName");
        let is_of = |found: &&Value| {
            found["FunctionArn"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(&format!(":{name}")))
        };
        let found: Value = self
            .all("mapping")
            .map(|(_, found)| found)
            .filter(is_of)
            .cloned()
            .collect();
        Ok(json!({"EventSourceMappings": found}))
    }

    pub(super) fn get_layer_version(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "Arn");
        if !self.described.zips.contains_key(arn) {
            let message = "The resource you requested does not exist.".to_owned();
            return Err(missing("ResourceNotFoundException", message).with_status(404));
        }
        Ok(json!({"LayerVersionArn": arn, "Content": {"Location": location(input, arn)}}))
    }

    /// S3's answer to a location: the bytes of a zip.
    #[cfg(feature = "wire")]
    pub(super) fn download(&self, input: &Value) -> Result<Value, ApiError> {
        use std::io::Write;
        let files = self.described.zips.get(text(input, "Name"));
        let files = files.ok_or_else(|| missing("NoSuchKey", "no such key".to_owned()).with_status(404))?;
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in files {
            zip.start_file(name.as_str(), options).expect("a new file");
            zip.write_all(bytes).expect("memory");
        }
        Ok(json!(zip.finish().expect("memory").into_inner()))
    }

    pub(super) fn describe_rule(&self, input: &Value) -> Result<Value, ApiError> {
        self.of_rule("rule", input).cloned()
    }

    pub(super) fn list_targets_by_rule(&self, input: &Value) -> Result<Value, ApiError> {
        Ok(json!({"Targets": self.of_rule("targets", input)?}))
    }

    fn of_rule(&self, kind: &'static str, input: &Value) -> Result<&Value, ApiError> {
        let name = input["Name"].as_str().or(input["Rule"].as_str()).unwrap_or_default();
        let bus = input["EventBusName"].as_str().unwrap_or("default");
        let message = format!("Rule {name} does not exist on EventBus {bus}.");
        let found = self.thing(kind, &format!("{bus}/{name}"));
        found.ok_or_else(|| missing("ResourceNotFoundException", message))
    }

    pub(super) fn test_event_pattern(&self, input: &Value) -> Result<Value, ApiError> {
        let read = |name: &str| serde_json::from_str::<Value>(text(input, name)).unwrap_or_default();
        let (pattern, event) = (read("EventPattern"), read("Event"));
        let fields = ["id", "account", "source", "time", "region", "resources", "detail-type"];
        if !pattern.is_object() || fields.iter().any(|field| event[*field].is_null()) {
            return Err(ApiError::new(
                "InvalidEventPatternException",
                "Event pattern or event is not valid.",
            ));
        }
        Ok(json!({"Result": pattern::matches(&pattern, &event)}))
    }

    pub(super) fn get_queue_attributes(&self, input: &Value) -> Result<Value, ApiError> {
        let found = self.thing("queue", text(input, "QueueUrl"));
        let message = "The specified queue does not exist.".to_owned();
        let found = found.ok_or_else(|| missing("QueueDoesNotExist", message))?;
        Ok(json!({"Attributes": found}))
    }

    pub(super) fn describe_alarms(&self, input: &Value) -> Result<Value, ApiError> {
        let names = texts(input, "AlarmNames");
        if names.len() > 100 {
            return Err(ApiError::new("ValidationError", "AlarmNames has at most 100 items"));
        }
        let found: Value = names
            .iter()
            .filter_map(|name| self.thing("alarm", name))
            .cloned()
            .collect();
        Ok(json!({"MetricAlarms": found, "CompositeAlarms": []}))
    }

    pub(super) fn get_role(&self, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "RoleName");
        let message = format!("The role with name {name} cannot be found.");
        let found = self.thing("role", name);
        let found = found.ok_or_else(|| missing("NoSuchEntity", message).with_status(404))?;
        let document: String = found["AssumeRolePolicyDocument"]
            .to_string()
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        Ok(json!({"Role": {"RoleName": name, "AssumeRolePolicyDocument": document}}))
    }

    /// What a `permit` allows: `{"role", "action", "resource" (with a trailing `*`), "context": {key: value}}`, where a list
    /// has all values that are allowed. A key that any of the role's permits needs and the call does not give is missing. A
    /// `service control policy` (`{"regions": [...]}`) denies all calls to other regions; keys that it needs are not among the
    /// missing ones (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>).
    pub(super) fn simulate_principal_policy(&self, input: &Value) -> Result<Value, ApiError> {
        let role = text(input, "PolicySourceArn");
        let name = role.rsplit('/').next().unwrap_or_default();
        if self.thing("role", name).is_none() {
            return Err(
                missing("NoSuchEntity", format!("The role with name {name} cannot be found.")).with_status(404),
            );
        }
        let mut given: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in input["ContextEntries"].as_array().into_iter().flatten() {
            given.insert(text(entry, "ContextKeyName"), texts(entry, "ContextKeyValues"));
        }
        let regions = given.get("aws:RequestedRegion").cloned().unwrap_or_default();
        let is_in = |policy: &Value| texts(policy, "regions").iter().any(|region| regions.contains(region));
        let is_forbidden = self.all("service control policy").any(|(_, policy)| !is_in(policy));
        let mut results = Vec::new();
        for action in texts(input, "ActionNames") {
            let resources = texts(input, "ResourceArns");
            let resources = if resources.is_empty() { vec!["*"] } else { resources };
            let mut specific = Vec::new();
            let mut is_all = true;
            for resource in &resources {
                let (allowed, missing) = self.decision(role, action, resource, &given);
                let (allowed, missing) = if is_forbidden {
                    (false, Vec::new())
                } else {
                    (allowed, missing)
                };
                is_all &= allowed;
                let decision = if allowed { "allowed" } else { "implicitDeny" };
                specific.push(json!({"EvalResourceName": resource, "EvalResourceDecision": decision, "MissingContextValues": missing}));
            }
            // As IAM does it: for one resource there is its name, for several each has a result of its own.
            let decision = if is_all { "allowed" } else { "implicitDeny" };
            let mut result = json!({"EvalActionName": action, "EvalDecision": decision,
                "EvalResourceName": resources[0], "MissingContextValues": specific[0]["MissingContextValues"]});
            result["OrganizationsDecisionDetail"] = json!({"AllowedByOrganizations": !is_forbidden});
            if resources.len() > 1 {
                result["EvalResourceName"] = json!("*");
                result["ResourceSpecificResults"] = json!(specific);
            }
            results.push(result);
        }
        Ok(json!({"EvaluationResults": results, "IsTruncated": false}))
    }

    fn decision(
        &self,
        role: &str,
        action: &str,
        resource: &str,
        given: &BTreeMap<&str, Vec<&str>>,
    ) -> (bool, Vec<String>) {
        // Of all the role's statements, whatever they are about (boto3#3111).
        let mut missing: Vec<String> = Vec::new();
        let mut is_allowed = false;
        for (_, permit) in self.all("permit").filter(|(_, permit)| text(permit, "role") == role) {
            let pattern = text(permit, "resource");
            let is_resource = match pattern.strip_suffix('*') {
                Some(begin) => resource.starts_with(begin),
                None => resource == pattern,
            };
            let keys = || permit["context"].as_object().into_iter().flatten();
            let is_given = |key: &String| given.contains_key(key.as_str());
            missing.extend(keys().map(|(key, _)| key).filter(|key| !is_given(key)).cloned());
            let is_met = |(key, value): (&String, &Value)| {
                given
                    .get(key.as_str())
                    .is_some_and(|values| values.iter().all(|it| allows(value, it)))
            };
            is_allowed |= is_resource && text(permit, "action") == action && keys().all(is_met);
        }
        missing.sort_unstable();
        missing.dedup();
        (is_allowed, missing)
    }

    pub(super) fn describe_clusters(&self, input: &Value) -> Result<Value, ApiError> {
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for asked in texts(input, "clusters") {
            let Ok(found) = self.cluster(&json!({"cluster": asked})) else {
                failures.push(json!({"arn": asked, "reason": "MISSING"}));
                continue;
            };
            let instances = self.instances.values();
            let count = instances
                .filter(|it| it.cluster_arn == found.arn && it.is_active())
                .count();
            let own = json!({"clusterArn": found.arn, "clusterName": found.name, "status": "ACTIVE",
                "registeredContainerInstancesCount": count, "capacityProviders": found.capacity_providers,
                "defaultCapacityProviderStrategy": []});
            clusters.push(self.overlaid("cluster", &found.name, own));
        }
        Ok(json!({"clusters": clusters, "failures": failures}))
    }

    pub(super) fn describe_capacity_providers(&self, input: &Value) -> Result<Value, ApiError> {
        let names = texts(input, "capacityProviders");
        if names.len() > 10 {
            return Err(ApiError::new(
                "InvalidParameterException",
                "this fake has no second page",
            ));
        }
        let found: Value = names
            .iter()
            .filter_map(|name| self.thing("capacity provider", name))
            .cloned()
            .collect();
        Ok(json!({"capacityProviders": found, "failures": []}))
    }

    pub(super) fn describe_load_balancers(&self, input: &Value) -> Result<Value, ApiError> {
        let arns = texts(input, "LoadBalancerArns");
        if arns.len() > 20 {
            return Err(ApiError::new("ValidationError", "at most 20 load balancer ARNs"));
        }
        let found: Option<Vec<Value>> = arns
            .iter()
            .map(|arn| self.thing("load balancer", arn).cloned())
            .collect();
        let message = "One or more load balancers not found".to_owned();
        Ok(json!({"LoadBalancers": found.ok_or_else(|| missing("LoadBalancerNotFound", message))?}))
    }

    /// EC2's lists, by one filter.
    pub(super) fn filtered(&self, kind: &'static str, list: &str, input: &Value) -> Result<Value, ApiError> {
        let filters = input["Filter"].as_array().cloned().unwrap_or_default();
        let values = filters.iter().map(|filter| texts(filter, "Value").len()).sum::<usize>();
        if values > 200 {
            return Err(ApiError::new(
                "FilterLimitExceeded",
                "The maximum number of filter values is 200.",
            ));
        }
        let fits = |found: &&Value| {
            filters.iter().all(|filter| {
                let field = match text(filter, "Name") {
                    "subnet-id" => "subnetId",
                    "group-id" => "groupId",
                    "group-name" => "groupName",
                    "vpc-id" => "vpcId",
                    other => panic!("this fake does not know the filter {other}"),
                };
                texts(filter, "Value").iter().any(|value| found[field] == **value)
            })
        };
        let found: Value = self.all(kind).map(|(_, found)| found).filter(fits).cloned().collect();
        let mut answer = json!({});
        answer[list] = found;
        Ok(answer)
    }

    pub(super) fn describe_images(&self, input: &Value) -> Result<Value, ApiError> {
        let repository = text(input, "repositoryName");
        if !self
            .all("image")
            .any(|(name, _)| name.starts_with(&format!("{repository}:")))
        {
            return Err(missing(
                "RepositoryNotFoundException",
                format!("The repository {repository} does not exist."),
            ));
        }
        let ids = input["imageIds"].as_array().into_iter().flatten();
        let found: Option<Vec<Value>> = ids
            .map(|id| {
                self.thing("image", &format!("{repository}:{}", text(id, "imageTag")))
                    .cloned()
            })
            .collect();
        let found = found.ok_or_else(|| missing("ImageNotFoundException", "The image does not exist.".to_owned()))?;
        Ok(json!({"imageDetails": found}))
    }

    pub(super) fn describe_pull_through_cache_rules(&self) -> Result<Value, ApiError> {
        let found: Value = self
            .all("pull-through cache rule")
            .map(|(_, rule)| rule)
            .cloned()
            .collect();
        Ok(json!({"pullThroughCacheRules": found}))
    }

    /// Of this account, unless a test has said whose the caller is.
    pub(super) fn caller_identity(&self) -> Value {
        let account = &self.account;
        let own = json!({"Account": account, "UserId": "AIDA0000000000000000A", "Arn": format!("arn:aws:iam::{account}:user/looker")});
        self.overlaid("caller", "caller", own)
    }

    pub(super) fn describe_log_groups(&self, input: &Value) -> Result<Value, ApiError> {
        let begin = text(input, "logGroupNamePrefix");
        let limit = usize::try_from(input["limit"].as_u64().unwrap_or(50)).expect("checked by shape");
        let found = self
            .all("log group")
            .filter(|(name, _)| name.starts_with(begin))
            .take(limit);
        Ok(json!({"logGroups": found.map(|(name, _)| json!({"logGroupName": name})).collect::<Value>()}))
    }

    pub(super) fn describe_secret(&self, input: &Value) -> Result<Value, ApiError> {
        let found = self.thing("secret", text(input, "SecretId"));
        let message = "Secrets Manager can't find the specified secret.".to_owned();
        found
            .cloned()
            .ok_or_else(|| missing("ResourceNotFoundException", message))
    }
}

fn allows(value: &Value, given: &str) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| *value == *given),
        value => *value == *given,
    }
}

/// Of a zip, at the host that was asked: the fake is S3 too.
fn location(input: &Value, name: &str) -> String {
    let name: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("http://{}/download/{name}?X-Amz-Signature=0", text(input, "Host"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    value[name]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::service::Service;
    use super::*;

    #[test]
    fn a_simulation_without_a_key_of_the_condition_denies_and_names_it() {
        let mut world = World::new();
        let role = "arn:aws:iam::111122223333:role/r";
        world.describe("role", "r", json!({}));
        let context = json!({"ecs:cluster": "c"});
        world.describe(
            "permit",
            "1",
            json!({"role": role, "action": "ecs:RunTask", "resource": "a:*", "context": context}),
        );
        let mut ask = |resources: Value, context: Value| {
            let input = json!({"PolicySourceArn": role, "ActionNames": ["ecs:RunTask"], "ResourceArns": resources, "ContextEntries": context});
            let answer = world
                .carry_out(Service::Iam, "SimulatePrincipalPolicy", &input)
                .expect("an answer");
            answer["EvaluationResults"][0].clone()
        };
        let key = |value: &str| json!([{"ContextKeyName": "ecs:cluster", "ContextKeyType": "string", "ContextKeyValues": [value]}]);
        let denied = ask(json!(["a:1"]), json!([]));
        assert_eq!(
            (&denied["EvalDecision"], &denied["MissingContextValues"]),
            (&json!("implicitDeny"), &json!(["ecs:cluster"]))
        );
        assert_eq!(ask(json!(["a:1"]), key("c"))["EvalDecision"], "allowed");
        assert_eq!(ask(json!(["a:1"]), key("d"))["EvalDecision"], "implicitDeny");
        let each = ask(json!(["a:1", "b:1"]), key("c"));
        let decisions: Vec<&Value> = each["ResourceSpecificResults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["EvalResourceDecision"])
            .collect();
        assert_eq!(decisions, ["allowed", "implicitDeny"]);
    }
}
