import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { made } from '#testing'
import { type Pod, type PodSpec, pods, resizedSpec } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const container = { name: 'c', image: 'nginx:1', resources: { requests: { cpu: '100m' } } }
const CPU = 'only cpu and memory resources are mutable'

function findings(change: (spec: PodSpec) => void, spec: object = {}, more: Partial<Pod> = {}): string[] {
  const old = { ...made(pods, { ...more, spec: { containers: [container], ...spec } }) }
  old.status = { ...old.status, ...more.status }
  const pod = deepClone(old)
  change(pod.spec!)
  return foundBy((found) => pods.validateSubresourceUpdate('resize', pod, old, found, { nowMs: 0 })).map(
    ({ field, message }) => `${field}: ${message}`,
  )
}

const requesting = (requests: object) => (spec: PodSpec) => Object.assign(spec.containers[0]!.resources!, { requests })

test('containers and pods are resized by CPU and memory', () => {
  assert.deepEqual(findings(requesting({ cpu: '200m', memory: '1Gi' })), [])
  assert.deepEqual(findings(requesting({ cpu: '200m', 'ephemeral-storage': '1Gi' })), [`spec: Forbidden: ${CPU}`])
  assert.deepEqual(
    findings((spec) =>
      Object.assign(spec.containers[0]!, { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] }),
    ),
    [`spec: Forbidden: ${CPU}`],
  )
  const image = findings((spec) => Object.assign(spec.containers[0]!, { image: 'nginx:2' }))
  assert.deepEqual(image, [`spec: Forbidden: ${CPU}`])
  assert.deepEqual(
    findings((spec) => Object.assign(spec, { hostname: 'h' })),
    [`spec: Forbidden: ${CPU}`],
  )
})

test('nothing that was asked for is taken away, and no class changes', () => {
  assert.deepEqual(
    findings((spec) => delete spec.containers[0]!.resources),
    [
      'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
    ],
  )
  const limited = { containers: [{ ...container, resources: { requests: { cpu: '1' }, limits: { cpu: '2' } } }] }
  assert.deepEqual(
    findings((spec) => delete spec.containers[0]!.resources!.limits, limited),
    ['spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed'],
  )
})

test('a pod as a whole is resized like its containers', () => {
  const whole = { resources: { requests: { cpu: '1' }, limits: { cpu: '2', 'hugepages-2Mi': '2Mi' } } }
  const change = (resources: object) => findings((spec) => Object.assign(spec, { resources }), whole)
  const { requests, limits } = whole.resources
  assert.deepEqual(change({ requests: { ...requests, cpu: '2', 'hugepages-2Mi': '2Mi' }, limits: { ...limits, cpu: '3' } }), [])
  assert.deepEqual(change({ requests: { cpu: '1', 'hugepages-2Mi': '4Mi' }, limits: { cpu: '2', 'hugepages-2Mi': '4Mi' } }), [
    'spec: Forbidden: only cpu and memory resources are mutable at pod-level',
  ])
  assert.deepEqual(change({ requests: { ...requests, 'hugepages-2Mi': '2Mi' }, limits: { 'hugepages-2Mi': '2Mi' } }), [
    'spec.resources.limits: Forbidden: pod-level resource limits cannot be removed',
  ])
  assert.deepEqual(
    findings((spec) => delete spec.resources, whole),
    ['spec.resources: Forbidden: pod-level resources cannot be removed'],
  )
})

test('containers are resized, not moved', () => {
  const two = { containers: [container, { ...container, name: 'd' }], initContainers: [{ ...container, name: 'i' }] }
  assert.deepEqual(
    findings((spec) => spec.containers.reverse(), two),
    [
      'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
      'spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize',
    ],
  )
  assert.deepEqual(
    findings((spec) => Object.assign(spec, { initContainers: [], containers: spec.containers.slice(0, 1) }), two),
    [
      'spec.containers: Forbidden: containers may not be added or removed on resize',
      'spec.initContainers: Forbidden: initContainers may not be added or removed on resize',
    ],
  )
})

test('init containers are resized unless that would start them again', () => {
  const first = (more: object = {}): object => ({ initContainers: [{ ...container, name: 'i', ...more }] })
  const grow = (spec: PodSpec) => Object.assign(spec.initContainers![0]!.resources!, { requests: { cpu: '300m' } })
  assert.deepEqual(findings(grow, first()), [])
  const policy = { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }
  assert.deepEqual(findings(grow, first({ ...policy, restartPolicy: 'Always' })), [])
  assert.deepEqual(findings(grow, first(policy)), [
    'spec.initContainers[0]: Forbidden: non-sidecar init containers with a resize policy of RestartContainer cannot be resized',
  ])
  assert.deepEqual(
    findings(() => {}, first(policy)),
    [],
  )
  assert.deepEqual(
    findings((spec) => Object.assign(spec.initContainers![0]!, { image: 'x' }), first()),
    ['spec.initContainers[0]: Forbidden: only cpu and memory resources for init or sidecar containers are mutable'],
  )
})

test('where nobody can resize a pod, nobody does', () => {
  const grow = requesting({ cpu: '200m' })
  const annotations = { 'kubernetes.io/config.mirror': 'x' }
  assert.deepEqual(findings(grow, { nodeName: 'n' }, { metadata: { name: 'p', annotations } }), [
    '[]: Forbidden: static pods cannot be resized',
  ])
  assert.deepEqual(findings(grow, { os: { name: 'windows' } }), ['[]: Forbidden: windows pods cannot be resized'])
  const running = (more: object) =>
    ({ status: { containerStatuses: [{ name: 'c', state: { running: {} }, ...more }] } }) as Partial<Pod>
  assert.deepEqual(findings(grow, {}, running({})), ['spec: Forbidden: Pod running on node without support for resize'])
  assert.deepEqual(findings(grow, {}, running({ resources: {} })), [])
  const nodeAllocatableResourceClaimStatuses = [{ resourceClaimName: 'x', containers: ['c'] }]
  assert.deepEqual(findings(grow, {}, { status: { nodeAllocatableResourceClaimStatuses } as Pod['status'] & object }), [
    'spec: Forbidden: pods with node allocatable resource claims cannot be resized',
  ])
})

test('of what is sent to be resized only resources and their policies count', () => {
  const spec = { hostname: 'h', containers: [container], initContainers: [{ ...container, name: 'i' }] } as unknown as PodSpec
  const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }]
  const resources = { requests: { cpu: '1' } }
  const sent = {
    hostname: 'other',
    resources,
    containers: [{ name: 'c', image: 'other', resources, resizePolicy }],
    initContainers: [{ name: 'i' }],
  } as unknown as PodSpec
  assert.deepEqual(resizedSpec(spec, sent), {
    hostname: 'h',
    resources,
    containers: [{ name: 'c', image: 'nginx:1', resources, resizePolicy }],
    initContainers: [{ name: 'i', image: 'nginx:1' }],
  })
  const renamed = { ...sent, containers: [{ name: 'd' }] } as unknown as PodSpec
  assert.deepEqual(resizedSpec(spec, renamed).containers, renamed.containers)
  const shorter = { ...sent, containers: [] }
  assert.equal(resizedSpec(spec, shorter), shorter)
})
