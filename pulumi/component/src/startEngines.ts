/** The component `StartEngines`. */

import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS, type StartEnginesArgs } from "./arguments";
import { eventBusArn } from "./arn";
import { bufferOf, KINDS } from "./buffered";
import { checkArguments } from "./check";
import { checkLater } from "./checkLater";
import { commandEnvironment, environment } from "./environment";
import {
  RECONCILE_DETAIL_TYPE,
  requestPattern,
  START_DETAIL_TYPE,
  STOP_DETAIL_TYPE,
  stateChangePattern,
} from "./eventPatterns";
import { keyStatements } from "./keyStatements";
import { known, present } from "./known";
import { limitProblems } from "./limits";
import { Problems, refuse } from "./problems";
import { functionPolicy } from "./policies/functionPolicy";
import { furtherStatements } from "./policies/furtherStatements";
import { receiveEncrypted } from "./policies/keyPolicy";
import { type OperatorPolicyArgs, operatorPolicy } from "./policies/operatorPolicy";
import { putEventsPolicy } from "./policies/putEventsPolicy";
import { type Context, iamName, json, keepsName } from "./resources/context";
import { createFunction, laterOf, policyArgs } from "./resources/function";
import { createAlarms, createDashboard } from "./resources/monitoring";
import { createQueues } from "./resources/queues";
import { createRules } from "./resources/rules";
import { allowLater, createScheduling, createSchedules } from "./resources/scheduling";
import { scheduleWarnings } from "./schedules";
import { home, type SettledArgs } from "./settled";
import { catalogText, settingsText } from "./settings";
import { policyOf, type Request, type SourcePolicies, sourcePolicies } from "./sourcePolicies";
import { heardSources, operatorSource } from "./sources";
import { type PlainArgs, withoutResources } from "./withoutResources";

/** The component's type in URNs. */
export const COMPONENT_TYPE = "start-engines:index:StartEngines";

/**
 * The function with its role and log group, the two rules, the queues, alarms, dashboard and schedules.
 *
 * Wrong arguments are an error that names all of them, before anything is registered. Outputs of other resources are
 * checked as soon as they are known (in a first preview they are not), before any child is registered.
 */
export class StartEngines extends pulumi.ComponentResource {
  /** The bus that applications send to, by name or ARN, as it was given. */
  readonly eventBus: pulumi.Output<string>;
  readonly functionArn: pulumi.Output<string>;
  readonly functionName: pulumi.Output<string>;
  readonly logGroupName: pulumi.Output<string>;
  /** The function's role, for further policies. */
  readonly roleArn: pulumi.Output<string>;
  readonly roleName: pulumi.Output<string>;
  /** The rule on the applications' bus. */
  readonly requestRuleArn: pulumi.Output<string>;
  /** The rule on the default bus, for ECS's events. */
  readonly stateChangeRuleArn: pulumi.Output<string>;
  readonly onFailureQueueArn: pulumi.Output<string>;
  readonly ruleDeadLetterQueueArn: pulumi.Output<string>;
  /** The names of all alarms. */
  readonly alarmNames: pulumi.Output<string[]>;
  /** The group of all schedules, those of the function itself too. */
  readonly scheduleGroupName: pulumi.Output<string>;
  /** The policy for applications that may start engines: attach it to their roles. */
  readonly putEventsPolicyArn: pulumi.Output<string>;
  /** The policy for applications that may stop engines: any task of the deployment, in any of the clusters. */
  readonly putStopEventsPolicyArn: pulumi.Output<string>;
  /** The policy for applications that may request reconciles, in any of the clusters. */
  readonly putReconcileEventsPolicyArn: pulumi.Output<string>;
  /** For each of `sources`, policy documents for applications that may send as this source alone; `sourcePolicy` picks one. */
  readonly sourcePolicies: pulumi.Output<Record<string, SourcePolicies>>;
  /** The policy for people who use the command: attach it to their role. */
  readonly operatorPolicyArn: pulumi.Output<string>;
  /** The command's environment variables for this deployment; `exportLines` writes them for a shell. */
  readonly commandEnvironment: pulumi.Output<Record<string, string>>;
  /** The function's service catalog, for the command's `--services`. */
  readonly catalog: pulumi.Output<string>;
  /** The function's settings file, its allow-lists, for the command's `--settings`. */
  readonly settings: pulumi.Output<string>;
  /**
   * What the own policy of `kmsKeyArn` must have for EventBridge and CloudWatch Logs: a policy document as JSON text, one of
   * `sourcePolicyDocuments` of `aws.iam.getPolicyDocument`. The function of this name makes it before there is a component.
   */
  readonly kmsKeyPolicyStatements: pulumi.Output<string>;
  /** The on-failure queue: events that the function failed to handle. */
  readonly onFailureQueueUrl: pulumi.Output<string>;
  /** The rule dead-letter queue: events that EventBridge or Scheduler could not deliver. */
  readonly ruleDeadLetterQueueUrl: pulumi.Output<string>;
  /** In buffered mode, the request queue: starts, stops and reconciles. */
  readonly requestQueueUrl?: pulumi.Output<string>;
  /** In buffered mode, requests that the function failed to handle at every delivery. */
  readonly requestDeadLetterQueueUrl?: pulumi.Output<string>;
  /** In buffered mode, the state-change queue. */
  readonly stateChangeQueueUrl?: pulumi.Output<string>;
  /** In buffered mode, state changes that the function failed to handle at every delivery. */
  readonly stateChangeDeadLetterQueueUrl?: pulumi.Output<string>;

  constructor(name: string, given: StartEnginesArgs, options?: pulumi.ComponentResourceOptions) {
    const problems = new Problems();
    const args = withoutResources(given, problems);
    const before = known(args);
    checkArguments(name, before, problems);
    super(COMPONENT_TYPE, name, {}, options);
    const settled: pulumi.Output<SettledArgs> = pulumi.output(args).apply((all) => sound(name, before, all));
    warn(args, this);
    const checked = pulumi.all([settled, ...checkLater(name, args, this)]);
    const context: Context = {
      name,
      functionName: args.functionName ?? name,
      urn: apart(this.urn),
      args,
      settled,
      options: { parent: this, dependsOn: checked.apply(() => []) },
    };
    const queues = createQueues(context);
    const scheduling = createScheduling(context);
    const created = createFunction(context, queues, scheduling);
    const later = allowLater(context, scheduling, created, queues);
    const rules = createRules(context, created, queues, later);
    createSchedules(context, scheduling, queues);
    const alarms = createAlarms(context);
    createDashboard(context);
    const send = (suffix: string, what: string, detailType: string) =>
      new iam.Policy(
        `${name}-${suffix}`,
        {
          name: iamName(context, suffix),
          description: `May send ${what} events to ${context.functionName}`,
          policy: json(
            settled.apply((all) => {
              const bus = eventBusArn(all.eventBus ?? DEFAULTS.eventBus, home(all.clusters));
              return putEventsPolicy(bus, all.sources, [detailType]);
            }),
          ),
          tags: args.tags,
        },
        keepsName(context),
      );
    const starts = send("send", "start", START_DETAIL_TYPE);
    const stops = send("send-stops", "stop", STOP_DETAIL_TYPE);
    const reconciles = send("send-reconciles", "reconcile", RECONCILE_DETAIL_TYPE);
    const failed = [
      queues.onFailure,
      queues.ruleDeadLetters,
      ...KINDS.flatMap((kind) => queues.buffers?.[kind].deadLetters ?? []),
    ];
    const operators = new iam.Policy(
      `${name}-operators`,
      {
        name: iamName(context, "operators"),
        description: `May look after the tasks of ${context.functionName} with the command start-engines`,
        policy: json(
          pulumi
            .all([settled, created.function.arn, pulumi.all(failed.map((queue) => queue.arn))])
            .apply(([all, functionArn, queueArns]) => operatorPolicy({ ...operatorArgs(all, context.functionName), functionArn, queueArns })),
        ),
        tags: args.tags,
      },
      keepsName(context),
    );
    this.operatorPolicyArn = operators.arn;
    const deployed = pulumi.output({
      functionArn: created.function.arn,
      ruleDeadLetterQueueUrl: queues.ruleDeadLetters.url,
      onFailureQueueUrl: queues.onFailure.url,
      requestDeadLetterQueueUrl: queues.buffers?.requests.deadLetters.url,
      stateChangeDeadLetterQueueUrl: queues.buffers?.stateChanges.deadLetters.url,
    });
    this.commandEnvironment = pulumi
      .all([settled, laterOf(queues, scheduling), deployed])
      .apply(([all, later, known]) => commandEnvironment(all, later, context.functionName, known));
    this.catalog = settled.apply((all) => catalogText(all.services ?? {}));
    this.settings = settled.apply((all) => settingsText(all, context.functionName));
    this.sourcePolicies = settled.apply(sourcePolicies);
    this.kmsKeyPolicyStatements = settled.apply((all) => keyStatements(context.functionName, all));
    this.eventBus = settled.apply((all) => all.eventBus ?? DEFAULTS.eventBus);
    this.functionArn = created.function.arn;
    this.functionName = created.function.name;
    this.logGroupName = created.logGroup.name;
    this.roleArn = created.role.arn;
    this.roleName = created.role.name;
    this.requestRuleArn = rules.requests.arn;
    this.stateChangeRuleArn = rules.stateChange.arn;
    this.onFailureQueueArn = queues.onFailure.arn;
    this.ruleDeadLetterQueueArn = queues.ruleDeadLetters.arn;
    this.alarmNames = pulumi.all(alarms.map((alarm) => alarm.name));
    this.scheduleGroupName = scheduling.group.name;
    this.putEventsPolicyArn = starts.arn;
    this.putStopEventsPolicyArn = stops.arn;
    this.putReconcileEventsPolicyArn = reconciles.arn;
    this.onFailureQueueUrl = queues.onFailure.url;
    this.ruleDeadLetterQueueUrl = queues.ruleDeadLetters.url;
    if (queues.buffers !== undefined) {
      const { requests, stateChanges } = queues.buffers;
      this.requestQueueUrl = requests.queue.url;
      this.requestDeadLetterQueueUrl = requests.deadLetters.url;
      this.stateChangeQueueUrl = stateChanges.queue.url;
      this.stateChangeDeadLetterQueueUrl = stateChanges.deadLetters.url;
    }
    this.registerOutputs({
      eventBus: this.eventBus,
      functionArn: this.functionArn,
      functionName: this.functionName,
      logGroupName: this.logGroupName,
      roleArn: this.roleArn,
      roleName: this.roleName,
      requestRuleArn: this.requestRuleArn,
      stateChangeRuleArn: this.stateChangeRuleArn,
      onFailureQueueArn: this.onFailureQueueArn,
      ruleDeadLetterQueueArn: this.ruleDeadLetterQueueArn,
      alarmNames: this.alarmNames,
      scheduleGroupName: this.scheduleGroupName,
      putEventsPolicyArn: this.putEventsPolicyArn,
      putStopEventsPolicyArn: this.putStopEventsPolicyArn,
      putReconcileEventsPolicyArn: this.putReconcileEventsPolicyArn,
      sourcePolicies: this.sourcePolicies,
      operatorPolicyArn: this.operatorPolicyArn,
      commandEnvironment: this.commandEnvironment,
      catalog: this.catalog,
      settings: this.settings,
      kmsKeyPolicyStatements: this.kmsKeyPolicyStatements,
      onFailureQueueUrl: this.onFailureQueueUrl,
      ruleDeadLetterQueueUrl: this.ruleDeadLetterQueueUrl,
      requestQueueUrl: this.requestQueueUrl,
      requestDeadLetterQueueUrl: this.requestDeadLetterQueueUrl,
      stateChangeQueueUrl: this.stateChangeQueueUrl,
      stateChangeDeadLetterQueueUrl: this.stateChangeDeadLetterQueueUrl,
    });
  }

  /** The policy document, as JSON text, for an application that may send this request as this source; one of `sources`, else an error. */
  sourcePolicy(source: string, request: Request): pulumi.Output<string> {
    return this.sourcePolicies.apply((all) => policyOf(all, source, request));
  }
}

/** The value without what it depends on: what comes after a component comes after all of its children, and is none of them. */
function apart<T>(value: pulumi.Output<T>): pulumi.Output<T> {
  return pulumi.output(new Promise<T>((resolve) => void value.apply(resolve))) as pulumi.Output<T>;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
const STOPPED =
  "args.reservedConcurrency = 0: stops the function: events go to the on-failure queue at once, with buffered to the dead-letter " +
  "queues; to go on, leave the argument out, and send them again with start-engines redrive";

/** Tells what is valid, and hardly meant. */
function warn(args: PlainArgs, component: StartEngines): void {
  const stopped = args.reservedConcurrency === 0 ? [STOPPED] : [];
  for (const warning of [...scheduleWarnings(args, new Date()), ...stopped]) void pulumi.log.warn(warning, component);
}

/** As long as any ARN that is not known before its resource is created. */
const PLACEHOLDER_ARN = `arn:aws:service:region-name-1:111122223333:${"x".repeat(64)}`;
const PLACEHOLDER = {
  logGroupArn: PLACEHOLDER_ARN,
  onFailureQueueArn: PLACEHOLDER_ARN,
  scheduleGroup: "x".repeat(40),
  laterRoleArn: PLACEHOLDER_ARN,
};

/** The inputs of the operators' policy that come from the arguments. */
function operatorArgs(args: SettledArgs, functionName: string): Omit<OperatorPolicyArgs, "functionArn" | "queueArns"> {
  const { scope, clusterArns, targetGroupArns } = policyArgs(args);
  const busArn = eventBusArn(args.eventBus ?? DEFAULTS.eventBus, scope);
  const further = receiveEncrypted(args.kmsKeyArn, scope);
  return { scope, clusterArns, targetGroupArns, busArn, source: operatorSource(functionName), further };
}

/** Checks the arguments when all are known, and AWS's limits on what is generated from them. */
function sound(name: string, before: unknown, args: SettledArgs): SettledArgs {
  const problems = new Problems();
  const given = present(before, args, "args", (place) => {
    problems.absent(place);
  });
  checkArguments(name, given, problems);
  const bufferQueueArns = bufferOf(args) === undefined ? [] : KINDS.map(() => PLACEHOLDER_ARN);
  // As many dead-letter queues, and the two that are always there.
  const queueArns = [PLACEHOLDER_ARN, PLACEHOLDER_ARN, ...bufferQueueArns];
  const functionName = args.functionName ?? name;
  const found = limitProblems({
    environment: environment(
      args,
      { roleArn: PLACEHOLDER_ARN, scheduleGroup: name, deadLetterQueueArn: PLACEHOLDER_ARN },
      functionName,
    ),
    patterns: [requestPattern(heardSources(args, functionName)), stateChangePattern(args.clusters)],
    policies: [
      functionPolicy({ ...policyArgs(args), ...PLACEHOLDER, bufferQueueArns, further: furtherStatements(args, functionName) }),
    ],
    managedPolicies: [operatorPolicy({ ...operatorArgs(args, functionName), functionArn: PLACEHOLDER_ARN, queueArns })],
  });
  refuse(name, found);
  return args;
}
