/** A program that takes the component's arguments from its configuration. */

import * as pulumi from "@pulumi/pulumi";

import { StartEngines, type StartEnginesArgs } from "../../component/src/index";

new StartEngines("start-engines", new pulumi.Config().requireObject<StartEnginesArgs>("arguments"));
