import type { Container, ContainerPort, PodSpec } from '../generated/types.ts'
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
import { type Volumes, validateMounts } from './validate-mounts.ts'
import { validateHandler, validateProbe } from './validate-probe.ts'
import { validateResources } from './validate-resources.ts'
import { validateInitRestart, validateRestart } from './validate-restart.ts'
import { validateSecurity } from './validate-security.ts'

/** What containers are checked against. */
interface Surroundings {
  readonly spec: PodSpec
  readonly volumes: Volumes
}

export function* validateContainers(surroundings: Surroundings, field: string): Findings {
  const { spec } = surroundings
  const containers = spec.containers ?? []
  if (containers.length === 0) yield required(`${field}.containers`)
  const own = new Set<string>()
  for (const [index, container] of containers.entries()) {
    const path = `${field}.containers[${index}]`
    yield* validateCommon(container, surroundings, path)
    yield* uniqueName(container, own, path)
    yield* validateLife(container, spec, path)
    yield* validateRestart(container, path)
  }
  yield* hostPortConflicts(containers, `${field}.containers`)
  const names = new Set(containers.map(({ name }) => name))
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const path = `${field}.initContainers[${index}]`
    yield* validateCommon(container, surroundings, path)
    yield* validateInitRestart(container, path)
    yield* uniqueName(container, names, path)
    yield* hostPortConflicts([container], `${field}.initContainers`)
    if (container.restartPolicy === 'Always') yield* validateLife(container, spec, path)
    else yield* validateShortLived(container, path)
  }
  yield* validateEphemeral(surroundings, names, `${field}.ephemeralContainers`)
}

/** What a debugging container may have (https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/). */
const OF_EPHEMERAL = new Set([
  ...['name', 'image', 'command', 'args', 'workingDir', 'envFrom', 'env', 'volumeMounts', 'volumeDevices', 'imagePullPolicy'],
  ...[
    'terminationMessagePath',
    'terminationMessagePolicy',
    'securityContext',
    'stdin',
    'stdinOnce',
    'tty',
    'targetContainerName',
  ],
])

function* validateEphemeral(surroundings: Surroundings, others: ReadonlySet<string>, field: string): Findings {
  const names = new Set(others)
  for (const [index, container] of (surroundings.spec.ephemeralContainers ?? []).entries()) {
    const path = `${field}[${index}]`
    const rule = 'cannot be set for an Ephemeral Container'
    yield* validateCommon(container as Container, surroundings, path)
    yield* untrimmedImage(container.image, path)
    yield* uniqueName(container as Container, names, path)
    const target = container.targetContainerName
    if (target && !others.has(target)) yield notFoundValue(`${path}.targetContainerName`, target)
    for (const [key, value] of Object.entries(container)) {
      const isSet = value !== undefined && !(typeof value === 'object' && Object.keys(value as object).length === 0)
      if (isSet && !OF_EPHEMERAL.has(key)) yield forbid(`${path}.${key}`, rule)
    }
    for (const [at, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
      if (subPath) yield forbid(`${path}.volumeMounts[${at}].subPath`, rule)
      if (subPathExpr) yield forbid(`${path}.volumeMounts[${at}].subPathExpr`, rule)
    }
  }
}

/** A template may still leave this to whoever makes pods of it. */
export function* untrimmedImage(image: string | undefined, path: string): Findings {
  if (image && image !== image.trim()) yield invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace')
}

function* uniqueName({ name }: Container, names: Set<string>, path: string): Findings {
  if (names.has(name)) yield duplicateValue(`${path}.name`, name)
  else names.add(name)
}

function* validateCommon(container: Container, { spec, volumes }: Surroundings, path: string): Findings {
  yield* dnsLabelField(container.name, `${path}.name`)
  if (!container.image) yield required(`${path}.image`)
  yield* oneOf(container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError'], `${path}.terminationMessagePolicy`)
  yield* validatePorts(container.ports, `${path}.ports`)
  yield* validateEnvironment(container.env, `${path}.env`)
  yield* validateEnvironmentFrom(container.envFrom, `${path}.envFrom`)
  yield* validateMounts(container, volumes, path)
  yield* oneOf(container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], `${path}.imagePullPolicy`)
  yield* validateResources(container.resources, `${path}.resources`)
  yield* validateResizePolicy(container, spec, `${path}.resizePolicy`)
  yield* validateSecurity(container.securityContext, spec, `${path}.securityContext`)
}

const RESIZABLE = ['cpu', 'memory']
const RESIZE_POLICIES = ['NotRequired', 'RestartContainer']

function* validateResizePolicy({ resizePolicy = [] }: Container, spec: PodSpec, field: string): Findings {
  const seen = new Set<string>()
  for (const [index, { resourceName, restartPolicy }] of resizePolicy.entries()) {
    if (seen.has(resourceName)) yield duplicateValue(`${field}[${index}]`, resourceName)
    seen.add(resourceName)
    yield* oneOf(resourceName, RESIZABLE, field)
    yield* oneOf(restartPolicy, RESIZE_POLICIES, field)
    if (spec.restartPolicy === 'Never' && restartPolicy !== 'NotRequired')
      yield invalidValue(field, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")
  }
}

function* validateLife(container: Container, { terminationGracePeriodSeconds: grace }: PodSpec, path: string): Findings {
  const { postStart, preStop } = container.lifecycle ?? {}
  if (postStart) yield* validateHandler(postStart, grace, `${path}.lifecycle.postStart`)
  if (preStop) yield* validateHandler(preStop, grace, `${path}.lifecycle.preStop`)
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

function* validatePorts(ports: readonly ContainerPort[] | undefined, field: string): Findings {
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
