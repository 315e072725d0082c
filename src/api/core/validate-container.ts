import type { Container, ContainerPort, PodSpec, SecurityContext, VolumeMount } from '../generated/types.ts'
import { dnsLabelField } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  notFoundValue,
  oneOf,
  port,
  required,
} from '../validation/findings.ts'
import { portName } from '../validation/names.ts'
import { validateEnvironment, validateEnvironmentFrom } from './validate-environment.ts'
import { validateHandler, validateProbe } from './validate-probe.ts'
import { validateResources } from './validate-resources.ts'
import { descendingPath } from './validate-volume.ts'

export function* validateContainers(spec: PodSpec, field: string): Findings {
  const containers = spec.containers ?? []
  if (containers.length === 0) yield required(`${field}.containers`)
  const names = new Set<string>()
  for (const [index, container] of containers.entries()) {
    const path = `${field}.containers[${index}]`
    yield* validateCommon(container, spec, path)
    yield* uniqueName(container, names, path)
    yield* validateLife(container, path)
  }
  yield* hostPortConflicts(containers, `${field}.containers`)
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const path = `${field}.initContainers[${index}]`
    yield* validateCommon(container, spec, path)
    yield* uniqueName(container, names, path)
    if (container.restartPolicy === 'Always') yield* validateLife(container, path)
    else yield* validateShortLived(container, path)
  }
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const path = `${field}.ephemeralContainers[${index}]`
    yield* validateCommon(container as Container, spec, path)
    yield* uniqueName(container as Container, names, path)
    for (const key of ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const) {
      if (container[key] !== undefined) yield forbid(`${path}.${key}`, 'cannot be set for an Ephemeral Container')
    }
  }
}

function* uniqueName({ name }: Container, names: Set<string>, path: string): Findings {
  if (names.has(name)) yield duplicateValue(`${path}.name`, name)
  else names.add(name)
}

function* validateCommon(container: Container, spec: PodSpec, path: string): Findings {
  yield* dnsLabelField(container.name, `${path}.name`)
  if (!container.image) yield required(`${path}.image`)
  else if (container.image !== container.image.trim()) {
    yield invalidValue(`${path}.image`, container.image, 'must not have leading or trailing whitespace')
  }
  yield* oneOf(container.terminationMessagePolicy, ['FallbackToLogsOnError', 'File'], `${path}.terminationMessagePolicy`)
  yield* validatePorts(container.ports, spec.hostNetwork ?? false, `${path}.ports`)
  yield* validateEnvironment(container.env, `${path}.env`)
  yield* validateEnvironmentFrom(container.envFrom, `${path}.envFrom`)
  yield* validateMounts(container.volumeMounts, spec, `${path}.volumeMounts`)
  for (const [index, device] of (container.volumeDevices ?? []).entries()) {
    if (!device.name) yield required(`${path}.volumeDevices[${index}].name`)
    if (!device.devicePath) yield required(`${path}.volumeDevices[${index}].devicePath`)
  }
  yield* oneOf(container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], `${path}.imagePullPolicy`)
  yield* validateResources(container.resources, `${path}.resources`)
  yield* validateSecurity(container.securityContext, spec, `${path}.securityContext`)
}

function* validateLife(container: Container, path: string): Findings {
  const { postStart, preStop } = container.lifecycle ?? {}
  if (postStart) yield* validateHandler(postStart, `${path}.lifecycle.postStart`)
  if (preStop) yield* validateHandler(preStop, `${path}.lifecycle.preStop`)
  yield* validateProbe(container.livenessProbe, 'liveness', `${path}.livenessProbe`)
  yield* validateProbe(container.readinessProbe, 'readiness', `${path}.readinessProbe`)
  yield* validateProbe(container.startupProbe, 'startup', `${path}.startupProbe`)
}

/** An init container runs to its end: nothing may ask whether it is ready. */
function* validateShortLived(container: Container, path: string): Findings {
  const rule = 'may not be set for init containers without restartPolicy=Always'
  for (const key of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[key] !== undefined) yield forbid(`${path}.${key}`, rule)
  }
}

function* validatePorts(ports: readonly ContainerPort[] | undefined, hostNetwork: boolean, field: string): Findings {
  const names = new Set<string>()
  for (const [index, { name, containerPort, hostPort, protocol }] of (ports ?? []).entries()) {
    const path = `${field}[${index}]`
    if (name) {
      const own = [...complaints(portName(name), name, `${path}.name`)]
      yield* own
      if (own.length === 0 && names.has(name)) yield duplicateValue(`${path}.name`, name)
      names.add(name)
    }
    if (!containerPort) yield required(`${path}.containerPort`)
    else yield* port(containerPort, `${path}.containerPort`)
    if (hostPort) yield* port(hostPort, `${path}.hostPort`)
    yield* oneOf(protocol, ['SCTP', 'TCP', 'UDP'], `${path}.protocol`)
    if (hostNetwork && hostPort && hostPort !== containerPort) {
      yield invalidValue(`${path}.containerPort`, containerPort, 'must match `hostPort` when `hostNetwork` is true')
    }
  }
}

function* hostPortConflicts(containers: readonly Container[], field: string): Findings {
  const taken = new Set<string>()
  for (const [at, container] of containers.entries()) {
    for (const [index, { hostPort, protocol, hostIP = '' }] of (container.ports ?? []).entries()) {
      if (!hostPort) continue
      const claim = `${protocol}/${hostIP}/${hostPort}`
      if (taken.has(claim)) yield duplicateValue(`${field}[${at}].ports[${index}].hostPort`, claim)
      taken.add(claim)
    }
  }
}

function* validateMounts(mounts: readonly VolumeMount[] | undefined, spec: PodSpec, field: string): Findings {
  const volumes = new Set(spec.volumes?.map(({ name }) => name))
  const paths = new Set<string>()
  for (const [index, { name, mountPath, subPath, subPathExpr, mountPropagation }] of (mounts ?? []).entries()) {
    const path = `${field}[${index}]`
    if (!name) yield required(`${path}.name`)
    else if (!volumes.has(name)) yield notFoundValue(`${path}.name`, name)
    if (!mountPath) yield required(`${path}.mountPath`)
    else if (paths.has(mountPath)) yield invalidValue(`${path}.mountPath`, mountPath, 'must be unique')
    paths.add(mountPath)
    if (subPath) yield* descendingPath(subPath, `${path}.subPath`)
    if (subPathExpr) {
      if (subPath) yield invalidValue(`${path}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')
      yield* descendingPath(subPathExpr, `${path}.subPathExpr`)
    }
    if (mountPropagation) {
      yield* oneOf(mountPropagation, ['Bidirectional', 'HostToContainer', 'None'], `${path}.mountPropagation`)
    }
  }
}

const ID_MAX = 2_147_483_647

export function* userId(value: number | undefined, field: string): Findings {
  if (value !== undefined && (value < 0 || value > ID_MAX)) {
    yield invalidValue(field, value, `must be between 0 and ${ID_MAX}, inclusive`)
  }
}

function* validateSecurity(context: SecurityContext | undefined, spec: PodSpec, field: string): Findings {
  if (context === undefined) return
  if (context.privileged && spec.hostUsers === false && context.procMount === 'Unmasked') {
    yield invalidValue(`${field}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`')
  }
  yield* userId(context.runAsUser, `${field}.runAsUser`)
  yield* userId(context.runAsGroup, `${field}.runAsGroup`)
  if (context.allowPrivilegeEscalation === false) {
    const escalating = (context.capabilities?.add ?? []).some((capability) => /^(CAP_)?SYS_ADMIN$/.test(capability))
    if (context.privileged) {
      yield invalidValue(field, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')
    }
    if (escalating) {
      yield invalidValue(field, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN')
    }
  }
}
