//! The category of a failure: its fixed name in metrics, log lines, outcome events and Lambda's `errorType`.

use std::fmt;

use crate::call::ErrorKind;

/// What kind of failure it is. `docs/operations.md` has a row for each [name](Self::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// AWS refused a call, or could not be reached.
    Call(ErrorKind),
    /// The event is invalid.
    InvalidEvent,
    /// A valid value is outside an allow-list, or the event may not give the field.
    NotAllowed,
    /// The function's environment or catalog is invalid.
    InvalidConfiguration,
    /// A start is older than its `maxAgeSeconds`.
    Expired,
    /// No placement of a start can ever run its tasks.
    PlacementFailed,
    /// The target group takes targets of another type.
    TargetTypeMismatch,
    /// The task has no address of the target group's IP address type.
    AddressFamilyMismatch,
    /// No container publishes the port that the target group needs.
    PortNotPublished,
    /// Several containers publish the port.
    PortAmbiguous,
    /// The task has no container of the name that the start gives.
    ContainerNotFound,
    /// The target group has a protocol whose targets cannot be registered from here.
    ProtocolUnsupported,
    /// ECS Anywhere: the task has no address that a target group takes.
    ExternalInstance,
    /// The tags of the task name other targets than its `startedBy`.
    TargetsMismatch,
    /// `startedBy` has the prefix of start-engines, but not its form.
    MalformedStartedBy,
    /// The task has no private address yet, or no host port, in the event or in DescribeTasks.
    AddressMissing,
    /// DescribeTasks does not return the task yet.
    TaskNotVisible,
    /// The address of a stopping task is not reported any more.
    AddressUnknown,
    /// The host ports of a task are not reported any more.
    PortsUnknown,
    /// The container instance of a stopping task is not reported any more.
    InstanceUnknown,
    /// The container instance of a task is not known to ECS or EC2.
    InstanceNotFound,
    /// A newer task on the container instance has the host port, or may get it.
    OwnerNotClear,
    /// The search for newer owners took longer than its result holds.
    OwnerSearchTooSlow,
    /// The invocation has no time left.
    OutOfTime,
    /// A reconcile did not reach all target groups, and does not continue.
    ReconcileIncomplete,
    /// A stop of a task that start-engines has not started.
    ForeignTask,
    /// Events of one array failed for different reasons.
    BatchFailed,
    /// A defect of start-engines.
    Internal,
}

/// All but [`Category::Call`].
const OWN: [Category; 27] = [
    Category::InvalidEvent,
    Category::NotAllowed,
    Category::InvalidConfiguration,
    Category::Expired,
    Category::PlacementFailed,
    Category::TargetTypeMismatch,
    Category::AddressFamilyMismatch,
    Category::PortNotPublished,
    Category::PortAmbiguous,
    Category::ContainerNotFound,
    Category::ProtocolUnsupported,
    Category::ExternalInstance,
    Category::TargetsMismatch,
    Category::MalformedStartedBy,
    Category::AddressMissing,
    Category::TaskNotVisible,
    Category::AddressUnknown,
    Category::PortsUnknown,
    Category::InstanceUnknown,
    Category::InstanceNotFound,
    Category::OwnerNotClear,
    Category::OwnerSearchTooSlow,
    Category::OutOfTime,
    Category::ReconcileIncomplete,
    Category::ForeignTask,
    Category::BatchFailed,
    Category::Internal,
];

impl Category {
    /// Every category, with each [`ErrorKind`].
    pub const ALL: [Self; OWN.len() + ErrorKind::ALL.len()] = all();

    /// The fixed name in snake_case; other programs rely on it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call(kind) => kind.name(),
            Self::InvalidEvent => "invalid_event",
            Self::NotAllowed => "not_allowed",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::Expired => "expired",
            Self::PlacementFailed => "placement_failed",
            Self::TargetTypeMismatch => "target_type_mismatch",
            Self::AddressFamilyMismatch => "address_family_mismatch",
            Self::PortNotPublished => "port_not_published",
            Self::PortAmbiguous => "port_ambiguous",
            Self::ContainerNotFound => "container_not_found",
            Self::ProtocolUnsupported => "protocol_unsupported",
            Self::ExternalInstance => "external_instance",
            Self::TargetsMismatch => "targets_mismatch",
            Self::MalformedStartedBy => "malformed_started_by",
            Self::AddressMissing => "address_missing",
            Self::TaskNotVisible => "task_not_visible",
            Self::AddressUnknown => "address_unknown",
            Self::PortsUnknown => "ports_unknown",
            Self::InstanceUnknown => "instance_unknown",
            Self::InstanceNotFound => "instance_not_found",
            Self::OwnerNotClear => "owner_not_clear",
            Self::OwnerSearchTooSlow => "owner_search_too_slow",
            Self::OutOfTime => "out_of_time",
            Self::ReconcileIncomplete => "reconcile_incomplete",
            Self::ForeignTask => "foreign_task",
            Self::BatchFailed => "batch_failed",
            Self::Internal => "internal",
        }
    }

    /// Whether the same event can succeed later without any change by a person. [`Failure::transient`](super::Failure) can
    /// differ in a single case.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::Call(kind) => kind.is_transient(),
            Self::AddressMissing
            | Self::TaskNotVisible
            | Self::InstanceNotFound
            | Self::OwnerNotClear
            | Self::OwnerSearchTooSlow
            | Self::OutOfTime
            | Self::ReconcileIncomplete => true,
            Self::InvalidEvent
            | Self::NotAllowed
            | Self::InvalidConfiguration
            | Self::Expired
            | Self::PlacementFailed
            | Self::TargetTypeMismatch
            | Self::AddressFamilyMismatch
            | Self::PortNotPublished
            | Self::PortAmbiguous
            | Self::ContainerNotFound
            | Self::ProtocolUnsupported
            | Self::ExternalInstance
            | Self::TargetsMismatch
            | Self::MalformedStartedBy
            | Self::AddressUnknown
            | Self::PortsUnknown
            | Self::InstanceUnknown
            | Self::ForeignTask
            | Self::BatchFailed
            | Self::Internal => false,
        }
    }
}

const fn all() -> [Category; OWN.len() + ErrorKind::ALL.len()] {
    let mut all = [Category::Internal; OWN.len() + ErrorKind::ALL.len()];
    let mut n = 0;
    while n < OWN.len() {
        all[n] = OWN[n];
        n += 1;
    }
    while n < all.len() {
        all[n] = Category::Call(ErrorKind::ALL[n - OWN.len()]);
        n += 1;
    }
    all
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<ErrorKind> for Category {
    fn from(kind: ErrorKind) -> Self {
        Self::Call(kind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_list_has_each_category_once_and_no_two_have_one_name() {
        let place = |category: Category| match category {
            Category::InvalidEvent => 0,
            Category::NotAllowed => 1,
            Category::InvalidConfiguration => 2,
            Category::Expired => 3,
            Category::PlacementFailed => 4,
            Category::TargetTypeMismatch => 5,
            Category::AddressFamilyMismatch => 6,
            Category::PortNotPublished => 7,
            Category::PortAmbiguous => 8,
            Category::ContainerNotFound => 9,
            Category::ProtocolUnsupported => 10,
            Category::ExternalInstance => 11,
            Category::TargetsMismatch => 12,
            Category::MalformedStartedBy => 13,
            Category::AddressMissing => 14,
            Category::TaskNotVisible => 15,
            Category::AddressUnknown => 16,
            Category::PortsUnknown => 17,
            Category::InstanceUnknown => 18,
            Category::InstanceNotFound => 19,
            Category::OwnerNotClear => 20,
            Category::OwnerSearchTooSlow => 21,
            Category::OutOfTime => 22,
            Category::ReconcileIncomplete => 23,
            Category::ForeignTask => 24,
            Category::BatchFailed => 25,
            Category::Internal => 26,
            Category::Call(_) => OWN.len(),
        };
        let places: Vec<usize> = OWN.into_iter().map(place).collect();
        assert_eq!(places, (0..OWN.len()).collect::<Vec<usize>>());
        let names: BTreeSet<&str> = Category::ALL.into_iter().map(Category::name).collect();
        assert_eq!(names.len(), Category::ALL.len());
    }
}
