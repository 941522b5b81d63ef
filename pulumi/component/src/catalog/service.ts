/**
 * The named starts of `services.json`; names and shapes are RunTask's own.
 *
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
 */

import type * as pulumi from "@pulumi/pulumi";

type Text = pulumi.Input<string>;

/** One target of a task: a target group with the container's port. */
export interface Target {
  readonly targetGroupArn: Text;
  /** The container's port, 1 to 65535. */
  readonly port: pulumi.Input<number>;
  readonly containerName?: Text;
}

/** One item of a capacity provider strategy. */
export interface CapacityProvider {
  readonly capacityProvider: Text;
  /** 0 to 1000; default 0. */
  readonly weight?: number;
  /** 0 to 100000; default 0. */
  readonly base?: number;
}

/** RunTask's own network configuration, instead of `subnets`, `securityGroups` and `assignPublicIp`. */
export interface NetworkConfiguration {
  readonly awsvpcConfiguration?: {
    readonly subnets?: Text[];
    readonly securityGroups?: Text[];
    readonly assignPublicIp?: "ENABLED" | "DISABLED";
  };
}

/** A placement to try when capacity is short; fields that it leaves out are those of the service. */
export interface Fallback {
  readonly subnets?: Text[];
  /** Only its subnets, instead of `subnets`. */
  readonly networkConfiguration?: NetworkConfiguration;
  readonly launchType?: LaunchType;
  readonly capacityProviderStrategy?: CapacityProvider[];
}

export type LaunchType = "EC2" | "FARGATE" | "EXTERNAL";

export interface Tag {
  readonly key: string;
  readonly value?: Text;
}

/** One container's overrides of its task definition's values. */
export interface ContainerOverride {
  readonly name: string;
  readonly command?: Text[];
  readonly environment?: { readonly name: string; readonly value: Text }[];
  readonly environmentFiles?: { readonly type: "s3"; readonly value: Text }[];
  readonly resourceRequirements?: {
    readonly type: "GPU" | "InferenceAccelerator" | "NeuronDevice";
    readonly value: string;
  }[];
  readonly cpu?: number;
  readonly memory?: number;
  readonly memoryReservation?: number;
}

/** One EBS volume that ECS creates. */
export interface VolumeConfiguration {
  readonly name: string;
  readonly managedEBSVolume?: {
    /** Must be one of the component's `infrastructureRoles`. */
    readonly roleArn: Text;
    readonly encrypted?: boolean;
    readonly kmsKeyId?: Text;
    readonly volumeType?: string;
    readonly sizeInGiB?: number;
    readonly snapshotId?: Text;
    readonly volumeInitializationRate?: number;
    readonly iops?: number;
    readonly throughput?: number;
    readonly filesystemType?: "ext3" | "ext4" | "xfs" | "ntfs";
    readonly terminationPolicy?: { readonly deleteOnTermination: boolean };
    readonly tagSpecifications?: {
      readonly resourceType: "volume";
      readonly tags?: Tag[];
      readonly propagateTags?: "TASK_DEFINITION" | "NONE";
    }[];
  };
}

/** One entry of the service catalog. An event that names it may still override every field, unless `catalogOnly` is set. */
export interface Service {
  /** Name or ARN; must be one of the component's `clusters`. */
  readonly cluster?: Text;
  /** Family, family:revision or ARN; its family must be one of the component's `taskFamilies`. */
  readonly taskDefinition?: Text;
  /** The only target; or use `targets`. Must be one of the component's `targetGroups`. */
  readonly targetGroupArn?: Text;
  readonly port?: pulumi.Input<number>;
  readonly containerName?: Text;
  /** Several targets, or `[]` for none. */
  readonly targets?: Target[];
  /** 1 to 16, for awsvpc. */
  readonly subnets?: Text[];
  /** At most 5. */
  readonly securityGroups?: Text[];
  readonly assignPublicIp?: "ENABLED" | "DISABLED";
  /** The same three in RunTask's own form. */
  readonly networkConfiguration?: NetworkConfiguration;
  readonly launchType?: LaunchType;
  readonly capacityProviderStrategy?: CapacityProvider[];
  readonly platformVersion?: string;
  /** At most 9, tried in order. */
  readonly fallbacks?: Fallback[];
  readonly overrides?: {
    readonly containerOverrides?: ContainerOverride[];
    readonly cpu?: string;
    readonly memory?: string;
    readonly taskRoleArn?: Text;
    readonly executionRoleArn?: Text;
    readonly ephemeralStorage?: { readonly sizeInGiB: number };
    readonly inferenceAcceleratorOverrides?: { readonly deviceName?: string; readonly deviceType?: string }[];
  };
  readonly propagateTags?: "TASK_DEFINITION" | "NONE";
  readonly enableECSManagedTags?: boolean;
  readonly enableExecuteCommand?: boolean;
  readonly placementConstraints?: { readonly type: "distinctInstance" | "memberOf"; readonly expression?: string }[];
  readonly placementStrategy?: { readonly type: "random" | "spread" | "binpack"; readonly field?: string }[];
  readonly volumeConfigurations?: VolumeConfiguration[];
  readonly group?: string;
  readonly tags?: Tag[];
  /** 1 (default) to 10. */
  readonly count?: number;
  /** Seconds after which a task that is not RUNNING is stopped: 0 (never) to 86400. Default: the component's. */
  readonly startTimeoutSeconds?: number;
  /** With `catalogOnly`, the fields that an event may still override. Default: none. */
  readonly overridable?: readonly string[];
  /** Seconds after which a task is stopped: 0 (never, the default) to 31536000. */
  readonly maxLifetimeSeconds?: number;
  /** Seconds after `requestedAt` after which a start starts nothing: 0 (never, the default) to 86400. */
  readonly maxAgeSeconds?: number;
}
