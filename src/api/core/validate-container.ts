import type { Container, ContainerPort, EphemeralContainer, PodSpec } from '../generated/types.ts'
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
import type { PodLeniency } from './pod-leniency.ts'
import { validateEnvironment, validateEnvironmentFrom } from './validate-environment.ts'
import { type Volumes, validateMounts } from './validate-mounts.ts'
import { validateHandler, validateProbe } from './validate-probe.ts'
import { validateUsedClaims } from './validate-resource-claims.ts'
import { ofContainer, validateResources } from './validate-resources.ts'
import { validateInitRestart, validateRestart } from './validate-restart.ts'
import { validateSecurity } from './validate-security.ts'

/** What containers are checked against. */
interface Surroundings {
  readonly spec: PodSpec
  readonly volumes: Volumes
  readonly leniency: PodLeniency
}

export function validateContainers(surroundings: Surroundings, field: string, found: Findings): void {
  const { spec, leniency } = surroundings
  const containers = spec.containers ?? []
  if (containers.length === 0) found.push(required(`${field}.containers`))
  const names = new Set<string>()
  for (const [index, container] of containers.entries()) {
    const path = `${field}.containers[${index}]`
    validateCommon(container, surroundings, path, found)
    uniqueName(container, names, path, found)
    validateLife(container, spec, path, found)
    validateRestart(container, path, found)
  }
  hostPortConflicts(containers, `${field}.containers`, found)
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const path = `${field}.initContainers[${index}]`
    validateCommon(container, surroundings, path, found)
    validateInitRestart(container, path, found)
    if (container.name || names.has('')) uniqueName(container, names, path, found)
    if (container.ports !== undefined) hostPortConflicts([container], `${field}.initContainers`, found)
    if (container.restartPolicy === 'Always') validateLife(container, spec, path, found)
    else {
      validateShortLived(container, path, found)
      if (container.resizePolicy !== undefined) validateInitResize(container, leniency, `${path}.resizePolicy`, found)
    }
  }
  if (spec.ephemeralContainers !== undefined) validateEphemeral(surroundings, names, `${field}.ephemeralContainers`, found)
}

/** What a debugging container may not have (https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/). */
const NOT_OF_EPHEMERAL = [
  ...[
    'ports',
    'resources',
    'resizePolicy',
    'restartPolicy',
    'restartPolicyRules',
    'livenessProbe',
    'readinessProbe',
    'startupProbe',
  ],
  'lifecycle',
] as const satisfies readonly (keyof EphemeralContainer)[]

function validateEphemeral(surroundings: Surroundings, others: ReadonlySet<string>, field: string, found: Findings): void {
  const names = new Set(others)
  for (const [index, container] of (surroundings.spec.ephemeralContainers ?? []).entries()) {
    const path = `${field}[${index}]`
    const rule = 'cannot be set for an Ephemeral Container'
    validateCommon(container as Container, surroundings, path, found)
    untrimmedImage(container.image, path, found)
    uniqueName(container as Container, names, path, found)
    const target = container.targetContainerName
    if (target && !others.has(target)) found.push(notFoundValue(`${path}.targetContainerName`, target))
    for (const key of NOT_OF_EPHEMERAL)
      if (container[key] !== undefined && !isEmptyList(container, key)) found.push(forbid(`${path}.${key}`, rule))
    for (const [at, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
      if (subPath) found.push(forbid(`${path}.volumeMounts[${at}].subPath`, rule))
      if (subPathExpr) found.push(forbid(`${path}.volumeMounts[${at}].subPathExpr`, rule))
    }
  }
}

/** `resources: {}` is there always, and a list of nothing is none; a handler of nothing is one. */
const isEmptyList = (container: EphemeralContainer, key: (typeof NOT_OF_EPHEMERAL)[number]): boolean =>
  (key === 'resources' || Array.isArray(container[key])) && Object.keys(container[key]!).length === 0

/** A template may still leave this to whoever makes pods of it. */
export function untrimmedImage(image: string | undefined, path: string, found: Findings): void {
  if (image && image !== image.trim())
    found.push(invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace'))
}

function uniqueName({ name }: Container, names: Set<string>, path: string, found: Findings): void {
  if (names.has(name)) found.push(duplicateValue(`${path}.name`, name))
  else names.add(name)
}

const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError']
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

function validateCommon(container: Container, { spec, volumes, leniency }: Surroundings, path: string, found: Findings): void {
  dnsLabelField(container.name, `${path}.name`, found)
  if (!container.image) found.push(required(`${path}.image`))
  oneOf(container.terminationMessagePolicy, MESSAGE_POLICIES, `${path}.terminationMessagePolicy`, found)
  validatePorts(container.ports, `${path}.ports`, found)
  validateEnvironment(container.env, `${path}.env`, found)
  validateEnvironmentFrom(container.envFrom, `${path}.envFrom`, found)
  validateMounts(container, volumes, path, found)
  oneOf(container.imagePullPolicy, PULL_POLICIES, `${path}.imagePullPolicy`, found)
  validateResources(container.resources, ofContainer, `${path}.resources`, leniency, found)
  if (container.resources?.claims !== undefined)
    validateUsedClaims(container.resources.claims, spec, `${path}.resources.claims`, found)
  if (container.resizePolicy !== undefined) validateResizePolicy(container, spec, `${path}.resizePolicy`, found)
  validateSecurity(container.securityContext, spec, `${path}.securityContext`, found)
}

const RESIZABLE = ['cpu', 'memory']
const RESIZE_POLICIES = ['NotRequired', 'RestartContainer']

function validateResizePolicy({ resizePolicy = [] }: Container, spec: PodSpec, field: string, found: Findings): void {
  const seen = new Set<string>()
  for (const [index, { resourceName, restartPolicy }] of resizePolicy.entries()) {
    if (seen.has(resourceName)) found.push(duplicateValue(`${field}[${index}]`, resourceName))
    seen.add(resourceName)
    oneOf(resourceName, RESIZABLE, field, found)
    oneOf(restartPolicy, RESIZE_POLICIES, field, found)
    if (spec.restartPolicy === 'Never' && restartPolicy !== 'NotRequired')
      found.push(invalidValue(field, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"))
  }
}

/** What runs to its end is not started again for the sake of more memory. */
function validateInitResize({ resizePolicy = [] }: Container, leniency: PodLeniency, field: string, found: Findings): void {
  if (leniency.restartedInitContainers) return
  for (const [index, { restartPolicy }] of resizePolicy.entries()) {
    const rule = "must not be set to 'RestartContainer' for non-sidecar initContainers"
    if (restartPolicy === 'RestartContainer') found.push(invalidValue(`${field}[${index}].restartPolicy`, restartPolicy, rule))
  }
}

function validateLife(
  container: Container,
  { terminationGracePeriodSeconds: grace }: PodSpec,
  path: string,
  found: Findings,
): void {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container
  if (lifecycle?.postStart) validateHandler(lifecycle.postStart, grace, `${path}.lifecycle.postStart`, found)
  if (lifecycle?.preStop) validateHandler(lifecycle.preStop, grace, `${path}.lifecycle.preStop`, found)
  if (livenessProbe !== undefined) validateProbe(livenessProbe, 'liveness', `${path}.livenessProbe`, found)
  if (readinessProbe !== undefined) validateProbe(readinessProbe, 'readiness', `${path}.readinessProbe`, found)
  if (startupProbe !== undefined) validateProbe(startupProbe, 'startup', `${path}.startupProbe`, found)
}

/** An init container runs to its end: nothing may ask whether it is ready. */
function validateShortLived(container: Container, path: string, found: Findings): void {
  const rule = 'may not be set for init containers without restartPolicy=Always'
  for (const key of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[key] !== undefined) found.push(forbid(`${path}.${key}`, rule))
  }
}

function validatePorts(ports: readonly ContainerPort[] | undefined, field: string, found: Findings): void {
  const names = new Set<string>()
  for (const [index, { name, containerPort, hostPort, protocol }] of (ports ?? []).entries()) {
    const path = `${field}[${index}]`
    if (name) {
      const before = found.length
      complaints(portName(name), name, `${path}.name`, found)
      if (found.length === before && names.has(name)) found.push(duplicateValue(`${path}.name`, name))
      names.add(name)
    }
    if (!containerPort) found.push(required(`${path}.containerPort`))
    else port(containerPort, `${path}.containerPort`, found)
    if (hostPort) port(hostPort, `${path}.hostPort`, found)
    oneOf(protocol, PROTOCOLS, `${path}.protocol`, found)
  }
}

const takesHostPort = ({ ports }: Container): boolean => ports?.some(({ hostPort }) => hostPort) ?? false

function hostPortConflicts(containers: readonly Container[], field: string, found: Findings): void {
  if (!containers.some(takesHostPort)) return
  const taken = new Set<string>()
  for (const [at, container] of containers.entries()) {
    for (const [index, { hostPort, protocol, hostIP = '' }] of (container.ports ?? []).entries()) {
      if (!hostPort) continue
      const claim = `${protocol}/${hostIP}/${hostPort}`
      if (taken.has(claim)) found.push(duplicateValue(`${field}[${at}].ports[${index}].hostPort`, claim))
      taken.add(claim)
    }
  }
}
