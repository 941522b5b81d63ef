//! Finds out what an id is, and reads everything that belongs to it.
//!
//! ECS and ELB must answer, since the diagnosis relies on them. What cannot be read of the log, the dead-letter queues and
//! the schedules is a note.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use start_engines_core::call::{Desired, ErrorKind, MAX_TASKS_PER_DESCRIBE};
use start_engines_core::decide::deployment;
use start_engines_core::domain::arn::{Cluster, TaskArn};
use start_engines_core::domain::timestamp::Timestamp;

use super::super::redrive::queues;
use super::candidates::{Listed, as_listed, distinct, fits, fits_letter, fits_line, mentions, one_task};
use super::newest::Newest;
use super::sources::{self, Searches, unread};
use crate::args::Trace;
use crate::aws::OperatorClients;
use crate::calls::Calls;
use crate::command_error::CommandError;
use crate::doctor::checks;
use crate::doctor::survey::Survey;
use crate::event::Known;
use crate::fleet::is_started_by_start_engines;
use crate::inventory::Inventory;
use crate::session::{Session, now};
use crate::terminal::progress::Counting;
use crate::trace::evidence::{Evidence, Letter, Life, LogReading};
use crate::trace::log::LogLine;
use crate::trace::planned::{self, Planned};
use crate::trace::subject::{Id, Kind, quoted, starts_of};

/// How far back the log is read.
const LOG_AGE: Duration = Duration::from_secs(86_400);
/// How many tasks a story has; a start has ten at most, a correlation id may have more.
const MAX_TASKS: usize = 20;

/// One story that is being read.
pub(super) struct Gathering<'a> {
    known: &'a Known,
    options: &'a Trace,
    clusters: Result<Vec<Cluster>, CommandError>,
    clients: OperatorClients,
    inventory: Inventory,
    now: Timestamp,
    group: Option<String>,
    searches: Searches,
    lines: Vec<LogLine>,
    letters: Vec<Letter>,
    notes: Vec<String>,
}

impl<'a> Gathering<'a> {
    /// Nothing was read yet.
    pub(super) async fn new(session: &Session, known: &'a Known, options: &'a Trace) -> Result<Self, CommandError> {
        let clients = session.clients().await?;
        let calls = Calls::new(clients.clone(), Counting::on(session.screen));
        // Lambda's own name for it (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html).
        let of_function = || {
            let function = known.function.as_ref()?;
            Some(format!("/aws/lambda/{}", function.name()))
        };
        let group = options
            .log_group
            .clone()
            .filter(|group| !group.is_empty())
            .or_else(of_function);
        let now = now();
        let since = Timestamp::from_millis(now.millis() - i64::try_from(LOG_AGE.as_millis()).unwrap_or(0));
        Ok(Self {
            known,
            options,
            clusters: session.clusters(known),
            clients,
            inventory: Inventory::new(calls),
            now,
            group,
            searches: Searches::since(since),
            lines: Vec::new(),
            letters: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Everything that belongs to an id.
    ///
    /// # Errors
    /// If the credentials are of another account than the function, the id fits nothing or several things, or ECS or ELB
    /// refuse a call.
    pub(super) async fn of(mut self, id: &Id) -> Result<Evidence, CommandError> {
        self.must_be_at_home().await?;
        self.counting().begin("reading");
        self.read_letters().await;
        if self.group.is_none() {
            self.notes
                .push("the log was not read: its log group is not known (--function, --log-group)".to_owned());
        }
        let (kind, tasks) = match id.task_id() {
            Some(task) if self.options.kind.is_none_or(|kind| kind == Kind::Task) => {
                (Kind::Task, self.task(id, task).await?)
            }
            Some(_) | None => self.search(id).await?,
        };
        self.tell(id, kind, tasks).await
    }

    /// Another account, or another region, would answer that there is nothing of the kind.
    async fn must_be_at_home(&self) -> Result<(), CommandError> {
        let Some(function) = &self.known.function else {
            return Ok(());
        };
        let reads = self.clients.reads();
        let looker = Survey::new(&reads, self.counting()).looker().await;
        match checks::elsewhere(&looker, function) {
            Some(found) => Err(CommandError::Aws(format!("{}; {}", found.message, found.repair))),
            None => Ok(()),
        }
    }

    fn counting(&self) -> &Counting {
        &self.inventory.calls().counting
    }

    /// The clusters to look in: a usage error if none is known.
    fn clusters(&self) -> Result<Vec<Cluster>, CommandError> {
        match &self.clusters {
            Ok(clusters) => Ok(clusters.clone()),
            Err(error) => Err(CommandError::Usage(error.to_string())),
        }
    }

    fn clusters_of(&self, task: &TaskArn) -> Result<Vec<Cluster>, CommandError> {
        match task.cluster() {
            Some(cluster) => Ok(vec![cluster]),
            None => self.clusters(),
        }
    }

    /// The ARN of a task that was given by ARN or id.
    async fn task(&mut self, id: &Id, task: &str) -> Result<Vec<TaskArn>, CommandError> {
        if let Some(arn) = &id.arn {
            return Ok(vec![arn.clone()]);
        }
        for cluster in self.clusters()? {
            let found = match self.inventory.calls().lives(&cluster, vec![task.to_owned()]).await {
                Err(error) if error.kind == ErrorKind::ClusterNotFound => {
                    self.notes.push(without_cluster(&cluster));
                    continue;
                }
                other => other?,
            };
            if let Some((timed, _)) = found.into_iter().next() {
                return Ok(vec![timed.task.arn]);
            }
        }
        self.read_log(&quoted(task)).await;
        let named = self.lines.iter().flat_map(LogLine::tasks).find(|arn| arn.id() == task);
        match named {
            Some(arn) => Ok(vec![arn]),
            None if self.letters.iter().any(|letter| mentions(letter, task)) => Ok(Vec::new()),
            None => Err(self.unknown(id)),
        }
    }

    /// What an id is that is no task's ARN or whole id, and its tasks.
    async fn search(&mut self, id: &Id) -> Result<(Kind, Vec<TaskArn>), CommandError> {
        let listed = self.listed(id).await?;
        let mut kinds: BTreeSet<Kind> = listed.iter().flat_map(|task| fits(id, task)).collect();
        if self.known.config.catalog.get(&id.text).is_some() {
            kinds.insert(Kind::Service);
        }
        // A service's name is in every line of its tasks.
        if !kinds.contains(&Kind::Service) {
            self.read_log(&quoted(&id.text)).await;
        }
        let of_log = self.lines.iter().flat_map(|line| fits_line(id, line));
        let of_letters = self.letters.iter().flat_map(|letter| fits_letter(id, letter));
        kinds.extend(of_log.chain(of_letters).collect::<Vec<_>>());
        if let Some(kind) = self.options.kind {
            kinds.retain(|found| *found == kind);
        }
        let kinds: Vec<Kind> = kinds.into_iter().collect();
        let kind = match kinds.as_slice() {
            [kind] => *kind,
            [] => return Err(self.unknown(id)),
            several => {
                let all: Vec<&str> = several.iter().map(|kind| kind.words()).collect();
                let choices: Vec<String> = several.iter().map(|kind| format!("--as {}", kind.name())).collect();
                let message = format!(
                    "ID = \"{}\": is {}: give {}",
                    id.text,
                    all.join(" and "),
                    choices.join(" or ")
                );
                return Err(CommandError::Usage(message));
            }
        };
        let tasks = match kind {
            Kind::Task => one_task(id, &listed, &self.lines)?,
            Kind::Event | Kind::Correlation => self.of_request(id, kind, &listed),
            Kind::Service => self.newest(id, &listed).await,
        };
        Ok((kind, tasks))
    }

    /// The tasks of this deployment that an id fits.
    async fn listed(&mut self, id: &Id) -> Result<Vec<Listed>, CommandError> {
        let mut listed: BTreeMap<TaskArn, Listed> = BTreeMap::new();
        for cluster in self.clusters()? {
            for desired in [Desired::Running, Desired::Stopped] {
                let keep = |_: Vec<TaskArn>, found: Vec<crate::aws::TimedTask>| {
                    let own = found.into_iter().map(|timed| timed.task);
                    let own = own.filter(is_started_by_start_engines);
                    for task in own.filter(|task| deployment::is_this_deployments(task, &self.known.config)) {
                        let task = as_listed(&task);
                        if !fits(id, &task).is_empty() {
                            listed.insert(task.arn.clone(), task);
                        }
                    }
                };
                match self.inventory.calls().tasks(&cluster, desired, keep).await {
                    Err(error) if error.kind == ErrorKind::ClusterNotFound => {
                        self.notes.push(without_cluster(&cluster));
                        break;
                    }
                    other => other?,
                }
            }
        }
        Ok(listed.into_values().collect())
    }

    /// The tasks of an event or a correlation id: by their tags, and by the log, since a stop deletes the tags.
    fn of_request(&self, id: &Id, kind: Kind, listed: &[Listed]) -> Vec<TaskArn> {
        let tagged = listed.iter().filter(|task| fits(id, task).contains(&kind));
        let lines = self.lines.iter().filter(|line| fits_line(id, line).contains(&kind));
        let mut tasks: Vec<TaskArn> = tagged.map(|task| task.arn.clone()).collect();
        tasks.extend(lines.flat_map(LogLine::tasks));
        distinct(tasks)
    }

    /// The tasks of a service's newest start. One without tasks, as it failed, has the id of its event in the log.
    async fn newest(&mut self, id: &Id, listed: &[Listed]) -> Vec<TaskArn> {
        self.lines.clear();
        self.read_log(&starts_of(&id.text)).await;
        let newest = Newest::of(listed, &std::mem::take(&mut self.lines));
        // The others belong to earlier starts.
        self.letters
            .retain(|letter| !fits_letter(id, letter).contains(&Kind::Service) || newest.may_have(id, letter));
        if let Some(event) = &newest.event_of_line {
            self.read_log(&quoted(event)).await;
        }
        newest.tasks
    }

    /// Reads the lines, lives, targets and schedules of the tasks.
    async fn tell(mut self, id: &Id, kind: Kind, mut tasks: Vec<TaskArn>) -> Result<Evidence, CommandError> {
        let tasks_left = tasks.len().saturating_sub(MAX_TASKS);
        tasks.truncate(MAX_TASKS);
        for task in &tasks {
            self.read_log(&quoted(task.id())).await;
        }
        // Other deliveries of their starts, which do not name them.
        let starts = self.lines.iter().filter(|line| line.is_start());
        let own = starts.filter(|line| tasks.iter().any(|task| line.names(task)));
        let events: BTreeSet<String> = own.filter_map(|line| line.text("eventId").map(str::to_owned)).collect();
        for event in &events {
            self.read_log(&quoted(event)).await;
        }
        self.lines.sort_by_key(|line| line.at);
        self.lines.dedup();
        let lives = self.lives(&tasks).await?;
        let is_known = |arn: &TaskArn| lives.iter().any(|life: &Life| life.task.arn.id() == arn.id());
        let gone: Vec<TaskArn> = tasks.iter().filter(|arn| !is_known(arn)).cloned().collect();
        let ids: Vec<&str> = tasks
            .iter()
            .map(TaskArn::id)
            .chain(events.iter().map(String::as_str))
            .collect();
        self.letters.retain(|letter| {
            mentions(letter, &id.text) && !fits_letter(id, letter).is_empty()
                || ids.iter().any(|id| mentions(letter, id))
        });
        let planned = self.planned(&lives).await;
        let live = lives.iter().filter(|life| life.task.is_live());
        let groups: BTreeSet<_> = live
            .flat_map(|life| life.status.targets.iter().map(|target| target.attachment.group.clone()))
            .collect();
        let checks = self.inventory.checks(groups).await?;
        self.counting().end();
        if self.searches.is_cut() {
            self.notes
                .push("the log is large, and was not read to its end: the story may have holes".to_owned());
        }
        Ok(Evidence {
            id: id.text.clone(),
            kind,
            now: self.now,
            log: LogReading {
                is_whole: self.group.is_some() && self.searches.is_whole(),
                group: self.group,
                since: self.searches.since,
                level: self.known.config.log_level,
            },
            lines: self.lines,
            tasks: lives,
            tasks_left,
            gone,
            letters: self.letters,
            planned,
            checks,
            notes: self.notes,
        })
    }

    /// The tasks that ECS knows, with their targets.
    async fn lives(&mut self, tasks: &[TaskArn]) -> Result<Vec<Life>, CommandError> {
        let mut by_cluster: BTreeMap<Cluster, Vec<TaskArn>> = BTreeMap::new();
        for task in tasks {
            for cluster in self.clusters_of(task)? {
                by_cluster.entry(cluster).or_default().push(task.clone());
            }
        }
        let (mut times, mut snapshots) = (BTreeMap::new(), Vec::new());
        for (cluster, tasks) in by_cluster {
            for tasks in tasks.chunks(MAX_TASKS_PER_DESCRIBE) {
                let ids = tasks.iter().map(ToString::to_string).collect();
                let found = match self.inventory.calls().lives(&cluster, ids).await {
                    // The ARN of a task names its cluster, which may be deleted.
                    Err(error) if error.kind == ErrorKind::ClusterNotFound => Vec::new(),
                    other => other?,
                };
                let (timed, found): (Vec<_>, Vec<_>) = found.into_iter().unzip();
                for (timed, found) in timed.iter().zip(found) {
                    times.insert(timed.task.arn.clone(), (timed.clone(), found));
                }
                snapshots.extend(self.inventory.snapshots(&cluster, timed).await?);
            }
        }
        let fleet = self.inventory.fleet(snapshots).await?;
        let mut lives = Vec::new();
        for status in fleet.tasks {
            if let Some((timed, times)) = times.remove(&status.arn) {
                lives.push(Life {
                    task: timed.task,
                    stopping_at: timed.stopping_at,
                    times,
                    status,
                });
            }
        }
        match times.into_keys().next() {
            Some(other) => Err(CommandError::Usage(format!(
                "start-engines has not started the task {other}"
            ))),
            None => Ok(lives),
        }
    }

    async fn planned(&mut self, lives: &[Life]) -> Vec<Planned> {
        let Some(scheduler) = &self.known.config.scheduler else {
            return Vec::new();
        };
        let group = scheduler.group.as_ref().map(ToString::to_string);
        let mut planned = Vec::new();
        for life in lives {
            let purposes = planned::purposes(life);
            match sources::planned(&self.clients, group.as_deref(), &life.task.arn, &purposes).await {
                Ok(found) => planned.extend(found),
                Err(error) => {
                    self.notes.push(unread("schedules were", &error));
                    break;
                }
            }
        }
        planned
    }

    async fn read_log(&mut self, pattern: &str) {
        let Some(group) = &self.group else {
            return;
        };
        match self.searches.search(&self.clients, group, pattern).await {
            Ok(lines) => self.lines.extend(lines),
            Err(error) => self.notes.push(unread(&format!("the log group {group} was"), &error)),
        }
    }

    async fn read_letters(&mut self) {
        let queues = queues(&self.options.queues);
        if queues.is_empty() {
            self.notes
                .push("no dead-letter queue was read: none is given (redrive has the same options)".to_owned());
        }
        for (queue, url) in queues {
            match sources::letters(&self.clients, (queue, &url), self.known.function.as_ref()).await {
                Ok((letters, is_cut)) => {
                    self.letters.extend(letters);
                    if is_cut {
                        let name = queue.name();
                        self.notes
                            .push(format!("not all messages of the {name} were read: redrive lists them"));
                    }
                }
                Err(error) => self.notes.push(unread(&format!("the {} was", queue.name()), &error)),
            }
        }
    }

    /// An id that fits nothing, and where it was looked for.
    fn unknown(&self, id: &Id) -> CommandError {
        let clusters = self.clusters.as_deref().unwrap_or_default();
        let names: Vec<&str> = clusters.iter().map(Cluster::name).collect();
        let what = self.options.kind.map_or("nothing", Kind::words);
        let what = if what == "nothing" {
            what.to_owned()
        } else {
            format!("not {what}")
        };
        let mut message = format!(
            "ID = \"{}\": is {what} that is known: no task of the clusters {}, no log line of the last 24 hours, and no dead letter that was read has it; \
             a task is kept by ECS for an hour after its stop",
            id.text,
            names.join(", ")
        );
        for note in &self.notes {
            message += &format!("\n  {note}");
        }
        CommandError::Usage(message)
    }
}

/// A cluster of the settings that is deleted, or was never made: it has no tasks.
fn without_cluster(cluster: &Cluster) -> String {
    format!("there is no cluster {}: it has no tasks", cluster.name())
}
