/**
 * The named starts of `services.json`; names and shapes are RunTask's own.
 *
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
 */

import type * as pulumi from "@pulumi/pulumi";
import type {
  AssignPublicIp,
  EnvironmentFileType,
  FilesystemType,
  LaunchType,
  OnUnhealthy,
  PlacementConstraintType,
  PlacementStrategyType,
  PropagateTags,
  ResourceType,
  TaggedResource,
} from "../enumerations";
import type { Arn, Id, List } from "../inputs";

type Text = pulumi.Input<string>;
type Whole = pulumi.Input<number>;
type Flag = pulumi.Input<boolean>;

/** One target of a task: a target group with the container's port. */
export interface Target {
  readonly targetGroupArn: Arn;
  /** The container's port, 1 to 65535. */
  readonly port: Whole;
  readonly containerName?: Text | undefined;
}

/** One item of a capacity provider strategy. */
export interface CapacityProvider {
  readonly capacityProvider: Text;
  /** 0 to 1000; default 0. */
  readonly weight?: Whole | undefined;
  /** 0 to 100000; default 0. */
  readonly base?: Whole | undefined;
}

/** RunTask's own network configuration, instead of `subnets`, `securityGroups` and `assignPublicIp`. */
export interface NetworkConfiguration {
  readonly awsvpcConfiguration?: {
    readonly subnets?: List<Id> | undefined;
    readonly securityGroups?: List<Id> | undefined;
    readonly assignPublicIp?: pulumi.Input<AssignPublicIp> | undefined;
  };
}

/** A placement to try when capacity is short; fields that it leaves out are those of the service. */
export interface Fallback {
  readonly subnets?: List<Id> | undefined;
  /** Only its subnets, instead of `subnets`. */
  readonly networkConfiguration?: NetworkConfiguration | undefined;
  readonly launchType?: pulumi.Input<LaunchType> | undefined;
  readonly capacityProviderStrategy?: CapacityProvider[] | undefined;
}

export interface Tag {
  readonly key: Text;
  readonly value?: Text | undefined;
}

/** One container's overrides of its task definition's values. */
export interface ContainerOverride {
  readonly name: Text;
  readonly command?: List | undefined;
  readonly environment?: { readonly name: Text; readonly value: Text }[];
  readonly environmentFiles?: { readonly type: EnvironmentFileType; readonly value: Text }[];
  readonly resourceRequirements?: {
    readonly type: ResourceType;
    readonly value: Text;
  }[];
  readonly cpu?: Whole | undefined;
  readonly memory?: Whole | undefined;
  readonly memoryReservation?: Whole | undefined;
}

/** One EBS volume that ECS creates. */
export interface VolumeConfiguration {
  readonly name: Text;
  readonly managedEBSVolume?: {
    /** Must be one of the component's `infrastructureRoles`. */
    readonly roleArn: Arn;
    readonly encrypted?: Flag | undefined;
    readonly kmsKeyId?: Arn | undefined;
    readonly volumeType?: Text | undefined;
    readonly sizeInGiB?: Whole | undefined;
    readonly snapshotId?: Text | undefined;
    readonly volumeInitializationRate?: Whole | undefined;
    readonly iops?: Whole | undefined;
    readonly throughput?: Whole | undefined;
    readonly filesystemType?: FilesystemType | undefined;
    readonly terminationPolicy?: { readonly deleteOnTermination: Flag };
    readonly tagSpecifications?: {
      readonly resourceType: TaggedResource;
      readonly tags?: Tag[] | undefined;
      readonly propagateTags?: PropagateTags | undefined;
    }[];
  };
}

/** One entry of the service catalog. An event that names it may still override every field, unless `catalogOnly` is set. */
export interface Service {
  /** Name or ARN; must be one of the component's `clusters`. */
  readonly cluster?: Arn | undefined;
  /** Family, family:revision or ARN; its family must be one of the component's `taskFamilies`. */
  readonly taskDefinition?: Arn | undefined;
  /** The only target; or use `targets`. Must be one of the component's `targetGroups`. */
  readonly targetGroupArn?: Arn | undefined;
  readonly port?: Whole | undefined;
  readonly containerName?: Text | undefined;
  /** Several targets, or `[]` for none. */
  readonly targets?: Target[] | undefined;
  /** 1 to 16, for awsvpc. */
  readonly subnets?: List<Id> | undefined;
  /** At most 5. */
  readonly securityGroups?: List<Id> | undefined;
  readonly assignPublicIp?: pulumi.Input<AssignPublicIp> | undefined;
  /** The same three in RunTask's own form. */
  readonly networkConfiguration?: NetworkConfiguration | undefined;
  readonly launchType?: pulumi.Input<LaunchType> | undefined;
  readonly capacityProviderStrategy?: CapacityProvider[] | undefined;
  readonly platformVersion?: Text | undefined;
  /** At most 9, tried in order. */
  readonly fallbacks?: Fallback[] | undefined;
  readonly overrides?: {
    readonly containerOverrides?: ContainerOverride[] | undefined;
    readonly cpu?: Text | undefined;
    readonly memory?: Text | undefined;
    readonly taskRoleArn?: Arn | undefined;
    readonly executionRoleArn?: Arn | undefined;
    readonly ephemeralStorage?: { readonly sizeInGiB: Whole };
    readonly inferenceAcceleratorOverrides?: { readonly deviceName?: Text | undefined; readonly deviceType?: Text }[] | undefined;
  };
  readonly propagateTags?: PropagateTags | undefined;
  readonly enableECSManagedTags?: Flag | undefined;
  readonly enableExecuteCommand?: Flag | undefined;
  readonly placementConstraints?: { readonly type: PlacementConstraintType; readonly expression?: Text }[] | undefined;
  readonly placementStrategy?: { readonly type: PlacementStrategyType; readonly field?: Text }[] | undefined;
  readonly volumeConfigurations?: VolumeConfiguration[] | undefined;
  readonly group?: Text | undefined;
  readonly tags?: Tag[] | undefined;
  /** 1 (default) to 10. */
  readonly count?: Whole | undefined;
  /** Seconds after which a task that is not RUNNING is stopped: 0 (never) to 86400. Default: the component's. */
  readonly startTimeoutSeconds?: Whole | undefined;
  /** With `catalogOnly`, the fields that an event may still override. Default: none. */
  readonly overridable?: List | undefined;
  /** Seconds after which a task is stopped: 0 (never, the default) to 31536000. */
  readonly maxLifetimeSeconds?: Whole | undefined;
  /** Seconds after `requestedAt` after which a start starts nothing: 0 (never, the default) to 86400. */
  readonly maxAgeSeconds?: Whole | undefined;
  /** Seconds after the registration after which targets are checked, once: 0 (never) to 3600. Default: the component's. */
  readonly healthTimeoutSeconds?: Whole | undefined;
  /** What happens to an unhealthy task: `report` (default), or `stop`, which stops it too. */
  readonly onUnhealthy?: pulumi.Input<OnUnhealthy> | undefined;
}
