import { deepClone, deepEqual, ownValue } from '#base'
import type { Container, Pod, PodSpec, ResourceRequirements } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, WHOLE } from '../validation/findings.ts'
import { isMirrorPod, isSidecar, qosClass } from './pod-facts.ts'

/** Resources of containers, and of a pod as a whole, may change in place (KEP-1287, KEP-5419); the rest has been checked. */
export function validateResize(pod: Pod, old: Pod, found: Findings): void {
  const [spec, before] = [pod.spec ?? ({} as PodSpec), old.spec ?? ({} as PodSpec)]
  const rule = isMirrorPod(old) ? 'static pods' : before.os?.name === 'windows' ? 'windows pods' : undefined
  if (rule !== undefined) {
    found.splice(0, found.length, forbid(WHOLE, `${rule} cannot be resized`))
    return
  }
  const start = found.length
  const was = old.status?.qosClass ?? qosClass(old)
  if (qosClass(pod) !== was)
    found.push(invalidValue('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'))
  if (!isSupported(old)) found.push(forbid('spec', 'Pod running on node without support for resize'))
  if (hasResources(before) || hasResources(spec)) validateWhole(spec.resources, before.resources, found)
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length)
    found.push(forbid('spec', 'pods with node allocatable resource claims cannot be resized'))
  if (!areInOrder(spec, before, found)) return
  for (const key of ['initContainers', 'containers'] as const)
    for (const [index, { resources }] of (before[key] ?? []).entries())
      noneIsRemoved(spec[key]![index]!.resources, resources, `spec.${key}[${index}].resources`, 'resource', found)
  for (const [index, container] of (before.containers ?? []).entries()) {
    if (!isSameButCompute(spec.containers[index]!, container))
      found.push(forbid('spec', 'only cpu and memory resources are mutable'))
  }
  for (const [index, container] of (before.initContainers ?? []).entries())
    validateInit(spec.initContainers![index]!, container, `spec.initContainers[${index}]`, found)
  if (found.length === start && !deepEqual(withoutResources(spec), withoutResources(before)))
    found.push(forbid('spec', 'only cpu and memory resources are mutable'))
}

/** Kubelets that can resize say what their containers have. */
const isSupported = ({ status }: Pod): boolean => {
  const running = status?.containerStatuses?.find(({ state }) => state?.running !== undefined)
  return running === undefined || running.resources !== undefined
}

const hasResources = ({ resources }: PodSpec): boolean => Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0

function validateWhole(now: ResourceRequirements | undefined, was: ResourceRequirements | undefined, found: Findings): void {
  if (was !== undefined && now === undefined) {
    found.push(forbid('spec.resources', 'pod-level resources cannot be removed'))
    return
  }
  noneIsRemoved(now, was, 'spec.resources', 'pod-level resource', found)
  if (!deepEqual(withoutCompute(now), withoutCompute(was)))
    found.push(forbid('spec', 'only cpu and memory resources are mutable at pod-level'))
}

function noneIsRemoved(
  now: ResourceRequirements | undefined,
  was: ResourceRequirements | undefined,
  field: string,
  what: string,
  found: Findings,
): void {
  for (const key of ['requests', 'limits'] as const) {
    const isRemoved = Object.keys(was?.[key] ?? {}).some((name) => ownValue(now?.[key], name) === undefined)
    if (isRemoved) found.push(forbid(`${field}.${key}`, `${what} ${key} cannot be removed`))
  }
}

/** Whether each container is compared with itself. */
function areInOrder(spec: PodSpec, before: PodSpec, found: Findings): boolean {
  const start = found.length
  for (const key of ['containers', 'initContainers'] as const) {
    const [now, was] = [spec[key] ?? [], before[key] ?? []]
    if (now.length !== was.length) found.push(forbid(`spec.${key}`, `${key} may not be added or removed on resize`))
    else
      for (const [index, { name }] of was.entries())
        if (now[index]!.name !== name)
          found.push(forbid(`spec.${key}[${index}].name`, `${key} may not be renamed or reordered on resize`))
  }
  return found.length === start
}

function validateInit(now: Container, was: Container, path: string, found: Findings): void {
  if (!isSameButCompute(now, was))
    found.push(forbid(path, 'only cpu and memory resources for init or sidecar containers are mutable'))
  if (isSidecar(now) || deepEqual(now, was)) return
  const rule = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'
  for (const { restartPolicy } of now.resizePolicy ?? []) if (restartPolicy === 'RestartContainer') found.push(forbid(path, rule))
}

/** Upstream forgets the new claims where it compares, so that what uses devices is resized nowhere. */
const isSameButCompute = (now: Container, was: Container): boolean =>
  deepEqual(
    { ...now, resources: { ...withoutCompute(now.resources), claims: [] } },
    { ...was, resources: withoutCompute(was.resources) },
  )

/** What there is no rule for: nothing and an empty list are the same. */
function withoutCompute(resources: ResourceRequirements | undefined): object {
  const rest = (list: Readonly<Record<string, string>> | undefined): object => {
    const { cpu: _c, memory: _m, ...others } = list ?? {}
    return others
  }
  return { limits: rest(resources?.limits), requests: rest(resources?.requests), claims: resources?.claims ?? [] }
}

function withoutResources(spec: PodSpec): PodSpec {
  const { resources: _, ...copy } = deepClone(spec)
  for (const key of ['containers', 'initContainers'] as const) for (const container of copy[key] ?? []) delete container.resources
  return copy
}

/** What a write through `resize` takes over: policies and resources. A list that is not the one there is taken as it is, to be refused. */
export function resizedSpec(spec: PodSpec, sent: PodSpec): PodSpec {
  const [containers, initContainers] = [sent.containers ?? [], sent.initContainers ?? []]
  if (containers.length !== spec.containers.length || initContainers.length !== (spec.initContainers?.length ?? 0)) return sent
  const { resources: _, ...rest } = spec
  return {
    ...rest,
    ...(sent.resources && { resources: sent.resources }),
    containers: resized(spec.containers, containers),
    ...(spec.initContainers && { initContainers: resized(spec.initContainers, initContainers) }),
  }
}

function resized(containers: readonly Container[], sent: Container[]): Container[] {
  if (containers.some(({ name }, index) => sent[index]!.name !== name)) return sent
  return containers.map((container, index) => {
    const { resources, resizePolicy } = sent[index]!
    const { resources: _r, resizePolicy: _p, ...rest } = container
    return { ...rest, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) }
  })
}
