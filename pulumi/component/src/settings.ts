/**
 * The settings file: the function's allow-lists, of any length, in a Lambda layer. It is read by `src/core/config/settings.rs`.
 *
 * A layer's files are in `/opt`: https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html
 */

import * as pulumi from "@pulumi/pulumi";

import { groupArns, type SettledArgs } from "./settled";
import { FORMER_SOURCES, heardSources } from "./sources";
import type { PlainArgs } from "./withoutResources";

/** The names of the layer's files. */
export const FILES = { settings: "settings.json", services: "services.json" } as const;
const FOLDER = "/opt";

/** The variables that name the files. One that is named must be there, or the function does not start. */
export function fileVariables(args: { readonly services?: object | undefined }): Record<string, string | undefined> {
  return {
    SETTINGS_FILE: `${FOLDER}/${FILES.settings}`,
    SERVICES_FILE: args.services === undefined ? undefined : `${FOLDER}/${FILES.services}`,
  };
}

/** What events may name, by the names of the function's variables. */
export type AllowLists = Readonly<Record<string, readonly string[]>>;

/** The arguments that the lists are made of. */
export interface ListedArgs extends Pick<SettledArgs, "clusters" | "taskFamilies" | "sources" | "reconcileSchedule"> {
  readonly targetGroups: Readonly<Record<string, { readonly arn: string }>>;
  /** Only whether there are any. */
  readonly schedules?: object | undefined;
}

/** These, when they are known. */
export function listedArgs(args: PlainArgs): pulumi.Output<ListedArgs> {
  const { clusters, taskFamilies, sources, reconcileSchedule, schedules } = args;
  const known = pulumi.output({ clusters, taskFamilies, sources, targetGroups: groupArns(args) });
  return known.apply((lists): ListedArgs => ({ ...lists, reconcileSchedule, schedules }));
}

/** What the function allows, with what its own schedules of the version before still hold. */
export function functionLists(args: ListedArgs, functionName: string): AllowLists {
  const lists = commandLists(args, functionName);
  return { ...lists, ALLOWED_SOURCES: [...heardSources(args, functionName), ...FORMER_SOURCES] };
}

/** What the command may send: sources only that the rule lets through. */
export function commandLists(args: ListedArgs, functionName: string): AllowLists {
  return {
    ALLOWED_CLUSTERS: args.clusters,
    ALLOWED_TARGET_GROUPS: Object.values(args.targetGroups).map((group) => group.arn),
    ALLOWED_TASK_FAMILIES: args.taskFamilies,
    ALLOWED_SOURCES: heardSources(args, functionName),
  };
}

/** The text of `settings.json`. */
export function settingsText(args: ListedArgs, functionName: string): string {
  return text(functionLists(args, functionName));
}

/** The layer's files, by name. */
export function layerFiles(args: ListedArgs, services: object | undefined, functionName: string): Record<string, string> {
  return {
    [FILES.settings]: settingsText(args, functionName),
    ...(services && { [FILES.services]: catalogText(services) }),
  };
}

/** The text of `services.json`. */
export function catalogText(services: object): string {
  return text(services);
}

function text(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
