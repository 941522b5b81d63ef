//! RunTask: client tokens, scripted capacity, and tasks that start.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::definitions::{Cluster, NetworkMode, TaskDefinition};
use super::service::ApiError;
use super::tasks::{Binding, Described, Eni, Task, TaskState};
use super::validate::{self, Ask};
use super::world::World;
use super::{arns, events};

/// One entry of `failures[]`.
#[derive(Debug, Clone)]
pub struct Failure {
    arn: Option<String>,
    reason: String,
    detail: Option<String>,
}

impl Failure {
    /// A failure with only a reason, such as `RESOURCE:MEMORY`.
    pub fn new(reason: &str) -> Self {
        Self {
            arn: None,
            reason: reason.to_owned(),
            detail: None,
        }
    }

    /// Adds the ARN of what failed, a container instance.
    pub fn arn(mut self, arn: &str) -> Self {
        self.arn = Some(arn.to_owned());
        self
    }

    /// Adds the detail.
    pub fn detail(mut self, detail: &str) -> Self {
        self.detail = Some(detail.to_owned());
        self
    }

    fn render(&self) -> Value {
        let mut value = json!({"reason": self.reason});
        if let Some(arn) = &self.arn {
            value["arn"] = Value::from(arn.as_str());
        }
        if let Some(detail) = &self.detail {
            value["detail"] = Value::from(detail.as_str());
        }
        value
    }
}

/// What a RunTask that is no replay and passes the checks answers.
#[derive(Debug, Clone)]
pub enum RunTaskResult {
    /// All tasks start.
    Success,
    /// HTTP 200 with no task and these failures.
    Failures(Vec<Failure>),
    /// HTTP 200 with some tasks (never more than asked for) and these failures.
    Partial {
        /// How many start.
        started: usize,
        /// Why not the rest.
        failures: Vec<Failure>,
    },
    /// An error, code and message. It leaves no trace under the client token.
    Error(String, String),
}

/// Decides by the input; `None` leaves it to the queue.
pub(super) type RunTaskRule = Box<dyn FnMut(&Value) -> Option<RunTaskResult> + Send>;

/// What ECS keeps under a client token.
#[derive(Debug)]
pub(super) struct PriorStart {
    parameters: Value,
    answer: Value,
    started: Vec<String>,
}

impl World {
    /// Capacity by placement: asked before [`World::run_task_results`] for each RunTask
    /// that is no replay, with the whole input.
    pub fn run_task_rule(&mut self, rule: impl FnMut(&Value) -> Option<RunTaskResult> + Send + 'static) {
        self.run_task_rule = Some(Box::new(rule));
    }

    /// RunTask by somebody else: no call of the record. Gives the task's ARN.
    pub fn run_foreign_task(&mut self, input: &Value) -> String {
        let answer = self.run_task(input).expect("a sound RunTask");
        answer["tasks"][0]["taskArn"].as_str().expect("a task").to_owned()
    }

    /// The same, of several tasks.
    pub fn run_foreign_tasks(&mut self, input: &Value) -> Vec<String> {
        let answer = self.run_task(input).expect("a sound RunTask");
        let tasks = answer["tasks"].as_array().into_iter().flatten();
        tasks
            .filter_map(|task| task["taskArn"].as_str().map(str::to_owned))
            .collect()
    }

    /// ECS forgets every client token, as it does after 24 hours.
    pub fn expire_client_tokens(&mut self) {
        self.client_tokens.clear();
    }

    /// A token lives an hour longer than its task.
    pub(super) fn forget_tokens_of(&mut self, task: &str) {
        let tasks = &self.tasks;
        self.client_tokens.retain(|_, prior| {
            !prior.started.iter().any(|of| of == task) || prior.started.iter().any(|of| tasks.contains_key(of))
        });
    }

    pub(super) fn run_task(&mut self, input: &Value) -> Result<Value, ApiError> {
        let cluster = self.cluster(input)?;
        let mut parameters = input.clone();
        let token = match parameters.as_object_mut().and_then(|all| all.remove("clientToken")) {
            Some(token) => {
                let token = token.as_str().unwrap_or_default().to_owned();
                validate::client_token(&token)?;
                Some((cluster.arn.clone(), token))
            }
            None => None,
        };
        if let Some(prior) = token.as_ref().and_then(|token| self.client_tokens.get(token)) {
            return replay(prior, &parameters);
        }
        let asked = input["taskDefinition"].as_str().unwrap_or_default();
        let (definition_arn, definition) = self.definition(asked)?;
        let ask = validate::run_task(input, &cluster, &definition)?;
        // A task has at most 50 tags, whoever gives them.
        if all_tags(input, &ask, &definition).len() > 50 {
            return Err(ApiError::new(
                "InvalidParameterException",
                "Tags can not have more than 50 elements.",
            ));
        }
        let (count, failures) = match self.next_result(input) {
            RunTaskResult::Success => (ask.count, Vec::new()),
            RunTaskResult::Failures(failures) => (0, failures),
            RunTaskResult::Partial { started, failures } => (started.min(ask.count), failures),
            RunTaskResult::Error(code, message) => return Err(ApiError::new(&code, message)),
        };
        let mut failures: Vec<Value> = failures.iter().map(Failure::render).collect();
        let mut started = Vec::new();
        for _ in 0..count {
            match self.start(input, &ask, &cluster, &definition_arn, &definition)? {
                Ok(arn) => started.push(arn),
                Err(failure) => failures.push(failure.render()),
            }
        }
        let tasks = started.iter().map(|arn| events::api_task(self.state(arn), true));
        let answer = json!({"tasks": tasks.collect::<Value>(), "failures": failures});
        if let Some(token) = token {
            let prior = PriorStart {
                parameters,
                answer: answer.clone(),
                started,
            };
            self.client_tokens.insert(token, prior);
        }
        Ok(answer)
    }

    fn next_result(&mut self, input: &Value) -> RunTaskResult {
        let ruled = self.run_task_rule.as_mut().and_then(|rule| rule(input));
        ruled
            .or_else(|| self.run_task_results.pop_front())
            .unwrap_or(RunTaskResult::Success)
    }

    /// Starts one task, or says why no instance takes it.
    fn start(
        &mut self,
        input: &Value,
        ask: &Ask,
        cluster: &Cluster,
        definition_arn: &str,
        definition: &TaskDefinition,
    ) -> Result<Result<String, Failure>, ApiError> {
        let (container_instance, bindings) = if ask.launch_type == "FARGATE" {
            (None, Vec::new())
        } else {
            match self.place(cluster, definition)? {
                Ok((instance, bindings)) => (Some(instance), bindings),
                Err(failure) => return Ok(Err(failure)),
            }
        };
        let made = || arns::hex(&format!("task {}", self.tasks_started), 32);
        let id = self.task_ids.pop_front().unwrap_or_else(made);
        let arn = self.arn("ecs", &format!("task/{}/{id}", cluster.name));
        let awsvpc = definition.network_mode == NetworkMode::Awsvpc;
        let fargate = ask.launch_type == "FARGATE";
        let text = |name: &str| input[name].as_str().map(str::to_owned);
        let subnet = ask.subnets.get(self.tasks_started % ask.subnets.len().max(1));
        let volumes = input["volumeConfigurations"].as_array().into_iter().flatten();
        let state = TaskState {
            arn: arn.clone(),
            cluster_arn: cluster.arn.clone(),
            definition_arn: definition_arn.to_owned(),
            network_mode: definition.network_mode,
            containers: definition.containers.clone(),
            version: 1,
            last_status: if awsvpc { "PROVISIONING" } else { "PENDING" },
            desired_status: "RUNNING",
            eni: subnet.filter(|_| awsvpc).map(|subnet| Eni {
                status: "PRECREATED",
                subnet: subnet.clone(),
                address: None,
                is_released: false,
                hides_id: false,
                ipv6: None,
            }),
            bindings,
            volumes: volumes
                .filter_map(|it| it["name"].as_str().map(str::to_owned))
                .collect(),
            tags: all_tags(input, ask, definition),
            started_by: text("startedBy"),
            group: text("group").unwrap_or_else(|| format!("family:{}", definition.family)),
            launch_type: ask.launch_type,
            capacity_provider: ask.capacity_provider.clone(),
            container_instance,
            platform_version: fargate.then(|| text("platformVersion").unwrap_or_else(|| "1.4.0".to_owned())),
            overrides: if input["overrides"].is_null() {
                json!({})
            } else {
                input["overrides"].clone()
            },
            execute_command: input["enableExecuteCommand"] == true,
            created_at: self.clock,
            updated_at: self.clock,
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            container_reason: None,
        };
        self.tasks_started += 1;
        self.record_event(&state);
        let task = Task {
            states: vec![state],
            described: Described::Present,
        };
        self.tasks.insert(arn.clone(), task);
        Ok(Ok(arn))
    }

    /// The first instance of the cluster with free host ports, and the ports.
    fn place(
        &self,
        cluster: &Cluster,
        definition: &TaskDefinition,
    ) -> Result<Result<(String, Vec<Binding>), Failure>, ApiError> {
        let mut candidates = self
            .instances
            .values()
            .filter(|it| it.cluster_arn == cluster.arn && it.is_active())
            .peekable();
        let Some(first) = candidates.peek().map(|instance| instance.arn.clone()) else {
            let message = "No Container Instances were found in your cluster.";
            return Err(ApiError::new("InvalidParameterException", message));
        };
        if definition.network_mode == NetworkMode::Awsvpc {
            return Ok(Ok((first, Vec::new())));
        }
        for instance in candidates {
            if let Some(bindings) = keep_fixed(definition, self.ports_in_use(&instance.arn)) {
                return Ok(Ok((instance.arn.clone(), bindings)));
            }
        }
        Ok(Err(Failure::new("RESOURCE:PORTS").arn(&first)))
    }

    /// Its containers start on its instance: Docker gives them their dynamic ports.
    pub(super) fn give_dynamic_ports(&mut self, task: &str) {
        let state = self.state(task);
        let Some(instance) = state.container_instance.clone() else {
            return;
        };
        if state.network_mode != NetworkMode::Bridge {
            return;
        }
        let mut used = self.ports_in_use(&instance);
        let mut given = Vec::new();
        for container in &state.containers {
            for &(container_port, defined) in &container.ports {
                if defined == 0 {
                    let port = (32_768..=u16::MAX).find(|port| !used.contains(port));
                    let port = port.expect("a free port");
                    used.insert(port);
                    given.push(Binding::tcp(&container.name, container_port, port));
                }
            }
        }
        self.state_mut(task).bindings.extend(given);
    }

    fn ports_in_use(&self, instance: &str) -> BTreeSet<u16> {
        let tasks = self.tasks.values().map(Task::now);
        tasks
            .filter(|task| task.container_instance.as_deref() == Some(instance) && !task.is_stopped())
            .flat_map(|task| task.bindings.iter().map(|binding| binding.host_port))
            .collect()
    }
}

/// The host ports that the definition fixes, which ECS keeps for the task. `None`: one is taken.
fn keep_fixed(definition: &TaskDefinition, mut used: BTreeSet<u16>) -> Option<Vec<Binding>> {
    let mut bindings = Vec::new();
    for container in &definition.containers {
        for &(container_port, defined) in container.ports.iter().filter(|(_, defined)| *defined != 0) {
            if !used.insert(defined) {
                return None;
            }
            bindings.push(Binding::tcp(&container.name, container_port, defined));
        }
    }
    Some(bindings)
}

/// The caller's tags, and with propagateTags those of the task definition that the
/// caller did not set.
fn all_tags(input: &Value, ask: &Ask, definition: &TaskDefinition) -> Vec<(String, String)> {
    let mut tags = ask.tags.clone();
    if input["propagateTags"] == "TASK_DEFINITION" {
        for (key, value) in &definition.tags {
            if !tags.iter().any(|(own, _)| own == key) {
                tags.push((key.clone(), value.clone()));
            }
        }
    }
    tags
}

fn replay(prior: &PriorStart, parameters: &Value) -> Result<Value, ApiError> {
    if prior.parameters == *parameters {
        return Ok(prior.answer.clone());
    }
    let message = "The client token was used with other parameters.";
    let error = ApiError::new("ConflictException", message);
    Err(error.with_member("resourceIds", prior.started.clone().into()))
}
