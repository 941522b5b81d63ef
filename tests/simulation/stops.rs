//! Stops of a service or of a cluster: late, twice, and followed by a start; their second halves; and drains whose
//! second half is lost.

use serde_json::{Value, json};
use start_engines_core::domain::timestamp::Timestamp;

use crate::account::{self, First, Start, Whom};
use crate::checks::{self, CHECK};
use crate::delivery::{About, Delivery, time_at};
use crate::reconciles;
use crate::searches::GOES_ON;
use crate::simulation::{MINUTE, Mutant, SECOND, Simulation, Step};

impl Simulation {
    /// Somebody will stop many tasks, so often.
    pub(crate) fn expect_stops_of_many(&mut self, number: usize, over: i64) {
        for _ in 0..number {
            let whom = if self.rng.bool() {
                Whom::Cluster(
                    self.rng
                        .choice(["engines", "workers"])
                        .expect("one of these")
                        .to_owned(),
                )
            } else {
                Whom::Service(self.rng.usize(..self.services.len()))
            };
            let at = self.rng.i64(0..=over);
            self.after(at, Step::StopMany(whom));
        }
    }

    /// Stops them now; often a start of the same follows at once.
    pub(crate) fn ask_to_stop_many(&mut self, whom: &Whom) {
        self.statistics.count("stops of many asked for");
        let drain = self
            .rng
            .choice([None, Some(0), Some(60), Some(600), Some(600)])
            .expect("one of these");
        let id = format!("stop-of-many-{}", self.now);
        let event = account::stop_event_of(whom, &id, drain, &time_at(self.now));
        let asked_at = self.now.div_euclid(1000);
        self.promises.stop_asked_for(whom.clone(), asked_at, drain.unwrap_or(0));
        let about = About::StopMany {
            whom: whom.clone(),
            asked_at,
            is_second_half: false,
            began: 0,
        };
        if self.rng.bool() {
            // It comes long after it was asked for, and what was started in between is none of its business.
            let late = self.rng.i64(MINUTE..=40 * MINUTE);
            self.deliver_after(late, Delivery::new(event, about, self.now));
        } else {
            self.send(event, about);
        }
        if self.rng.bool() {
            let service = match whom {
                Whom::Service(service) => *service,
                Whom::Cluster(_) => self.rng.usize(..self.services.len()),
            };
            let soon = self.rng.i64(0..=2 * SECOND);
            self.after(soon, Step::Restart(service));
        }
    }

    pub(crate) fn restart(&mut self, service: usize) {
        self.statistics.count("restarts");
        let identity = format!("restart-{}-{service}", self.now);
        let time = time_at(self.now);
        let start = Start {
            id: &identity,
            key: &identity,
            service,
            count: 1,
            first: First::Fargate,
            requested_at: Some(&time),
            on_unhealthy: checks::on_unhealthy(self.mutant, service),
        };
        let event = account::start_event(&self.services[service], &start, &time);
        let about = About::Start {
            identity: identity.clone(),
            count: 1,
            service,
        };
        self.send(event, about);
    }

    /// Somebody asks for a task's stop.
    pub(crate) fn ask_to_stop(&mut self, task: &str) {
        self.statistics.count("stops asked for");
        let drain = self
            .rng
            .choice([None, Some(0), Some(30), Some(600)])
            .expect("one of these");
        let id = format!("stop-{}", self.now);
        let event = account::stop_event(task, &id, drain, &self.time_of_day());
        self.promises.life(task).is_asked_to_stop = true;
        self.send(event, About::Stop { task: task.to_owned() });
    }

    /// What Scheduler has due.
    pub(crate) fn fire_schedules(&mut self) {
        for event in self.world.fire_schedules() {
            self.statistics.count("schedules fired");
            if self.mutant == Mutant::SchedulesAreLost {
                continue;
            }
            if event["detail-type"] == GOES_ON {
                self.goes_on(event);
                continue;
            }
            if event["detail-type"] == CHECK {
                self.send_check(event);
                continue;
            }
            let detail = &event["detail"];
            let about = match detail["taskArn"].as_str() {
                Some(task) if detail["unlessRunning"].is_null() && self.loses_a_second_half(task) => continue,
                Some(task) => About::Stop { task: task.to_owned() },
                None if event["detail-type"] == "Stop ECS Task" => {
                    self.statistics.count("second halves of stops of many");
                    let about = second_half(detail);
                    if self.loses_a_second_half_of_many(&about) {
                        continue;
                    }
                    about
                }
                None => reconciles::about(detail["cluster"].as_str().expect("a cluster"), true, self.now),
            };
            self.send(event, about);
        }
    }

    /// Whether the second half of a drain never comes; then an operator sees to it some time.
    pub(crate) fn loses_a_second_half(&mut self, task: &str) -> bool {
        let is_lost = self.mutant == Mutant::DrainsNeverEnd || self.rng.usize(..1000) < self.lost;
        if is_lost {
            self.statistics.count("second halves lost");
            self.report(|| format!("{task} loses the second half of its stop"));
            self.promises.life(task).is_second_half_lost = true;
            self.after(3 * MINUTE, Step::Turn(task.to_owned(), crate::lives::Turn::Missed));
        }
        is_lost
    }

    /// The same for a stop of many. Not where a task has no tag yet: nobody could see that it was to be stopped.
    fn loses_a_second_half_of_many(&mut self, about: &About) -> bool {
        let About::StopMany { whom, asked_at, .. } = about else {
            return false;
        };
        let Some(tasks) = self.promises.draining(whom, *asked_at, &self.world) else {
            return false;
        };
        let is_lost = self.mutant == Mutant::DrainsNeverEnd || self.rng.usize(..1000) < self.lost;
        if is_lost {
            self.statistics.count("second halves of many lost");
            self.report(|| format!("the second half of {about} is lost"));
            for task in tasks {
                self.promises.life(&task).is_second_half_lost = true;
                self.after(3 * MINUTE, Step::Turn(task, crate::lives::Turn::Missed));
            }
        }
        is_lost
    }

    /// For mutants: what a version with one safeguard less would send to itself.
    pub(crate) fn mutate_second_half(&self, event: &mut Value) {
        let detail = &mut event["detail"];
        match self.mutant {
            Mutant::DrainsCountFromTheRequest => {
                detail["continuation"]["handledAt"] = detail["requestedAt"].clone();
            }
            Mutant::PiecesHaveTheirOwnTime => {
                detail["requestedAt"] = json!(time_at(self.now));
                event["time"] = json!(time_at(self.now));
            }
            _ => {}
        }
    }
}

/// What the second half of a stop of many is about.
fn second_half(detail: &Value) -> About {
    let whom = match detail["service"].as_str() {
        Some(service) => {
            let number = service.strip_prefix("service-").expect("a service of this account");
            Whom::Service(number.parse().expect("a number"))
        }
        None => Whom::Cluster(detail["cluster"].as_str().expect("a cluster").to_owned()),
    };
    let requested_at = detail["requestedAt"].as_str().and_then(Timestamp::parse);
    About::StopMany {
        whom,
        asked_at: requested_at.expect("a time").millis().div_euclid(1000),
        is_second_half: true,
        began: 0,
    }
}
