/** The arguments of the `StartEngines` component, with their defaults. */

import type * as pulumi from "@pulumi/pulumi";

import type { Service } from "./catalog/service";
import type { Architecture, LogLevel, Tracing } from "./enumerations";
import type { Arn, Family, Id, List, Name } from "./inputs";

/** A target group that the function may register tasks in. */
export interface TargetGroupArgs {
  readonly arn: Arn;
  /** Its load balancer; with it there is an alarm on unhealthy targets. Default: no such alarm. */
  readonly loadBalancerArn?: Arn | undefined;
}

/** Values for fields that neither the event nor the catalog gives. Default of each: none. */
export interface DefaultsArgs {
  readonly cluster?: Arn | undefined;
  readonly taskDefinition?: Arn | undefined;
  readonly targetGroupArn?: Arn | undefined;
  readonly containerPort?: pulumi.Input<number> | undefined;
  readonly subnets?: List<Id> | undefined;
  readonly securityGroups?: List<Id> | undefined;
}

/** Starts and stops a service at given times, by EventBridge Scheduler; needs `start`, `stop` or both. */
export interface ScheduleArgs {
  /** An entry of `services`, which must be complete: a schedule adds nothing to it. */
  readonly service: string;
  /** When it starts: `cron(0 7 ? * MON-FRI *)`, `rate(1 hour)` or `at(2027-01-31T07:00:00)`. Default: never. */
  readonly start?: pulumi.Input<string> | undefined;
  /** When all tasks of the service are stopped, once their connections had time to end. Default: never. */
  readonly stop?: pulumi.Input<string> | undefined;
  /** An IANA name such as `Europe/Berlin`. Default `UTC`. */
  readonly timezone?: pulumi.Input<string> | undefined;
  /** How many tasks are started, 1 to 10. Default: as the service says, else 1. */
  readonly count?: pulumi.Input<number> | undefined;
  /**
   * Seconds after the scheduled time after which a start that is still on its way starts nothing: 0 (never) to 86400.
   * Default: as the service says, else 900.
   */
  readonly maxAgeSeconds?: pulumi.Input<number> | undefined;
}

/** Retries of a delivery or an invocation. */
export interface RetryArgs {
  readonly maximumRetryAttempts?: pulumi.Input<number> | undefined;
  readonly maximumEventAgeSeconds?: pulumi.Input<number> | undefined;
}

/** Settings of the request queue or the state-change queue; `buffered.ts` has the reasons for the defaults. */
export interface BufferQueueArgs {
  /** Maximum messages of one invocation, 1 to 10000. Default 10 for requests, 1000 for state changes. */
  readonly batchSize?: number | undefined;
  /** How long Lambda gathers a batch, 0 to 300; 1 at least where `batchSize` is over 10. Default 0 for requests, 3 for state changes. */
  readonly maximumBatchingWindowSeconds?: number | undefined;
  /** Maximum batches at a time, 2 to 1000. Default 2. */
  readonly maximumConcurrency?: number | undefined;
  /** How often a message is received before it goes to the dead-letter queue, 5 to 1000. Default 5. */
  readonly maxReceiveCount?: number | undefined;
  /** Seconds until a failed message is delivered again: at least six times `timeout` plus the window, at most 43200. Default: the minimum. */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** How long the queue keeps messages, in days, 1 to `queueRetentionDays`. Default 4, or `queueRetentionDays` if fewer. */
  readonly retentionDays?: number | undefined;
}

/** The two queues of buffered mode, between the rules and the function. */
export interface BufferedArgs {
  /** The request queue: starts, stops and reconciles. */
  readonly requests?: BufferQueueArgs | undefined;
  /** The state-change queue: ECS's task state changes. */
  readonly stateChanges?: BufferQueueArgs | undefined;
  /**
   * The rules invoke the function, and the queues are only emptied: for one update before `buffered` is removed, so that
   * no message is deleted with its queue. Default false.
   */
  readonly drain?: boolean | undefined;
}

/** One alarm. */
export interface OneAlarmArgs {
  /** It is raised above this number, 0 to 1000000; not for alarms whose limit is an argument of `alarms`. Default: the alarm's own. */
  readonly threshold?: number | undefined;
  /** As that of all alarms. Default: that. */
  readonly topicArn?: Arn | undefined;
}

/** What is not deleted with the deployment, when it is renamed, or when `buffered` is removed. */
export interface KeepArgs {
  /** All queues, with their messages and policies. Default false. */
  readonly queues?: boolean | undefined;
  /** The component's own log group. Default false. */
  readonly logs?: boolean | undefined;
}

/** When alarms are raised. */
export interface AlarmArgs {
  /** Whether there are alarms at all. Default true. */
  readonly enabled?: boolean | undefined;
  /**
   * The standard SNS topic that alarms and their ends are published to, also one of another account in the region, if its policy
   * allows CloudWatch to. Default: none, alarms only show in CloudWatch.
   */
  readonly topicArn?: Arn | undefined;
  /** The length of one period, a multiple of 60 up to 3600. Default 300. */
  readonly periodSeconds?: number | undefined;
  /** Alarm if p99 from ECS's RUNNING to the registered target is longer, 1 to 3600. Default 60. */
  readonly registrationLagSeconds?: number | undefined;
  /** Alarm if an invocation takes more of the timeout than this, 1 to 100. Default 80. */
  readonly durationPercent?: number | undefined;
  /** Alarm if a target group has unhealthy targets for this number of periods, 1 to 24. Default 2. */
  readonly unhealthyPeriods?: number | undefined;
  /** Alarm if a message is in a queue of buffered mode for longer, 1 to 86400. Default 300. */
  readonly bufferAgeSeconds?: number | undefined;
  /**
   * Single alarms, by what their names have after the function's (`starts-failed`, `unhealthy-<target group>`): `false` for none,
   * or what is different of it. Default: all are alike.
   */
  readonly each?: Readonly<Record<string, false | OneAlarmArgs>> | undefined;
}

/**
 * Beginnings of names with a trailing `*`, which IAM documents have in place of all names: for more names than policies have
 * room for. Each list that is left out stays as it is, in full.
 */
export interface IamPrefixesArgs {
  /** Of task definition families: `engine-*`. Every one of `taskFamilies` must begin with one of them. */
  readonly families?: readonly string[] | undefined;
  /** Of the names of target groups. Every one of `targetGroups` must begin with one of them. */
  readonly targetGroups?: readonly string[] | undefined;
  /** Of roles, after `role/`: with their path. Every one of `taskRoles` and `infrastructureRoles` must begin with one of them. */
  readonly roles?: readonly string[] | undefined;
}

/** A packed function in a bucket of the function's region. */
export interface S3CodeArgs {
  readonly s3Bucket: pulumi.Input<string>;
  readonly s3Key: pulumi.Input<string>;
  /** Default: the newest version at the time of each update that changes the function's code. */
  readonly s3ObjectVersion?: pulumi.Input<string> | undefined;
}

/** The packed function: the path of a zip, relative to the program's folder; an archive; or an object in S3. */
export type CodeArgs = string | pulumi.asset.Archive | S3CodeArgs;

/** The function's network; without internet access it needs the endpoints of the services that it calls. */
export interface VpcConfigArgs {
  /** 1 to 16. */
  readonly subnetIds: List<Id>;
  /** 1 to 5. */
  readonly securityGroupIds: List<Id>;
  /** Whether it may use IPv6 in dual-stack subnets. Default false. */
  readonly ipv6AllowedForDualStack?: pulumi.Input<boolean> | undefined;
}

/** The arguments of `StartEngines`. Lists without default must not be empty. */
export interface StartEnginesArgs {
  /**
   * The packed function: the path of a zip, an archive, or an object in S3. Only of a path, what it holds and for which
   * architecture is checked. Default: the package's own, for `architecture`.
   */
  readonly code?: CodeArgs | undefined;
  /** What the function runs on. Default `x86_64`. */
  readonly architecture?: pulumi.Input<Architecture> | undefined;
  /** The ARNs of the clusters where tasks may be started; all ARNs must be of their account and region. */
  readonly clusters: List<Arn>;
  /** The task definition families that may be started, by name or as task definitions, whose roles come with them. */
  readonly taskFamilies: List<Family>;
  /** The target groups that tasks may be registered in, by a name of yours for each; a target group alone has no alarm. */
  readonly targetGroups: Readonly<Record<string, TargetGroupArgs | Extract<Arn, pulumi.Resource>>>;
  /** The task roles and execution roles of those families; `[]` if they have none. Those of task definitions come with them. */
  readonly taskRoles?: List<Arn> | undefined;
  /** The roles with which ECS manages EBS volumes (`volumeConfigurations`). Default `[]`. */
  readonly infrastructureRoles?: List<Arn> | undefined;
  /**
   * Beginnings of names for IAM alone, where there are more names than policies have room for: the function's lists and the
   * event patterns name everything in full. Default: IAM names everything in full too.
   */
  readonly iamPrefixes?: IamPrefixesArgs | undefined;
  /**
   * The event sources, one for each application, that may request starts, stops and reconciles. Every deployment on the bus
   * that names a source receives what is sent from it: applications of several deployments need a source or a bus for each.
   */
  readonly sources: List;
  /** The service catalog. Default: none. */
  readonly services?: Readonly<Record<string, Service>> | undefined;
  /**
   * Whether a start may only name a service of `services`, with the fields of a single start (`count`,
   * `correlationId`, `idempotencyKey`, deadlines) and those that the service lists as `overridable`. Default false: a start
   * may give every field, within what the lists above allow.
   */
  readonly catalogOnly?: pulumi.Input<boolean> | undefined;
  /** Values for fields that neither the event nor the catalog gives. Default: none. */
  readonly defaults?: DefaultsArgs | undefined;
  /** Seconds after which a task that is not RUNNING is stopped, 0 (never) to 86400, if a start gives none. Default 300, and 900 if a placement uses a capacity provider other than Fargate's. */
  readonly startTimeoutSeconds?: pulumi.Input<number> | undefined;
  /** Seconds after their registration after which targets are checked, once, 0 (never) to 3600, if a start gives none. Default: what the target group's health checks take and a minute, at least 300. */
  readonly healthTimeoutSeconds?: pulumi.Input<number> | undefined;
  /** Starts and stops at given times, by name. Default: none. */
  readonly schedules?: Readonly<Record<string, ScheduleArgs>> | undefined;
  /** When tasks and targets of all clusters are compared and repaired, one cluster after the other, in UTC; `off` for only on request. Default `rate(30 minutes)`. */
  readonly reconcileSchedule?: string | undefined;
  /**
   * The bus that applications send to, by name or ARN, of the function's account: its rule is made there. Default `default`.
   * ECS's own events always come by `default`.
   */
  readonly eventBus?: Name | undefined;
  /**
   * The bus that outcome events go to, by name or ARN; also one of another account in the region, if its policy allows the
   * function's role to. Default: none are sent.
   */
  readonly outcomeEventBus?: Name | undefined;
  /** How many calls a second one instance of the function makes: `RunTask=10,RegisterTargets+DeregisterTargets=2:10`. Default: with `buffered` AWS's limits, divided by the batches at a time; else only StopTask and TagResource wait, for the rates of ECS. */
  readonly apiRates?: pulumi.Input<string> | undefined;
  /** The function's name, which all other names begin with; at most 40 characters. Default: the component's name. */
  readonly functionName?: string | undefined;
  /**
   * The deployment's name, which its tasks have as a tag (`start-engines:deployment`): other deployments in the same
   * clusters leave them alone. A renamed function keeps its tasks if this stays the same. Default: the function's name.
   */
  readonly deployment?: pulumi.Input<string> | undefined;
  /**
   * Whether each rule sends to a queue, from which the function gets batches: for more than about one start a second.
   * Default false: each event invokes the function.
   */
  readonly buffered?: boolean | BufferedArgs | undefined;
  /**
   * Further variables of the function, such as `AWS_CA_BUNDLE` and `AWS_USE_FIPS_ENDPOINT`; not those that the component or
   * Lambda sets. With the component's own they have 4,096 bytes. Whoever may see the function may read them. Default: none.
   */
  readonly environment?: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>> | undefined;
  /** The subnets and security groups that the function works in. Default: none, Lambda's own network. */
  readonly vpcConfig?: VpcConfigArgs | undefined;
  /**
   * `Active`: Lambda samples invocations, and sends their traces to X-Ray. `PassThrough`: what others sample is not interrupted.
   * Default `PassThrough`, which is Lambda's own.
   */
  readonly tracing?: pulumi.Input<Tracing> | undefined;
  /** In MB, 128 to 10240. Default 256. */
  readonly memorySize?: pulumi.Input<number> | undefined;
  /** In seconds, 30 to 900. Default 30. */
  readonly timeout?: number | undefined;
  /** Maximum invocations at a time; 0 stops the function, and events fail at once. Default: the account's unreserved concurrency. */
  readonly reservedConcurrency?: pulumi.Input<number> | undefined;
  /** Default `info`. */
  readonly logLevel?: pulumi.Input<LogLevel> | undefined;
  /**
   * The log group that the function writes to, by name or as a resource, of class Standard; the component then makes none, and
   * neither retention nor key is its own. Default: one is made, `/aws/lambda/<functionName>`.
   */
  readonly logGroup?: Name | undefined;
  /** Days; one of CloudWatch's periods. Default 30. */
  readonly logRetentionDays?: pulumi.Input<number> | undefined;
  /** Delivery of events by the rules: 0 to 185 more tries, 60 to 86400 seconds. Default 185 and 86400. */
  readonly delivery?: RetryArgs | undefined;
  /** Failed invocations: 0 to 2 more tries, 60 to 21600 seconds. Default 2 and 21600. */
  readonly invocation?: RetryArgs | undefined;
  /** How long the on-failure queue and the dead-letter queues keep messages, in days, 1 to 14. Default 14. */
  readonly queueRetentionDays?: number | undefined;
  /**
   * What holds data, and is left in the account when Pulumi would delete it: `true` for all of it. An update must have set it before.
   * Default false.
   */
  readonly keep?: boolean | KeepArgs | undefined;
  /** When alarms are raised. Default: all of them, without a topic. */
  readonly alarms?: AlarmArgs | undefined;
  /** Whether there is a dashboard. Default true. */
  readonly dashboard?: boolean | undefined;
  /** The permissions boundary of the roles. Default: none. */
  readonly permissionsBoundary?: Arn | undefined;
  /** The path of the roles, such as `/teams/engines/`. A role that exists keeps its own. Default `/`. */
  readonly rolePath?: pulumi.Input<string> | undefined;
  /**
   * What the names of the roles begin with, before the function's name; both and the end have 64 characters. A role that exists
   * keeps its name. Default: nothing.
   */
  readonly roleNamePrefix?: string | undefined;
  /**
   * The KMS key of the queues, of the component's log group and of the function's environment, by ARN, of the same region. Its own
   * policy needs what `kmsKeyPolicyStatements` says, or events are lost. Default: keys of AWS's own.
   */
  readonly kmsKeyArn?: Arn | undefined;
  /** The function's code signing configuration; with it a layer must be signed too (`settingsLayerArn`). Default: none. */
  readonly codeSigningConfigArn?: Arn | undefined;
  /**
   * The version of a layer with `settings.json`, which is the output `settings`, and where there are services `services.json`, the
   * output `catalog`. It must be made anew when they change. Default: the component makes one.
   */
  readonly settingsLayerArn?: Arn | undefined;
  /** Tags of all resources that can have tags. Default: none. */
  readonly tags?: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>> | undefined;
}

/** The defaults, in one place. */
export const DEFAULTS = {
  architecture: "x86_64",
  eventBus: "default",
  memorySize: 256,
  timeout: 30,
  tracing: "PassThrough",
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
