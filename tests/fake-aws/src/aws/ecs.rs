//! ECS operations on tasks that exist: DescribeTasks, ListTasks, StopTask, TagResource.

use std::ops::Bound;

use serde_json::{Value, json};

use super::service::ApiError;
use super::tasks::TaskState;
use super::world::World;
use super::{arns, events};

fn refused<T>(why: &str) -> Result<T, ApiError> {
    Err(ApiError::new("InvalidParameterException", why))
}

impl World {
    pub(super) fn describe_tasks(&self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster(input)?;
        let asked = input["tasks"].as_array().expect("checked by shape");
        if asked.is_empty() {
            return refused("Tasks cannot be empty.");
        }
        if asked.len() > 100 {
            return refused("Tasks can have at most 100 elements.");
        }
        let include = input["include"].as_array();
        let with_tags = include.is_some_and(|include| include.contains(&Value::from("TAGS")));
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for asked in asked.iter().filter_map(Value::as_str) {
            let arn = self.in_cluster("task", asked, &cluster)?;
            match self.tasks.get(&arn).and_then(|task| task.shown()) {
                Some(state) => found.push(state),
                None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
            }
        }
        // By ARN and once each: the order of the answer is nobody's promise.
        found.sort_by(|a, b| a.arn.cmp(&b.arn));
        found.dedup_by(|a, b| a.arn == b.arn);
        let tasks = found.into_iter().map(|state| events::api_task(state, with_tags));
        Ok(json!({"tasks": tasks.collect::<Value>(), "failures": failures}))
    }

    /// ECS knows no `nextToken` of ListTasks any more.
    pub fn expire_list_tokens(&mut self) {
        self.list_tokens.clear();
    }

    pub(super) fn list_tasks(&mut self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster(input)?;
        let filters = [
            "containerInstance",
            "family",
            "serviceName",
            "desiredStatus",
            "launchType",
            "daemonName",
        ];
        if !input["startedBy"].is_null() && filters.iter().any(|name| !input[name].is_null()) {
            return refused("cannot specify startedBy with other arguments");
        }
        if !input["serviceName"].is_null() {
            return Err(ApiError::new("ServiceNotFoundException", "Service not found."));
        }
        let mut question = input.clone();
        let token = question.as_object_mut().and_then(|all| all.remove("nextToken"));
        let after = match token.as_ref().and_then(Value::as_str) {
            Some(token) => match self.list_tokens.get(token) {
                Some((asked, after)) if *asked == question => after.clone(),
                _ => return refused("Invalid token."),
            },
            None => String::new(),
        };
        let instance = match input["containerInstance"].as_str() {
            Some(asked) => Some(self.in_cluster("container-instance", asked, &cluster)?),
            None => None,
        };
        let matches = |state: &TaskState| {
            let is = |name: &str, actual: &str| input[name].is_null() || input[name] == actual;
            state.cluster_arn == cluster.arn
                && state.desired_status == input["desiredStatus"].as_str().unwrap_or("RUNNING")
                && is("launchType", state.launch_type)
                && is("family", state.family())
                && is("startedBy", state.started_by.as_deref().unwrap_or_default())
                && input["daemonName"].is_null()
                && (instance.is_none() || state.container_instance == instance)
        };
        let page = input["maxResults"].as_u64().and_then(|size| usize::try_from(size).ok());
        let page = page.unwrap_or(self.list_tasks_page).min(self.list_tasks_page);
        let mut arns: Vec<String> = self
            .tasks
            .range::<str, _>((Bound::Excluded(after.as_str()), Bound::Unbounded))
            .filter(|(arn, task)| !self.unlisted.contains(*arn) && matches(task.now()))
            .map(|(arn, _)| arn.clone())
            .take(page + 1)
            .collect();
        let more = arns.len() > page;
        arns.truncate(page);
        let mut answer = json!({"taskArns": arns});
        if let Some(last) = arns.last().filter(|_| more) {
            let token = arns::hex(&format!("list {last} {question}"), 40);
            answer["nextToken"] = Value::from(token.as_str());
            self.list_tokens.insert(token, (question, last.clone()));
        }
        Ok(answer)
    }

    /// Tags of a task that runs; a stopping task's are gone for good.
    pub(super) fn tag_resource(&mut self, input: &Value) -> Result<Value, ApiError> {
        let arn = input["resourceArn"].as_str().unwrap_or_default();
        if !self.tasks.contains_key(arn) {
            return Err(ApiError::new(
                "ResourceNotFoundException",
                "The specified task is inactive.",
            ));
        }
        let given = super::validate::tags(&input["tags"])?;
        let state = self.state_mut(arn);
        let mut tags = state.tags.clone();
        for (key, value) in given {
            tags.retain(|(known, _)| *known != key);
            tags.push((key, value));
        }
        // "Tags that begin with this prefix don't count against your tags per resource limit."
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html#tag-restrictions
        if tags.iter().filter(|(key, _)| !key.starts_with("aws:")).count() > 50 {
            return refused("Tags can not have more than 50 elements.");
        }
        state.tags = tags;
        Ok(json!({}))
    }

    pub(super) fn stop_task(&mut self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster(input)?;
        let asked = input["task"].as_str().unwrap_or_default();
        let arn = self.in_cluster("task", asked, &cluster)?;
        if !self.tasks.contains_key(&arn) {
            return refused("The referenced task was not found.");
        }
        let reason = input["reason"].as_str().unwrap_or("Task stopped by user");
        self.stop(&arn, "UserInitiated", reason);
        Ok(json!({"task": events::api_task(self.state(&arn), true)}))
    }
}
