/** Pulumi's own mocks: every registration is kept, and gets the ARN that AWS would give it. */

import * as pulumi from "@pulumi/pulumi";

import { idOf, stateOf } from "./yesToEverything";

/** The end of IAM's names of the component `start-engines`, which follows from its region and its URN under these mocks. */
export const END = "cf20ac3";

/** One registration. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** Runs a program against the mocks, and returns what it registered. */
export async function registrationsOf<T>(program: () => T): Promise<{ result: T; registrations: Registration[] }> {
  const registrations: Registration[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const given = inputs as Readonly<Record<string, unknown>>;
        registrations.push({ type, name, inputs: given });
        return { id: idOf(type, name), state: stateOf(type, name, given) };
      },
      call: () => ({}),
    },
    "start-engines",
    "test",
    false,
  );
  const result = program();
  await pulumi.runtime.disconnect();
  return { result, registrations };
}
