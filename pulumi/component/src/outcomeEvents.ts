/** The events that the function itself sends: `src/core/report/outcome_events.rs`. */

/** The source of outcome events; applications must not have it. */
export const OUTCOME_SOURCE = "start-engines";

/** Their detail-types. */
export const OUTCOME_DETAIL_TYPES = [
  "ECS Task Started",
  "ECS Task Start Failed",
  "ECS Task Deadline Not Set",
  "ECS Task Registered",
  "ECS Task Healthy",
  "ECS Task Unhealthy",
  "ECS Task Deregistered",
  "ECS Task Stopped",
] as const;
