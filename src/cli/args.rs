//! The command line: commands and options. Must not carry out anything.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde_json::Value;

use crate::event;
use crate::trace::subject::Kind;

/// The exit statuses, which `--help` prints; docs/command.md has the same table.
pub(crate) const EXIT_STATUS: &str = "\
Exit status:
  0    done, and all is well
  1    AWS refused a call, or could not be reached; the message says which call
  2    the command line, a file, the settings or an event are wrong: nothing was sent
  3    done, and not all is well: drift, failed starts, events or checks, messages left in a queue
  4    --wait took longer than --timeout; what was requested goes on
  130  interrupted; what was requested goes on";

/// Starts, stops, shows and repairs what start-engines attaches to load balancers.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text, at most 100 columns.
    Table,
    /// One JSON value.
    Json,
    /// A chart for Mermaid; of `trace` only.
    Mermaid,
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR or CLICOLOR=0 is set
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How to print the result
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub(crate) output: Format,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) color: Color,
    /// The endpoint of AWS, instead of the region's own ones [env: AWS_ENDPOINT_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// A profile of the AWS configuration files [env: AWS_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The region [env: AWS_REGION]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// The service catalog that the function reads, as a JSON file
    #[arg(long, global = true, env = "SERVICES_FILE", value_name = "FILE")]
    pub(crate) services: Option<PathBuf>,
    /// The settings that the function reads, as a JSON file: its allow-lists
    #[arg(long, global = true, env = "SETTINGS_FILE", value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// The cluster, by name or ARN; default: those of the function's settings and of the catalog
    #[arg(long, global = true, value_name = "CLUSTER")]
    pub(crate) cluster: Option<String>,
    /// The bus that events are sent to; default: the account's default bus
    #[arg(
        long,
        global = true,
        env = "START_ENGINES_EVENT_BUS",
        value_name = "BUS",
        hide_env_values = true
    )]
    pub(crate) event_bus: Option<String>,
    /// The source of the events that are sent; default: that of the function's operators
    #[arg(
        long,
        global = true,
        env = "START_ENGINES_SOURCE",
        value_name = "SOURCE",
        hide_env_values = true
    )]
    pub(crate) source: Option<String>,
    /// The function, by ARN: gives events their source, account and region
    #[arg(
        long,
        global = true,
        env = "START_ENGINES_FUNCTION",
        value_name = "ARN",
        hide_env_values = true
    )]
    pub(crate) function: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start tasks: check the event with the function's own rules, and send it
    Start(Start),
    /// Stop one task, the tasks of a service, or all tasks of a cluster
    Stop(Stop),
    /// Show services, tasks and targets, and the drift between them
    Status(Status),
    /// Check a deployment and its services, and say what is wrong and how to repair it
    Doctor(Doctor),
    /// Compare tasks with targets, and repair the drift
    Reconcile(Reconcile),
    /// List the events that failed for good, and send them again or discard them
    Redrive(Redrive),
    /// Tell the story of one engine, and why it does not serve
    Trace(Trace),
    /// Print what the function would do for an event, or every problem in it; offline
    ///
    /// Defaults and allow-lists come from the same environment variables that the function reads.
    Validate {
        /// EventBridge events as JSON: one, several, or entries of PutEvents; - for standard input
        file: PathBuf,
    },
    /// Handle events in this process, as the function would, against an emulator
    ///
    /// Needs --endpoint-url. The settings come from the function's environment variables, and nothing is deployed.
    Local(Local),
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `start`.
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false, args = ["service", "file"])]
pub(crate) struct Start {
    /// An entry of the service catalog
    pub(crate) service: Option<String>,
    /// Start events, their details, or entries of PutEvents, as JSON; - for standard input
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Number of tasks, 1 to 10
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<i64>,
    /// Starts with the same key start their tasks once
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// An id that every outcome event repeats
    #[arg(long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,
    /// Any field of the detail, as JSON or text: --set launchType=FARGATE
    #[arg(long, value_name = "FIELD=JSON", value_parser = event::field)]
    pub(crate) set: Vec<(String, Value)>,
    #[command(flatten)]
    pub(crate) wait: Wait,
    /// With --wait: what the tasks' targets must be
    #[arg(long, value_enum, value_name = "STATE", default_value = "healthy", requires = "wait")]
    pub(crate) until: Until,
}

/// `--until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// They pass their health checks.
    Healthy,
    /// They are registered.
    Registered,
}

/// `stop`.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["task", "service", "all_of_cluster"])]
pub(crate) struct Stop {
    /// One task, by ARN, or by id if its cluster is known
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// All tasks of a service
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// All tasks of a cluster that start-engines has started
    #[arg(long, value_name = "CLUSTER", conflicts_with = "cluster")]
    pub(crate) all_of_cluster: Option<String>,
    /// How long connections may take to end, 0 to 3600; default: the deregistration delay
    #[arg(long, value_name = "SECONDS")]
    pub(crate) drain: Option<i64>,
    /// The tasks' stoppedReason
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// An id that every outcome event repeats
    #[arg(long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,
    /// Stop all tasks of a cluster without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

/// `--wait`.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Wait until the tasks serve, or have stopped
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds, requires = "wait")]
    pub(crate) timeout: Duration,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only the tasks and target groups of this service
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Also show tasks that have stopped within the last hour
    #[arg(long)]
    pub(crate) stopped: bool,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only this service of the catalog, beside the deployment; default: all
    pub(crate) service: Option<String>,
    /// Only what is not well
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) parts: Parts,
}

/// What a deployment is made of, beside its function.
#[derive(Debug, Args)]
#[command(next_help_heading = "The deployment")]
pub(crate) struct Parts {
    /// The rule of starts, stops and reconciles, by ARN
    #[arg(long, env = "START_ENGINES_REQUEST_RULE", value_name = "ARN", hide_env_values = true)]
    pub(crate) request_rule: Option<String>,
    /// The rule of ECS's state changes, by ARN
    #[arg(
        long,
        env = "START_ENGINES_STATE_CHANGE_RULE",
        value_name = "ARN",
        hide_env_values = true
    )]
    pub(crate) state_change_rule: Option<String>,
    /// In buffered mode, the request queue
    #[arg(
        long,
        env = "START_ENGINES_REQUEST_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) request_queue_url: Option<String>,
    /// In buffered mode, the state-change queue
    #[arg(
        long,
        env = "START_ENGINES_STATE_CHANGE_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) state_change_queue_url: Option<String>,
    /// The names of the alarms, with commas between them
    #[arg(long, env = "START_ENGINES_ALARMS", value_name = "NAMES", hide_env_values = true)]
    pub(crate) alarms: Option<String>,
    #[command(flatten)]
    pub(crate) queues: QueueUrls,
}

/// `reconcile`.
#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// Only the target groups of this service of the catalog
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Show the drift, and change nothing
    #[arg(long, conflicts_with_all = ["prune", "yes"])]
    pub(crate) dry_run: bool,
    /// Also deregister targets of no known task; always asks, on a terminal
    #[arg(long)]
    pub(crate) prune: bool,
    /// Repair without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `redrive`.
#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// Send these again, by message id or its beginning
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) send: Vec<String>,
    /// Send all again
    #[arg(long, conflicts_with = "send")]
    pub(crate) all: bool,
    /// Discard these, by message id or its beginning
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with_all = ["send", "all"])]
    pub(crate) discard: Vec<String>,
    /// Only messages with this reason
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<String>,
    /// Also send starts that may start their tasks a second time
    #[arg(long)]
    pub(crate) old_starts: bool,
    /// Discard without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Receive at most this number of messages of each queue at a time
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) queues: QueueUrls,
}

/// The dead-letter queues of a deployment.
#[derive(Debug, Args)]
pub(crate) struct QueueUrls {
    /// The rule dead-letter queue; the component's schedules use it too
    #[arg(
        long,
        alias = "rule-queue-url",
        env = "START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) rule_dead_letter_queue_url: Option<String>,
    /// The on-failure queue of the function
    #[arg(
        long,
        alias = "failure-queue-url",
        env = "START_ENGINES_ON_FAILURE_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) on_failure_queue_url: Option<String>,
    /// The scheduler dead-letter queue, if the schedules have their own
    #[arg(
        long,
        alias = "scheduler-queue-url",
        env = "START_ENGINES_SCHEDULER_DEAD_LETTER_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) scheduler_dead_letter_queue_url: Option<String>,
    /// In buffered mode, the request dead-letter queue: starts, stops and reconciles
    #[arg(
        long,
        env = "START_ENGINES_REQUEST_DEAD_LETTER_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) request_dead_letter_queue_url: Option<String>,
    /// In buffered mode, the state-change dead-letter queue
    #[arg(
        long,
        env = "START_ENGINES_STATE_CHANGE_DEAD_LETTER_QUEUE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) state_change_dead_letter_queue_url: Option<String>,
}

/// `trace`.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    /// A task, the event of a start, a correlation id, or a service: its newest start
    pub(crate) id: String,
    /// What the id is, where it could be several
    #[arg(long = "as", value_enum, value_name = "KIND")]
    pub(crate) kind: Option<Kind>,
    /// The function's log group; default: Lambda's own, by the function's name
    #[arg(long, env = "START_ENGINES_LOG_GROUP", value_name = "NAME", hide_env_values = true)]
    pub(crate) log_group: Option<String>,
    #[command(flatten)]
    pub(crate) queues: QueueUrls,
}

/// `local`.
#[derive(Debug, Args)]
pub(crate) struct Local {
    /// Events as JSON: files, folders of .json files, or - for standard input; one after the other
    #[arg(required = true)]
    pub(crate) events: Vec<PathBuf>,
    /// Time limit of one event, like Lambda's timeout
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number of seconds from 1 to 86400".to_owned()),
    }
}
