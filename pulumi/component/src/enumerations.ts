/**
 * Fixed sets of words, each as an object and a type of the same name: `Architecture.Arm64` and `"arm64"` are the same. A
 * TypeScript `enum` would refuse the plain word.
 */

/** What Lambda can run the function on. */
export const Architecture = { X86_64: "x86_64", Arm64: "arm64" } as const;
export type Architecture = (typeof Architecture)[keyof typeof Architecture];

/** The least severe log lines that are written. */
export const LogLevel = { Error: "error", Warn: "warn", Info: "info", Debug: "debug" } as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

/** What becomes of traces. */
export const Tracing = { Active: "Active", PassThrough: "PassThrough" } as const;
export type Tracing = (typeof Tracing)[keyof typeof Tracing];

/** Whether a task gets a public address. */
export const AssignPublicIp = { Enabled: "ENABLED", Disabled: "DISABLED" } as const;
export type AssignPublicIp = (typeof AssignPublicIp)[keyof typeof AssignPublicIp];

/** What a task runs on. */
export const LaunchType = { Ec2: "EC2", Fargate: "FARGATE", External: "EXTERNAL" } as const;
export type LaunchType = (typeof LaunchType)[keyof typeof LaunchType];

/** What happens to a task whose targets are unhealthy when they are checked. */
export const OnUnhealthy = { Report: "report", Stop: "stop" } as const;
export type OnUnhealthy = (typeof OnUnhealthy)[keyof typeof OnUnhealthy];

/** Where tags come from. RunTask refuses SERVICE: the task belongs to none. */
export const PropagateTags = { TaskDefinition: "TASK_DEFINITION", None: "NONE" } as const;
export type PropagateTags = (typeof PropagateTags)[keyof typeof PropagateTags];

/** Where a file of environment variables is. */
export const EnvironmentFileType = { S3: "s3" } as const;
export type EnvironmentFileType = (typeof EnvironmentFileType)[keyof typeof EnvironmentFileType];

/** A resource that a container needs. */
export const ResourceType = { Gpu: "GPU", InferenceAccelerator: "InferenceAccelerator", NeuronDevice: "NeuronDevice" } as const;
export type ResourceType = (typeof ResourceType)[keyof typeof ResourceType];

/** The file system of a volume. */
export const FilesystemType = { Ext3: "ext3", Ext4: "ext4", Xfs: "xfs", Ntfs: "ntfs" } as const;
export type FilesystemType = (typeof FilesystemType)[keyof typeof FilesystemType];

/** What the tags of a volume are for. */
export const TaggedResource = { Volume: "volume" } as const;
export type TaggedResource = (typeof TaggedResource)[keyof typeof TaggedResource];

/** A rule for the container instances that a task may be placed on. */
export const PlacementConstraintType = { DistinctInstance: "distinctInstance", MemberOf: "memberOf" } as const;
export type PlacementConstraintType = (typeof PlacementConstraintType)[keyof typeof PlacementConstraintType];

/** How a container instance is chosen. */
export const PlacementStrategyType = { Random: "random", Spread: "spread", Binpack: "binpack" } as const;
export type PlacementStrategyType = (typeof PlacementStrategyType)[keyof typeof PlacementStrategyType];
