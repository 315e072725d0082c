import type {
  ContainerConfig,
  ContainerSecurityContext,
  ImageAuth,
  LinuxContainerResources,
  Mount,
  NamespaceOptions,
  PodSandboxConfig,
  SecurityProfile,
} from '../runtime.ts'

/** Our vocabulary in CRI's messages. Absent stays absent, so that the runtime's own defaults hold. */

export function sandboxConfigMessage(config: PodSandboxConfig): object {
  return {
    metadata: config.metadata,
    hostname: config.hostname,
    log_directory: config.logDirectory,
    dns_config: config.dns,
    port_mappings: config.portMappings.map((port) => ({
      protocol: port.protocol,
      container_port: port.containerPort,
      host_port: port.hostPort,
      host_ip: port.hostIP,
    })),
    labels: config.labels,
    annotations: config.annotations,
    linux: {
      cgroup_parent: config.cgroupParent,
      sysctls: config.sysctls,
      security_context: {
        namespace_options: namespaceMessage(config.namespaces),
        ...userMessage(config),
        readonly_rootfs: config.readonlyRootfs,
        supplemental_groups: config.supplementalGroups,
        privileged: config.privileged,
        ...seccompMessage(config.seccomp),
      },
    },
  }
}

export function containerConfigMessage(config: ContainerConfig): object {
  return {
    metadata: config.metadata,
    image: { image: config.image, user_specified_image: config.userSpecifiedImage },
    command: config.command,
    args: config.args,
    working_dir: config.workingDir,
    envs: config.envs.map(({ key, value }) => ({ key, value: Buffer.from(value) })),
    mounts: config.mounts.map(mountMessage),
    devices: config.devices.map((device) => ({
      container_path: device.containerPath,
      host_path: device.hostPath,
      permissions: device.permissions,
    })),
    labels: config.labels,
    annotations: config.annotations,
    log_path: config.logPath,
    stdin: config.stdin,
    stdin_once: config.stdinOnce,
    tty: config.tty,
    linux: { resources: resourcesMessage(config.resources), security_context: securityMessage(config.securityContext) },
  }
}

export function resourcesMessage(resources: LinuxContainerResources): object {
  return {
    cpu_period: resources.cpuPeriod,
    cpu_quota: resources.cpuQuota,
    cpu_shares: resources.cpuShares,
    memory_limit_in_bytes: resources.memoryLimitBytes,
    oom_score_adj: resources.oomScoreAdj,
    cpuset_cpus: resources.cpusetCpus,
    cpuset_mems: resources.cpusetMems,
    unified: resources.unified,
  }
}

export function authMessage(auth: ImageAuth): object {
  return {
    username: auth.username,
    password: auth.password,
    auth: auth.auth,
    server_address: auth.serverAddress,
    identity_token: auth.identityToken,
    registry_token: auth.registryToken,
  }
}

function mountMessage(mount: Mount): object {
  return {
    container_path: mount.containerPath,
    host_path: mount.hostPath,
    readonly: mount.readonly,
    propagation: `PROPAGATION_${mount.propagation}`,
    recursive_read_only: mount.recursiveReadOnly,
    ...(mount.image !== undefined && { image: { image: mount.image }, image_sub_path: mount.imageSubPath }),
  }
}

function securityMessage(context: ContainerSecurityContext): object {
  return {
    capabilities: { add_capabilities: context.addCapabilities, drop_capabilities: context.dropCapabilities },
    privileged: context.privileged,
    namespace_options: namespaceMessage(context.namespaces),
    ...userMessage(context),
    run_as_username: context.runAsUsername,
    readonly_rootfs: context.readonlyRootfs,
    supplemental_groups: context.supplementalGroups,
    no_new_privs: context.noNewPrivileges,
    masked_paths: context.maskedPaths,
    readonly_paths: context.readonlyPaths,
    ...seccompMessage(context.seccomp),
  }
}

const namespaceMessage = ({ network, pid, ipc, targetId }: NamespaceOptions): object => ({
  network,
  pid,
  ipc,
  target_id: targetId,
})

const userMessage = (user: { readonly runAsUser?: number | undefined; readonly runAsGroup?: number | undefined }): object => ({
  ...(user.runAsUser !== undefined && { run_as_user: { value: user.runAsUser } }),
  ...(user.runAsGroup !== undefined && { run_as_group: { value: user.runAsGroup } }),
})

const seccompMessage = (profile: SecurityProfile | undefined): object =>
  profile === undefined ? {} : { seccomp: { profile_type: profile.type, localhost_ref: profile.localhostRef } }
