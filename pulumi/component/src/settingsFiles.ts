/** The files of a settings layer of one's own, before there is a component. */

import * as pulumi from "@pulumi/pulumi";

import type { StartEnginesArgs } from "./arguments";
import { checkArguments } from "./check";
import { secretPlaces } from "./checkEach";
import { isObject, known, present } from "./known";
import { Problems } from "./problems";
import { groupArns } from "./settled";
import { layerFiles, listedArgs } from "./settings";
import { withoutResources } from "./withoutResources";

/** In place of the function's name where there is none. */
const NAMELESS = "nameless";

/** The component's own arguments; `functionName` has no default here. */
export interface SettingsFilesArgs extends StartEnginesArgs {
  readonly functionName: string;
}

/**
 * The texts of the layer's files, by name: what the component of these arguments would put into its own layer, for one that is
 * signed (`settingsLayerArn`). Wrong arguments are an error that names all of them, as with the component.
 */
export function settingsFiles(args: SettingsFilesArgs): pulumi.Output<Record<string, string>> {
  // In JavaScript it may be missing.
  const { functionName = NAMELESS } = args as Partial<SettingsFilesArgs>;
  const problems = new Problems();
  const plain = withoutResources(args, problems);
  if (functionName === NAMELESS) problems.missing("args.functionName", "the files name the sources of this function");
  const before = known(plain);
  checkArguments(functionName, before, problems);
  const { clusters, taskFamilies, sources, services } = plain;
  const named = { clusters, taskFamilies, sources, services, targetGroups: groupArns(plain) };
  return pulumi.all([pulumi.output(named), listedArgs(plain), secretPlaces(services)]).apply(([settled, lists, secrets]) => {
    checkSettled(functionName, before, known(named), settled, secrets);
    return layerFiles(lists, settled.services, functionName);
  });
}

/** Outputs are checked when they are known; those that no file has, the component checks. */
function checkSettled(
  functionName: string,
  before: unknown,
  outputs: unknown,
  settled: { readonly targetGroups: object },
  secrets: readonly string[],
): void {
  const problems = new Problems();
  for (const place of secrets) problems.secret(place);
  const found = present(outputs, settled, "args", (place) => { problems.absent(place); });
  if (!isObject(before) || !isObject(found)) return;
  const groups = { ...(isObject(before["targetGroups"]) ? before["targetGroups"] : {}) };
  for (const [name, group] of Object.entries(isObject(found["targetGroups"]) ? found["targetGroups"] : {})) {
    groups[name] = { ...(isObject(groups[name]) ? groups[name] : {}), ...(isObject(group) ? group : {}) };
  }
  checkArguments(functionName, { ...before, ...found, targetGroups: groups }, problems);
}
