/** The component: everything that a team deploys of start-engines. */

import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS, type StartEnginesArgs } from "./arguments";
import { eventBusArn } from "./arn";
import { checkArguments } from "./check";
import { allowedSources, environment } from "./environment";
import { startPattern, stateChangePattern } from "./eventPatterns";
import { known } from "./known";
import { limitProblems } from "./limits";
import { functionPolicy } from "./policies/functionPolicy";
import { putEventsPolicy } from "./policies/putEventsPolicy";
import { type Context, json } from "./resources/context";
import { createFunction, policyArgs } from "./resources/function";
import { createAlarms, createDashboard } from "./resources/monitoring";
import { createQueues } from "./resources/queues";
import { createRules } from "./resources/rules";
import { createSchedules } from "./resources/scheduling";
import { home, type SettledArgs } from "./settled";

export type * from "./arguments";
export type * from "./catalog/service";

/** The component's type in URNs. */
export const COMPONENT_TYPE = "start-engines:index:StartEngines";

/**
 * The function with its role and log group, the two rules, the queues of what failed, alarms, dashboard and schedules.
 *
 * Wrong arguments are an error that names all of them, before anything is registered. Arguments that other resources
 * tell are checked as soon as they are known, which in a first preview is not yet, before any child is registered.
 */
export class StartEngines extends pulumi.ComponentResource {
  /** The bus that applications send to, by name or ARN, as it was given. */
  readonly eventBus: pulumi.Output<string>;
  readonly functionArn: pulumi.Output<string>;
  readonly functionName: pulumi.Output<string>;
  readonly logGroupName: pulumi.Output<string>;
  /** The policy for applications: attach it to the role of each that may start engines. */
  readonly putEventsPolicyArn: pulumi.Output<string>;
  /** Events that the function failed to handle. */
  readonly failureQueueUrl: pulumi.Output<string>;
  /** Events that could not be delivered to the function. */
  readonly undeliveredQueueUrl: pulumi.Output<string>;

  constructor(name: string, args: StartEnginesArgs, options?: pulumi.ComponentResourceOptions) {
    checkArguments(name, known(args));
    super(COMPONENT_TYPE, name, {}, options);
    const settled: pulumi.Output<SettledArgs> = pulumi.output(args).apply((all) => sound(name, all));
    const context: Context = {
      name,
      functionName: args.functionName ?? name,
      args,
      settled,
      options: { parent: this, dependsOn: settled.apply(() => []) },
    };
    const queues = createQueues(context);
    const created = createFunction(context, queues);
    createRules(context, created, queues);
    createSchedules(context, queues);
    createAlarms(context);
    createDashboard(context);
    const applications = new iam.Policy(
      `${name}-send`,
      {
        description: `May send start events to ${context.functionName}`,
        policy: json(
          settled.apply((all) =>
            putEventsPolicy(eventBusArn(all.eventBus ?? DEFAULTS.eventBus, home(all.clusters)), all.sources),
          ),
        ),
        tags: args.tags,
      },
      context.options,
    );
    this.eventBus = settled.apply((all) => all.eventBus ?? DEFAULTS.eventBus);
    this.functionArn = created.function.arn;
    this.functionName = created.function.name;
    this.logGroupName = created.logGroup.name;
    this.putEventsPolicyArn = applications.arn;
    this.failureQueueUrl = queues.failures.url;
    this.undeliveredQueueUrl = queues.undelivered.url;
    this.registerOutputs({
      eventBus: this.eventBus,
      functionArn: this.functionArn,
      functionName: this.functionName,
      logGroupName: this.logGroupName,
      putEventsPolicyArn: this.putEventsPolicyArn,
      failureQueueUrl: this.failureQueueUrl,
      undeliveredQueueUrl: this.undeliveredQueueUrl,
    });
  }
}

/** The arguments, if they are sound now that all are known, and what is made of them fits AWS's limits. */
function sound(name: string, args: SettledArgs): SettledArgs {
  checkArguments(name, args);
  const found = limitProblems({
    environment: environment(args),
    patterns: [startPattern(allowedSources(args)), stateChangePattern(args.clusters)],
    policies: [functionPolicy(policyArgs(args, "", ""))],
  });
  if (found.length > 0) {
    throw new pulumi.RunError(`StartEngines "${name}": ${found.map((problem) => `\n  ${problem}`).join("")}`);
  }
  return args;
}
