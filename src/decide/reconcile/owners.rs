//! Which of many tasks has, or had, a target of one group.

use std::collections::HashMap;

use super::super::Halt;
use super::super::owners::{Ownership, claim};
use super::super::targets::Rivals;
use super::fleet::Ours;
use crate::arn::{Port, TargetGroupArn};
use crate::journal::Reader;
use crate::target::Target;
use crate::task::{Network, Task};

/// Tasks that name one group.
pub(super) struct Owners<'f> {
    /// Tasks with interfaces of their own, by address and port.
    interfaces: HashMap<Target, &'f Task>,
    /// All others, with their ports in the group.
    others: Vec<(&'f Task, Vec<Port>)>,
}

impl<'f> Owners<'f> {
    pub(super) fn of<'a: 'f>(group: &TargetGroupArn, tasks: impl Iterator<Item = &'f Ours<'a>>) -> Self {
        let mut owners = Self {
            interfaces: HashMap::new(),
            others: Vec::new(),
        };
        for Ours { task, attachments, .. } in tasks {
            let of_group = attachments.iter().filter(|attachment| attachment.group == *group);
            let ports: Vec<Port> = of_group.map(|attachment| attachment.port).collect();
            let Network::Awsvpc(addresses) = &task.network else {
                owners.others.push((task, ports));
                continue;
            };
            for id in addresses.each() {
                for &port in &ports {
                    owners.interfaces.insert(Target { id: id.clone(), port }, task);
                }
            }
        }
        owners
    }

    /// The task that owns a target, or may get it.
    pub(super) fn find(&self, target: &Target, reader: &mut Reader<'_>) -> Result<Option<&'f Task>, Halt> {
        if let Some(task) = self.interfaces.get(target) {
            return Ok(Some(task));
        }
        for (task, ports) in &self.others {
            match claim(task, ports, target, &Rivals::Anywhere, reader)? {
                Ownership::Owns | Ownership::MayGetIt => return Ok(Some(task)),
                Ownership::None => {}
            }
        }
        Ok(None)
    }

    /// The task that had a target; one whose machine nobody tells any more is none.
    pub(super) fn find_former(&self, target: &Target, reader: &mut Reader<'_>) -> Result<Option<&'f Task>, Halt> {
        if let Some(task) = self.interfaces.get(target) {
            return Ok(Some(task));
        }
        for (task, ports) in &self.others {
            match claim(task, ports, target, &Rivals::Anywhere, reader) {
                Ok(Ownership::Owns) => return Ok(Some(task)),
                Ok(Ownership::MayGetIt | Ownership::None) => {}
                Err(Halt::Fail(failure)) if failure.category == "instance_not_found" => {}
                Err(halt) => return Err(halt),
            }
        }
        Ok(None)
    }
}
