/**
 * The sources of events, by which deployments on one bus are told apart: each hears its own schedules and operators, and the
 * applications that its arguments name.
 */

import { OUTCOME_SOURCE } from "./outcomeEvents";
import { reconcileExpression } from "./schedules";

/** The source of the events that a deployment's schedules send: `src/cli/dead_letter.rs`. */
export function scheduleSource(functionName: string): string {
  return `${SCHEDULES}.${functionName}`;
}

/** The source of the events that people send to a deployment with the command: `src/cli/event.rs`. */
export function operatorSource(functionName: string): string {
  return `${OPERATOR}.${functionName}`;
}

/** What the sources follow from. */
export interface HeardArgs {
  readonly sources: readonly string[];
  /** Only whether there are any. */
  readonly schedules?: object | undefined;
  readonly reconcileSchedule?: string | undefined;
}

/** The sources that the rule lets through: applications, operators, and schedules if there are any. */
export function heardSources(args: HeardArgs, functionName: string): string[] {
  const scheduled = Object.keys(args.schedules ?? {}).length > 0 || reconcileExpression(args) !== undefined;
  return [...args.sources, operatorSource(functionName), ...(scheduled ? [scheduleSource(functionName)] : [])];
}

const SCHEDULES = "start-engines.schedules";
const OPERATOR = "start-engines.operator";

/**
 * The sources that version 0.1 had for all deployments. No rule lets them through. The function still takes them from its own
 * one-time schedules, which repeat the source of the stop or start that they belong to, and from `redrive`.
 */
export const FORMER_SOURCES: readonly string[] = [OPERATOR, SCHEDULES];

/** What is wrong with an application's source, or undefined. https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html */
export function applicationSource(text: string): string | undefined {
  if (text.startsWith("aws.")) return "must not begin with aws.: only AWS sends from such a source";
  if (text === OUTCOME_SOURCE) return "is the source of outcome events: applications need another";
  if (isOf(SCHEDULES, text)) return "is a source of schedules: applications need another";
  if (isOf(OPERATOR, text)) return "is a source of operators: applications need another";
  return /^[A-Za-z0-9._/-]{1,256}$/.test(text) ? undefined : "must be 1 to 256 letters, digits and ._/-";
}

function isOf(prefix: string, text: string): boolean {
  return text === prefix || text.startsWith(`${prefix}.`);
}
