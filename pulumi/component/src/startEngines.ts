/** The component `StartEngines`. */

import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS, type StartEnginesArgs } from "./arguments";
import { eventBusArn } from "./arn";
import { KINDS } from "./buffered";
import { checkArguments } from "./check";
import { checkEach } from "./checkEach";
import { checkLimits } from "./checkLimits";
import { commandEnvironment, environmentArgs } from "./environment";
import { RECONCILE_DETAIL_TYPE, START_DETAIL_TYPE, STOP_DETAIL_TYPE } from "./eventPatterns";
import { keyStatements } from "./keyStatements";
import { known } from "./known";
import { operatorArgs, operatorNames } from "./policies/names";
import { operatorPolicy } from "./policies/operatorPolicy";
import { policyCounts } from "./policies/plan";
import { putEventsPolicy } from "./policies/putEventsPolicy";
import { Problems, refuse } from "./problems";
import { type Context, iamName, json, keepsName } from "./resources/context";
import { createFunction, laterOf } from "./resources/function";
import { createAlarms, createDashboard } from "./resources/monitoring";
import { createDoctorPolicy, createOperatorPolicies } from "./resources/operators";
import { createQueues } from "./resources/queues";
import { createRules } from "./resources/rules";
import { allowLater, createScheduling, createSchedules } from "./resources/scheduling";
import { scheduleWarnings } from "./schedules";
import { homeOf } from "./settled";
import { catalogText, listedArgs, settingsText } from "./settings";
import { policyOf, type Request, type SourcePolicies, sourcePolicies } from "./sourcePolicies";
import { type PlainArgs, withoutResources } from "./withoutResources";

/** The component's type in URNs. */
export const COMPONENT_TYPE = "start-engines:index:StartEngines";

/**
 * The function with its role and log group, the two rules, the queues, alarms, dashboard and schedules.
 *
 * Wrong arguments are an error that names all of them, before anything is registered. Outputs of other resources are
 * checked as soon as they are known (in a first preview they are not), before the first child that is made of them.
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
  /** The policies for people who use the command: attach all of them to their role. */
  readonly operatorPolicyArns: pulumi.Output<string[]>;
  /** The only one of them; not set where there are several, since one of several is not enough. */
  readonly operatorPolicyArn?: pulumi.Output<string>;
  /** The policy for people who use `doctor`: it only reads. Attach it to their role, beside those of operators. */
  readonly doctorPolicyArn: pulumi.Output<string>;
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
    const plain = withoutResources(given, problems);
    const before = known(plain);
    checkArguments(name, before, problems);
    const functionName = plain.functionName ?? name;
    const policies = policyCounts(plain, given, functionName);
    checkLimits(before, functionName, policies, problems);
    refuse(name, problems.list);
    super(COMPONENT_TYPE, name, {}, options);
    const { args, region, place, whole } = checkEach(name, plain, before, this);
    warn(args, this);
    const home = homeOf(args);
    const context: Context = {
      name,
      functionName,
      urn: apart(this.urn),
      // The clusters' is the same, but a first preview may not know it.
      region: region.apply((known) => (known === undefined ? home.apply((scope) => scope.region) : pulumi.output(known))),
      args,
      policies,
      home,
      whole,
      options: { parent: this, dependsOn: place.apply(() => []) },
    };
    const queues = createQueues(context);
    const scheduling = createScheduling(context);
    const created = createFunction(context, queues, scheduling);
    const later = allowLater(context, scheduling, created, queues);
    const rules = createRules(context, created, queues, later);
    createSchedules(context, scheduling, queues, rules);
    const alarms = createAlarms(context);
    createDashboard(context);
    const send = (suffix: string, what: string, detailType: string) =>
      new iam.Policy(
        `${name}-${suffix}`,
        {
          name: iamName(context, suffix),
          description: `May send ${what} events to ${functionName}`,
          policy: json(
            pulumi
              .all([args.eventBus ?? DEFAULTS.eventBus, args.sources, home])
              .apply(([bus, sources, scope]) => putEventsPolicy(eventBusArn(bus, scope), sources, [detailType])),
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
    const operatorDocument = pulumi
      .all([
        operatorNames(args),
        created.function.arn,
        pulumi.all(failed.map((queue) => queue.arn)),
        created.logGroup.arn,
        scheduling.group.name,
      ])
      .apply(([names, functionArn, queueArns, logGroupArn, scheduleGroup]) =>
        operatorPolicy({ ...operatorArgs(names, functionName), functionArn, queueArns, logGroupArn, scheduleGroup }),
      );
    const [operators, ...more] = createOperatorPolicies(context, operatorDocument);
    this.operatorPolicyArns = pulumi.all([operators, ...more].flatMap((policy) => policy?.arn ?? []));
    if (operators !== undefined && more.length === 0) this.operatorPolicyArn = operators.arn;
    const doctor = createDoctorPolicy(context, created, queues, scheduling, rules);
    this.doctorPolicyArn = doctor.arn;
    const deployed = pulumi.output({
      functionArn: created.function.arn,
      ruleDeadLetterQueueUrl: queues.ruleDeadLetters.url,
      onFailureQueueUrl: queues.onFailure.url,
      logGroup: created.logGroup.name,
      requestDeadLetterQueueUrl: queues.buffers?.requests.deadLetters.url,
      stateChangeDeadLetterQueueUrl: queues.buffers?.stateChanges.deadLetters.url,
      requestRuleArn: rules.requests.arn,
      stateChangeRuleArn: rules.stateChange.arn,
      requestQueueUrl: queues.buffers?.requests.queue.url,
      stateChangeQueueUrl: queues.buffers?.stateChanges.queue.url,
      alarmNames: alarms.map((alarm) => alarm.name),
    });
    this.commandEnvironment = pulumi
      .all([environmentArgs(args), args.eventBus, laterOf(queues, scheduling), deployed])
      .apply(([all, eventBus, later, known]) => commandEnvironment({ ...all, eventBus }, later, functionName, known));
    this.catalog = pulumi.output(args.services).apply((services) => catalogText(services ?? {}));
    this.settings = listedArgs(args).apply((lists) => settingsText(lists, functionName));
    this.sourcePolicies = pulumi
      .all([home, args.eventBus, args.sources])
      .apply(([scope, eventBus, sources]) => sourcePolicies({ scope, eventBus, sources }));
    this.kmsKeyPolicyStatements = home.apply((scope) => keyStatements(functionName, scope, args.logGroup));
    this.eventBus = pulumi.output(args.eventBus).apply((bus) => bus ?? DEFAULTS.eventBus);
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
      operatorPolicyArns: this.operatorPolicyArns,
      operatorPolicyArn: this.operatorPolicyArn,
      doctorPolicyArn: this.doctorPolicyArn,
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
