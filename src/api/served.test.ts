import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { loadAll } from 'js-yaml'
import { deepClone, settle } from '#base'
import { apiVersionOf, type KubernetesObject, keyOf, StatusError } from '#meta'
import { armoured, REQUEST_DER, startTestApiServer } from '#testing'
import {
  allResources,
  type Deployment,
  deployments,
  type HorizontalPodAutoscalerV1,
  horizontalPodAutoscalers,
  horizontalPodAutoscalersV1,
  type Job,
  jobs,
  nodes,
  type Pod,
  pods,
  type ResourceDefinition,
  type Service,
  serviceAccounts,
  services,
} from './index.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const containers = [{ name: 'c', image: 'i:1' }]
/** The simplest that changes something. */
const mutation = {
  patchType: 'JSONPatch',
  jsonPatch: { expression: '[JSONPatch{op: "test", path: "/nothing"}].filter(patch, false)' },
}
const labels = { app: 'x' }
const template = { metadata: { labels }, spec: { containers } }
const ending = { spec: { containers, restartPolicy: 'Never' } }
const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
const webhook = {
  name: 'a.b.c',
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  clientConfig: { url: 'https://a.b' },
  rules: [rule],
  // Watched, not called: nothing in these tests is labelled so.
  objectSelector: { matchLabels: { never: 'seen' } },
}

/** What differs from metadata alone, for each kind that needs more. */
const BODIES: Readonly<Record<string, object>> = {
  APIService: {
    metadata: { name: 'v1.a.b' },
    spec: { group: 'a.b', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 },
  },
  CertificateSigningRequest: {
    spec: { request: armoured(REQUEST_DER), signerName: 'a.b/c', usages: ['digital signature'] },
  },
  ClusterRoleBinding: { roleRef: { kind: 'ClusterRole', name: 'x' } },
  ControllerRevision: { data: { a: 1 }, revision: 1 },
  CronJob: { spec: { schedule: '@daily', jobTemplate: { spec: { template: ending } } } },
  CSIDriver: { spec: {} },
  CSINode: { spec: { drivers: [] } },
  CSIStorageCapacity: { storageClassName: 'x' },
  DaemonSet: { spec: { selector: { matchLabels: labels }, template } },
  Deployment: { spec: { selector: { matchLabels: labels }, template } },
  DeviceClass: { spec: {} },
  EndpointSlice: { addressType: 'IPv4', endpoints: [] },
  Event: { involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' }, reason: 'R', type: 'Normal' },
  FlowSchema: { spec: { priorityLevelConfiguration: { name: 'global-default' } } },
  HorizontalPodAutoscaler: { spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' } } },
  Ingress: { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } },
  IngressClass: { spec: { controller: 'a.b/c' } },
  IPAddress: {
    metadata: { name: '192.168.1.5' },
    spec: { parentRef: { resource: 'services', namespace: 'default', name: 's' } },
  },
  Job: { spec: { template: ending } },
  MutatingAdmissionPolicy: {
    spec: { reinvocationPolicy: 'Never', matchConstraints: { resourceRules: [rule] }, mutations: [mutation] },
  },
  MutatingAdmissionPolicyBinding: { spec: { policyName: 'x' } },
  MutatingWebhookConfiguration: { webhooks: [webhook] },
  NetworkPolicy: { spec: { podSelector: {} } },
  PersistentVolume: { spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } } },
  PersistentVolumeClaim: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
  Pod: { spec: { containers } },
  PodTemplate: { template },
  PriorityClass: { value: 1 },
  PriorityLevelConfiguration: { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } },
  ReplicaSet: { spec: { selector: { matchLabels: labels }, template } },
  ReplicationController: { spec: { template } },
  ResourceClaim: { spec: {} },
  ResourceClaimTemplate: { spec: { spec: {} } },
  ResourceSlice: { spec: { driver: 'a.b', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, nodeName: 'n' } },
  RoleBinding: { roleRef: { kind: 'Role', name: 'x' } },
  RuntimeClass: { handler: 'h' },
  Service: { spec: { ports: [{ port: 80 }] } },
  ServiceCIDR: { spec: { cidrs: ['10.200.0.0/24'] } },
  StatefulSet: { spec: { selector: { matchLabels: labels }, template } },
  StorageClass: { provisioner: 'a.b/c' },
  ValidatingAdmissionPolicy: { spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'true' }] } },
  ValidatingAdmissionPolicyBinding: { spec: { policyName: 'x', validationActions: ['Deny'] } },
  ValidatingWebhookConfiguration: { webhooks: [webhook] },
  VolumeAttachment: { spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } } },
  VolumeAttributesClass: { driverName: 'd', parameters: { speed: 'fast' } },
}

const NOT_CREATED = new Set(['CustomResourceDefinition', 'ComponentStatus'])

async function serverWithAccount() {
  const server = await startTestApiServer()
  await server.client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  return server
}

test('every stored kind is created, read, listed as a table, updated without and with a change, and deleted', async () => {
  await using server = await serverWithAccount()
  for (const resource of allResources) {
    if (!resource.stored || NOT_CREATED.has(resource.kind) || !resource.verbs.includes('create')) continue
    await t(resource, server.client)
  }
})

async function t(resource: ResourceDefinition, client: Awaited<ReturnType<typeof startTestApiServer>>['client']): Promise<void> {
  const label = `${apiVersionOf(resource)} ${resource.kind}`
  const { metadata, ...body } = deepClone(BODIES[resource.kind] ?? {}) as KubernetesObject
  if (label === 'events.k8s.io/v1 Event') {
    Object.assign(body, {
      regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
      action: 'A',
      reportingController: 'a/b',
      reportingInstance: 'i',
    })
    Object.assign(body, { eventTime: '2026-01-01T00:00:00.000000Z' })
    delete (body as { involvedObject?: unknown }).involvedObject
  }
  const namespace = resource.scope === 'Namespaced' ? { namespace: 'default' } : {}
  const name = resource.group === 'events.k8s.io' || resource.version === 'v1' ? 'x' : 'y'
  const draft = { ...body, metadata: { name: resource.group === 'events.k8s.io' ? 'z' : name, ...namespace, ...metadata } }
  const explain = (error: unknown): never => {
    throw new Error(`${label}: ${error instanceof StatusError ? error.status.message : error}`, { cause: error })
  }
  const { metadata: made } = await client.create(resource, draft).catch(explain)
  // The server itself has a word on some kinds as soon as they are there: whether a FlowSchema has its priority level.
  await settle()
  const created = await client.get(resource, keyOf({ metadata: made! })).catch(explain)
  const same = await client.update(resource, deepClone(created)).catch(explain)
  assert.equal(
    same.metadata!.resourceVersion,
    created.metadata!.resourceVersion,
    `${label}: an update without a change writes nothing`,
  )
  const changed = deepClone(created)
  changed.metadata!.labels = { ...changed.metadata!.labels, changed: 'yes' }
  const updated = await client.update(resource, changed).catch(explain)
  assert.equal(updated.metadata!.labels!['changed'], 'yes', label)
  assert.equal(updated.metadata!.generation, created.metadata!.generation, `${label}: labels are not content`)
  const key = resource.scope === 'Namespaced' ? `default/${created.metadata!.name}` : created.metadata!.name!
  assert.deepEqual(resource.columns.map((column) => typeof column.value(updated, { nowMs: 0 })).includes('object'), false, label)
  await client.delete(resource, key).catch(explain)
}

test('the examples are accepted as they are', async () => {
  await using server = await serverWithAccount()
  for (const file of readdirSync(EXAMPLES)) {
    for (const object of loadAll(readFileSync(join(EXAMPLES, file), 'utf8')) as KubernetesObject[]) {
      const resource = allResources.find((each) => each.kind === object.kind && apiVersionOf(each) === object.apiVersion)!
      const draft = {
        ...object,
        metadata: { ...object.metadata, ...(resource.scope === 'Namespaced' && { namespace: 'default' }) },
      }
      await server.client.create(resource, draft, { fieldValidation: 'Strict' })
    }
  }
})

const messageOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: unknown) => (error as StatusError).status.message ?? '',
  )

test('refusals read as upstream words them', async () => {
  await using server = await serverWithAccount()
  const { client } = server
  const metadata = { name: 'x', namespace: 'default' }
  assert.equal(
    await messageOf(client.create(deployments, { metadata } as Deployment)),
    'Deployment.apps "x" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: Required value]',
  )
  assert.equal(
    await messageOf(client.create(jobs, { metadata, spec: { template: { spec: { containers } } } } as Job)),
    'Job.batch "x" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  )
  assert.equal(
    await messageOf(client.create(pods, { metadata, spec: { containers: [{ name: 'c', ports: [{}] }] } } as unknown as Pod)),
    'Pod "x" is invalid: [spec.containers[0].image: Required value, spec.containers[0].ports[0].containerPort: Required value]',
  )
  const service = await client.create(services, { metadata, spec: { ports: [{ port: 80 }] } })
  const moved = deepClone(service) as Service
  moved.spec!.clusterIP = '10.96.7.7'
  moved.spec!.clusterIPs = ['10.96.7.7']
  assert.equal(
    await messageOf(client.update(services, moved)),
    'Service "x" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.7.7"]: may not change once set',
  )
  const deployment = await client.create(deployments, {
    metadata,
    spec: { selector: { matchLabels: labels }, template },
  } as Deployment)
  const other = deepClone(deployment) as Deployment
  other.spec!.selector = { matchLabels: { app: 'y' } }
  other.spec!.template.metadata!.labels = { app: 'y' }
  assert.equal(
    await messageOf(client.update(deployments, other)),
    'Deployment.apps "x" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable',
  )
})

test('of all kinds only a node is created with its status', async () => {
  await using server = await serverWithAccount()
  const status = { capacity: { cpu: '4' } }
  const node = await server.client.create(nodes, { metadata: { name: 'n' }, status })
  const { nodeInfo, daemonEndpoints, ...set } = node.status!
  assert.deepEqual(set, { ...status, allocatable: status.capacity })
  // Structs that are no pointers are there before a kubelet fills them.
  assert.deepEqual(daemonEndpoints, { kubeletEndpoint: { Port: 0 } })
  assert.equal(nodeInfo!.kubeletVersion, '')
  const metadata = { name: 'x', namespace: 'default' }
  const service = { metadata, spec: { ports: [{ port: 80 }] }, status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } } }
  assert.deepEqual((await server.client.create(services, service)).status, { loadBalancer: {} })
})

test('both versions of an autoscaler show one object', async () => {
  await using server = await serverWithAccount()
  const { client } = server
  const spec = { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' }, targetCPUUtilizationPercentage: 60 }
  const metadata = { name: 'x', namespace: 'default' }
  await client.create(horizontalPodAutoscalersV1, { metadata, spec } as HorizontalPodAutoscalerV1)
  const newer = await client.get(horizontalPodAutoscalers, 'default/x')
  assert.equal(newer.spec!.metrics![0]!.resource!.target.averageUtilization, 60)
  const older = await client.get(horizontalPodAutoscalersV1, 'default/x')
  assert.equal(older.spec!.targetCPUUtilizationPercentage, 60)
  assert.equal(older.apiVersion, 'autoscaling/v1')
})
