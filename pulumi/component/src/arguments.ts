/** The arguments of the `StartEngines` component, with their defaults. */

import type * as pulumi from "@pulumi/pulumi";

import type { Service } from "./catalog/service";

/** A target group that the function may register tasks in. */
export interface TargetGroupArgs {
  readonly arn: pulumi.Input<string>;
  /** Its load balancer; with it there is an alarm on unhealthy targets. Default: no such alarm. */
  readonly loadBalancerArn?: pulumi.Input<string>;
}

/** Values for fields that neither the event nor the catalog gives. Default of each: none. */
export interface DefaultsArgs {
  readonly cluster?: pulumi.Input<string>;
  readonly taskDefinition?: pulumi.Input<string>;
  readonly targetGroupArn?: pulumi.Input<string>;
  readonly containerPort?: pulumi.Input<number>;
  readonly subnets?: pulumi.Input<string>[];
  readonly securityGroups?: pulumi.Input<string>[];
}

/** Starts and stops a service at given times, by EventBridge Scheduler; needs `start`, `stop` or both. */
export interface ScheduleArgs {
  /** An entry of `services`, which must be complete: a schedule adds nothing to it. */
  readonly service: string;
  /** When it starts: `cron(0 7 ? * MON-FRI *)`, `rate(1 hour)` or `at(2027-01-31T07:00:00)`. Default: never. */
  readonly start?: string;
  /** When all tasks of the service are stopped, once their connections had time to end. Default: never. */
  readonly stop?: string;
  /** An IANA name such as `Europe/Berlin`. Default `UTC`. */
  readonly timezone?: string;
  /** How many tasks are started, 1 to 10. Default: as the service says, else 1. */
  readonly count?: number;
  /**
   * Seconds after the scheduled time after which a start that is still on its way starts nothing: 0 (never) to 86400.
   * Default: as the service says, else 900.
   */
  readonly maxAgeSeconds?: number;
}

/** Retries of a delivery or an invocation. */
export interface RetryArgs {
  readonly maximumRetryAttempts?: number;
  readonly maximumEventAgeSeconds?: number;
}

/** Settings of the request queue or the state-change queue; `buffered.ts` has the reasons for the defaults. */
export interface BufferQueueArgs {
  /** Maximum messages of one invocation, 1 to 10000. Default 10 for requests, 1000 for state changes. */
  readonly batchSize?: number;
  /** How long Lambda gathers a batch, 0 to 300; 1 at least where `batchSize` is over 10. Default 0 for requests, 3 for state changes. */
  readonly maximumBatchingWindowSeconds?: number;
  /** Maximum batches at a time, 2 to 1000. Default 2. */
  readonly maximumConcurrency?: number;
  /** How often a message is received before it goes to the dead-letter queue, 5 to 1000. Default 5. */
  readonly maxReceiveCount?: number;
  /** Seconds until a failed message is delivered again: at least six times `timeout` plus the window, at most 43200. Default: the minimum. */
  readonly visibilityTimeoutSeconds?: number;
  /** How long the queue keeps messages, in days, 1 to `queueRetentionDays`. Default 4, or `queueRetentionDays` if fewer. */
  readonly retentionDays?: number;
}

/** The two queues of buffered mode, between the rules and the function. */
export interface BufferedArgs {
  /** The request queue: starts, stops and reconciles. */
  readonly requests?: BufferQueueArgs;
  /** The state-change queue: ECS's task state changes. */
  readonly stateChanges?: BufferQueueArgs;
  /**
   * The rules invoke the function, and the queues are only emptied: for one update before `buffered` is removed, so that
   * no message is deleted with its queue. Default false.
   */
  readonly drain?: boolean;
}

/** When alarms are raised. */
export interface AlarmArgs {
  /** Whether there are alarms at all. Default true. */
  readonly enabled?: boolean;
  /** The standard SNS topic that alarms and their ends are published to. Default: none, alarms only show in CloudWatch. */
  readonly topicArn?: pulumi.Input<string>;
  /** The length of one period, a multiple of 60 up to 3600. Default 300. */
  readonly periodSeconds?: number;
  /** Alarm if p99 from ECS's RUNNING to the registered target is longer, 1 to 3600. Default 60. */
  readonly registrationLagSeconds?: number;
  /** Alarm if an invocation takes more of the timeout than this, 1 to 100. Default 80. */
  readonly durationPercent?: number;
  /** Alarm if a target group has unhealthy targets for this number of periods, 1 to 24. Default 2. */
  readonly unhealthyPeriods?: number;
  /** Alarm if a message is in a queue of buffered mode for longer, 1 to 86400. Default 300. */
  readonly bufferAgeSeconds?: number;
}

/** What Lambda can run the function on. */
export type Architecture = "x86_64" | "arm64";

/** A packed function in a bucket of the function's region. */
export interface S3CodeArgs {
  readonly s3Bucket: pulumi.Input<string>;
  readonly s3Key: pulumi.Input<string>;
  /** Default: the newest version at the time of each update that changes the function's code. */
  readonly s3ObjectVersion?: pulumi.Input<string>;
}

/** The packed function: the path of a zip, relative to the program's folder; an archive; or an object in S3. */
export type CodeArgs = string | pulumi.asset.Archive | S3CodeArgs;

/** The arguments of `StartEngines`. Lists without default must not be empty. */
export interface StartEnginesArgs {
  /**
   * The packed function: the path of a zip, an archive, or an object in S3. Only of a path, what it holds and for which
   * architecture is checked. Default: the package's own, for `architecture`.
   */
  readonly code?: CodeArgs;
  /** What the function runs on. Default `x86_64`. */
  readonly architecture?: Architecture;
  /** The ARNs of the clusters where tasks may be started; all ARNs must be of their account and region. */
  readonly clusters: pulumi.Input<string>[];
  /** The task definition families that may be started. */
  readonly taskFamilies: pulumi.Input<string>[];
  /** The target groups that tasks may be registered in, by a name of yours for each. */
  readonly targetGroups: Readonly<Record<string, TargetGroupArgs>>;
  /** The task roles and execution roles of those families; `[]` if they have none. */
  readonly taskRoles: pulumi.Input<string>[];
  /** The roles with which ECS manages EBS volumes (`volumeConfigurations`). Default `[]`. */
  readonly infrastructureRoles?: pulumi.Input<string>[];
  /** The event sources, one for each application, that may request starts, stops and reconciles. */
  readonly sources: string[];
  /** The service catalog. Default: none. */
  readonly services?: Readonly<Record<string, Service>>;
  /**
   * Whether a start may only name a service of `services`, with the fields of a single start (`count`,
   * `correlationId`, `idempotencyKey`, deadlines) and those that the service lists as `overridable`. Default false: a start
   * may give every field, within what the lists above allow.
   */
  readonly catalogOnly?: boolean;
  /** Values for fields that neither the event nor the catalog gives. Default: none. */
  readonly defaults?: DefaultsArgs;
  /** Seconds after which a task that is not RUNNING is stopped, 0 (never) to 86400, if a start gives none. Default 300, and 900 if a placement uses a capacity provider other than Fargate's. */
  readonly startTimeoutSeconds?: number;
  /** Starts and stops at given times, by name. Default: none. */
  readonly schedules?: Readonly<Record<string, ScheduleArgs>>;
  /** When tasks and targets of each cluster are compared and repaired, in UTC; `off` for only on request. Default `rate(30 minutes)`. */
  readonly reconcileSchedule?: string;
  /** The bus that applications send to, by name or ARN. Default `default`. ECS's own events always come by `default`. */
  readonly eventBus?: pulumi.Input<string>;
  /** The bus that outcome events go to, by name or ARN. Default: none are sent. */
  readonly outcomeEventBus?: pulumi.Input<string>;
  /** How many calls a second one instance of the function makes: `RunTask=10,RegisterTargets+DeregisterTargets=2:10`. Default: with `buffered` AWS's limits, divided by the batches at a time; else only StopTask and TagResource wait, for the rates of ECS. */
  readonly apiRates?: string;
  /** The function's name, which all other names begin with; at most 40 characters. Default: the component's name. */
  readonly functionName?: string;
  /**
   * The deployment's name, which its tasks have as a tag (`start-engines:deployment`): other deployments in the same
   * clusters leave them alone. A renamed function keeps its tasks if this stays the same. Default: the function's name.
   */
  readonly deployment?: string;
  /**
   * Whether each rule sends to a queue, from which the function gets batches: for more than about one start a second.
   * Default false: each event invokes the function.
   */
  readonly buffered?: boolean | BufferedArgs;
  /** In MB, 128 to 10240. Default 256. */
  readonly memorySize?: number;
  /** In seconds, 30 to 900. Default 30. */
  readonly timeout?: number;
  /** Maximum invocations at a time, 1 or more. Default: the account's unreserved concurrency. */
  readonly reservedConcurrency?: number;
  /** Default `info`. */
  readonly logLevel?: "error" | "warn" | "info" | "debug";
  /** Days; one of CloudWatch's periods. Default 30. */
  readonly logRetentionDays?: number;
  /** Delivery of events by the rules: 0 to 185 more tries, 60 to 86400 seconds. Default 185 and 86400. */
  readonly delivery?: RetryArgs;
  /** Failed invocations: 0 to 2 more tries, 60 to 21600 seconds. Default 2 and 21600. */
  readonly invocation?: RetryArgs;
  /** How long the on-failure queue and the dead-letter queues keep messages, in days, 1 to 14. Default 14. */
  readonly queueRetentionDays?: number;
  /** When alarms are raised. Default: all of them, without a topic. */
  readonly alarms?: AlarmArgs;
  /** Whether there is a dashboard. Default true. */
  readonly dashboard?: boolean;
  /** The permissions boundary of the roles. Default: none. */
  readonly permissionsBoundary?: pulumi.Input<string>;
  /** Tags of all resources that can have tags. Default: none. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** The defaults, in one place. */
export const DEFAULTS = {
  architecture: "x86_64",
  eventBus: "default",
  memorySize: 256,
  timeout: 30,
  logLevel: "info",
  logRetentionDays: 30,
  delivery: { maximumRetryAttempts: 185, maximumEventAgeSeconds: 86_400 },
  invocation: { maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600 },
  queueRetentionDays: 14,
  alarms: { periodSeconds: 300, registrationLagSeconds: 60, durationPercent: 80, unhealthyPeriods: 2, bufferAgeSeconds: 300 },
  timezone: "UTC",
  reconcileSchedule: "rate(30 minutes)",
  scheduledMaxAgeSeconds: 900,
} as const;

/** The source of the events that schedules send. */
export const SCHEDULE_SOURCE = "start-engines.schedules";
/** The source of the events that people send with the command: `src/cli/event.rs`. */
export const OPERATOR_SOURCE = "start-engines.operator";
