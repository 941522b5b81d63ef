/** AWS's limits on what is generated from the arguments. */

import { environmentBytes, MAX_ENVIRONMENT_BYTES } from "./environment";
import { MAX_PATTERN_CHARACTERS } from "./eventPatterns";
import type { PolicyDocument } from "./policies/document";
import { characters, MAX_INLINE_CHARACTERS, MAX_MANAGED_CHARACTERS, MAX_MANAGED_POLICIES } from "./policies/spread";
import type { Problems } from "./problems";

/** The documents that are needed, and how many managed policies follow from the plain arguments. */
export interface LimitedPolicies {
  readonly documents: readonly PolicyDocument[];
  readonly managed: number;
}

/** Reports an environment that Lambda refuses. */
export function limitEnvironment(variables: Readonly<Record<string, string>>, problems: Problems): void {
  const bytes = environmentBytes(variables);
  if (bytes <= MAX_ENVIRONMENT_BYTES) return;
  const rule = `AWS allows at most ${MAX_ENVIRONMENT_BYTES} bytes: give fewer or shorter defaults, and less in environment`;
  problems.invalid("the size of the function's environment", bytes, rule);
}

/** Reports a pattern that EventBridge refuses. That of state changes always fits. */
export function limitRequestPattern(pattern: object, problems: Problems): void {
  const size = characters(pattern);
  if (size <= MAX_PATTERN_CHARACTERS) return;
  problems.invalid("the size of the event pattern of args.sources", size, `AWS allows at most ${MAX_PATTERN_CHARACTERS} characters: name fewer sources`);
}

/** Reports what the policies of the function's role have no room for. */
export function limitRole({ documents: [inline, ...managed], managed: planned }: LimitedPolicies, problems: Problems): void {
  const size = inline === undefined ? 0 : characters(inline);
  if (size > MAX_INLINE_CHARACTERS) {
    problems.invalid("the size of the inline policy of the function's role", size, `AWS allows at most ${MAX_INLINE_CHARACTERS} characters`);
  }
  limitManaged("the function's role", `, beside an inline one of ${MAX_INLINE_CHARACTERS}`, { documents: managed, managed: planned }, problems);
}

/** Reports what the policies of the operators have no room for. */
export function limitOperators(policies: LimitedPolicies, problems: Problems): void {
  limitManaged("the operators", "", policies, problems);
}

function limitManaged(holder: string, beside: string, { documents, managed }: LimitedPolicies, problems: Problems): void {
  const place = `the number of managed policies of ${holder}`;
  const size = documents.reduce((sum, one) => sum + characters(one), 0);
  const longest = Math.max(0, ...documents.map(characters));
  if (longest > MAX_MANAGED_CHARACTERS) {
    problems.invalid(`the size of a managed policy of ${holder}`, longest, `AWS allows at most ${MAX_MANAGED_CHARACTERS} characters`);
  }
  if (documents.length <= managed) return;
  const needed = `for ${size} characters${beside}`;
  const prefixes = "give iamPrefixes, beginnings of the names for IAM alone, where it is not the clusters that are many";
  const most = `at most ${MAX_MANAGED_POLICIES} of ${MAX_MANAGED_CHARACTERS} characters are made`;
  const fewer = `only ${managed} follow from what is plain in the arguments: give lists whose items may be outputs, not outputs of whole lists`;
  problems.invalid(place, documents.length, `${needed}: ${managed >= MAX_MANAGED_POLICIES ? most : fewer}; ${prefixes}`);
}
