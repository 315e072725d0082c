import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import {
  allResources,
  cronJobs,
  type Deployment,
  deployments,
  eventsEvents,
  horizontalPodAutoscalersV1,
  type Job,
  jobs,
  namespaces,
  networkPolicies,
  type Pod,
  pods,
  secrets,
  services,
} from './index.ts'

const metadata = { name: 'x', namespace: 'default', uid: 'u-1' }
const pod = (spec: object): Pod => ({ metadata: { ...metadata }, spec: { containers: [], ...spec } }) as Pod
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } }

test('defaults of defaults are the same, for every kind', () => {
  for (const resource of allResources) {
    for (const spec of [undefined, {}, { template }, { ports: [{ port: 80 }], type: 'NodePort' }]) {
      const once = { metadata: { ...metadata }, ...(spec && { spec: deepClone(spec) }) }
      if (spec === undefined && resource.kind === 'Binding') continue
      resource.default(once as never)
      const twice = deepClone(once)
      resource.default(twice as never)
      assert.deepEqual(twice, once, resource.kind)
    }
  }
})

test('a pod gets what upstream fills in', () => {
  const draft = pod({
    serviceAccount: 'robot',
    containers: [
      {
        name: 'c',
        image: 'registry:5000/web',
        resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } },
        ports: [{ containerPort: 80 }],
        livenessProbe: { httpGet: { port: 80 } },
        env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
      },
    ],
    volumes: [{ name: 'a' }, { name: 'b', secret: { secretName: 's' } }],
  })
  pods.default(draft)
  pods.prepareForCreate(draft, [])
  const [container] = draft.spec!.containers
  assert.equal(container!.imagePullPolicy, 'Always')
  assert.deepEqual(container!.resources!.requests, { cpu: '500m', memory: '1Gi' })
  assert.deepEqual(container!.ports, [{ containerPort: 80, protocol: 'TCP' }])
  assert.deepEqual(container!.livenessProbe, {
    httpGet: { port: 80, path: '/', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  })
  assert.equal(container!.env![0]!.valueFrom!.fieldRef!.apiVersion, 'v1')
  assert.deepEqual(draft.spec!.volumes, [
    { name: 'a', emptyDir: {} },
    { name: 'b', secret: { secretName: 's', defaultMode: 0o644 } },
  ])
  assert.equal(draft.spec!.serviceAccountName, 'robot')
  assert.equal(draft.spec!.enableServiceLinks, true)
  assert.deepEqual(draft.status, { phase: 'Pending', qosClass: 'Burstable' })
})

test('pull policies follow the tag', () => {
  const policies = ['nginx', 'nginx:latest', 'nginx:1', 'r:5000/a/b', 'r:5000/a/b:2', 'nginx@sha256:00'].map((image) => {
    const draft = pod({ containers: [{ name: 'c', image }] })
    pods.default(draft)
    return draft.spec!.containers[0]!.imagePullPolicy
  })
  assert.deepEqual(policies, ['Always', 'Always', 'IfNotPresent', 'Always', 'IfNotPresent', 'IfNotPresent'])
})

test('only a pod that a kubelet may be running is given time to end', () => {
  assert.equal(pods.gracePeriodSeconds(pod({ terminationGracePeriodSeconds: 7 })), 0)
  assert.equal(pods.gracePeriodSeconds(pod({ nodeName: 'n', terminationGracePeriodSeconds: 7 })), 7)
  assert.equal(pods.gracePeriodSeconds({ ...pod({ nodeName: 'n' }), status: { phase: 'Failed' } }), 0)
})

test('a Job selects by its uid unless it says otherwise', () => {
  const draft = { metadata: { ...metadata }, spec: { template: deepClone(template) } } as Job
  jobs.default(draft)
  jobs.prepareForCreate(draft, [])
  assert.deepEqual(draft.spec!.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u-1' } })
  assert.equal(draft.spec!.template.metadata!.labels!['job-name'], 'x')
  assert.equal(draft.spec!.backoffLimit, 6)
  assert.equal(draft.spec!.completions, 1)
})

test('deployments roll by a quarter', () => {
  const draft = { metadata, spec: { selector: {}, template: deepClone(template) } } as Deployment
  deployments.default(draft)
  assert.deepEqual(draft.spec!.strategy, {
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
  })
  assert.equal(draft.spec!.replicas, 1)
})

test('small kinds', () => {
  const secret = { metadata, stringData: { a: 'b', __proto__: 'c' }, data: { a: 'eA==' } }
  secrets.default(secret)
  assert.deepEqual(secret, { metadata, type: 'Opaque', data: { a: 'Yg==' } })

  const namespace = { metadata: { name: 'n' } }
  namespaces.default(namespace)
  namespaces.prepareForCreate(namespace, [])
  assert.deepEqual(namespace, {
    metadata: { name: 'n', labels: { 'kubernetes.io/metadata.name': 'n' } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  })

  const policy = { metadata, spec: { podSelector: {}, egress: [{}] } }
  networkPolicies.default(policy)
  assert.deepEqual((policy.spec as { policyTypes?: unknown }).policyTypes, ['Ingress', 'Egress'])

  const service = { metadata, spec: { ports: [{ port: 80 }] } }
  services.default(service)
  assert.deepEqual(service.spec, {
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
    type: 'ClusterIP',
    internalTrafficPolicy: 'Cluster',
  })

  const cron = { metadata, spec: { schedule: '* * * * *', jobTemplate: { spec: { template: deepClone(template) } } } }
  cronJobs.default(cron as never)
  assert.equal((cron.spec as { concurrencyPolicy?: string }).concurrencyPolicy, 'Allow')
  assert.equal((cron.spec.jobTemplate.spec as { backoffLimit?: number }).backoffLimit, undefined)
})

test('forms shared by two groups survive the way to the store and back', () => {
  const event = { metadata, apiVersion: 'events.k8s.io/v1', regarding: { name: 'p' }, note: 'hi', eventTime: 't', action: 'Act' }
  const stored = eventsEvents.storage!.toStored(event as never)
  assert.equal(stored.apiVersion, 'v1')
  const back = eventsEvents.storage!.fromStored(stored) as unknown as typeof event
  assert.equal(back.note, 'hi')
  assert.deepEqual(back.regarding, { name: 'p' })

  const autoscaler = {
    metadata: { ...metadata, annotations: { 'autoscaling.alpha.kubernetes.io/metrics': 'not json' } },
    spec: { maxReplicas: 3, minReplicas: 1, scaleTargetRef: { kind: 'D', name: 'd' }, targetCPUUtilizationPercentage: 50 },
  }
  const { storage } = horizontalPodAutoscalersV1
  const again = storage!.fromStored(storage!.toStored(autoscaler))
  assert.deepEqual(again.spec, autoscaler.spec)
})
