import assert from 'node:assert/strict'
import test from 'node:test'
import { deployments, namespaces, type Pod, pods } from '#api'
import type { Client, TransportResponse } from '#client'
import { makeNamespace, podOf, refusal, startAdmissionTest } from '#testing'

const label = (mode: string): string => `pod-security.kubernetes.io/${mode}`
const PRIVILEGED: Partial<NonNullable<Pod['spec']>> = { hostNetwork: true, containers: [{ name: 'c', image: 'i' }] }

const inNamespace = (pod: Pod, namespace: string): Pod => ({ ...pod, metadata: { ...pod.metadata, namespace } })

/** The sentences of the `Warning:` headers. */
async function warningsOf(client: Client, method: 'POST' | 'PATCH', path: string, object: unknown): Promise<string[]> {
  const type = method === 'POST' ? 'application/json' : 'application/merge-patch+json'
  const response: TransportResponse = await client.request({
    method,
    path,
    headers: { 'content-type': type },
    body: { kind: 'object', object },
  })
  return [...(response.headers['warning'] ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(
    ([, text]) => JSON.parse(`"${text}"`) as string,
  )
}

test('a namespace’s labels enforce a level, by its version', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await makeNamespace(client, 'strict', { [label('enforce')]: 'baseline' })
  await makeNamespace(client, 'older', { [label('enforce')]: 'restricted', [label('enforce-version')]: 'v1.7' })
  await client.create(pods, podOf('free', PRIVILEGED))
  assert.equal(
    await refusal(client.create(pods, inNamespace(podOf('p', PRIVILEGED), 'strict'))),
    'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  )
  await client.create(pods, inNamespace(podOf('p'), 'strict'))
  assert.equal(
    await refusal(client.create(pods, inNamespace(podOf('p'), 'older'))),
    'pods "p" is forbidden: violates PodSecurity "restricted:v1.7": runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true)',
  )
})

test('warnings tell of pods and of templates that would violate; templates are never refused', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await makeNamespace(client, 'told', {
    [label('enforce')]: 'baseline',
    [label('warn')]: 'restricted',
    [label('warn-version')]: 'v1.8',
  })
  const why =
    'would violate PodSecurity "restricted:v1.8": allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true)'
  assert.deepEqual(await warningsOf(client, 'POST', '/api/v1/namespaces/told/pods', inNamespace(podOf('p'), 'told')), [why])
  const template = { metadata: { labels: { a: 'b' } }, spec: { ...podOf('x').spec, hostPID: true } }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'told' },
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  }
  const said = await warningsOf(client, 'POST', '/apis/apps/v1/namespaces/told/deployments', deployment)
  assert.deepEqual(said, [why.replace(': allow', ': host namespaces (hostPID=true), allow')])
  assert.ok(await client.find(deployments, 'told/d'))
})

test('who only enforces is warned of the same level', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await makeNamespace(client, 'told', { [label('enforce')]: 'baseline' })
  const template = { metadata: { labels: { a: 'b' } }, spec: { ...podOf('x').spec, hostPID: true } }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  }
  assert.deepEqual(await warningsOf(client, 'POST', '/apis/apps/v1/namespaces/told/deployments', deployment), [
    'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)',
  ])
})

test('a namespace that gets stricter tells of the pods that would be refused now', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  for (const name of ['b', 'a', 'c']) await client.create(pods, podOf(name, PRIVILEGED))
  await client.create(
    pods,
    podOf('d', { hostPID: true, containers: [{ name: 'c', image: 'i', securityContext: { privileged: true } }] }),
  )
  await client.create(pods, podOf('fine'))
  const said = await warningsOf(client, 'PATCH', '/api/v1/namespaces/work', {
    metadata: { labels: { [label('enforce')]: 'baseline' } },
  })
  assert.deepEqual(said, [
    'existing pods in namespace "work" violate the new PodSecurity enforce level "baseline:latest"',
    'a (and 2 other pods): host namespaces',
    'd: host namespaces, privileged',
  ])
  const again = await warningsOf(client, 'PATCH', '/api/v1/namespaces/work', {
    metadata: { labels: { [label('enforce')]: 'privileged' } },
  })
  assert.deepEqual(again, [])
})

test('labels that make no sense are refused', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const patch = (labels: Record<string, string>): Promise<unknown> =>
    client.patch(namespaces, 'work', { metadata: { labels } }, { type: 'merge' })
  assert.equal(
    await refusal(patch({ [label('enforce')]: 'strict' })),
    'Namespace "work" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
  )
  assert.equal(
    await refusal(patch({ [label('warn-version')]: '1.30' })),
    'Namespace "work" is invalid: metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.30": must be "latest" or "v1.x"',
  )
})

test('defaults hold where labels say nothing, and exemptions everywhere', async () => {
  await using api = await startAdmissionTest({
    admission: {
      configuration: {
        plugins: [
          {
            name: 'PodSecurity',
            configuration: {
              apiVersion: 'pod-security.admission.config.k8s.io/v1',
              kind: 'PodSecurityConfiguration',
              defaults: { enforce: 'baseline', 'enforce-version': 'v1.30' },
              exemptions: { namespaces: ['kept-out'], usernames: ['robot'], runtimeClasses: ['sealed'] },
            },
          },
        ],
      },
    },
  })
  const { client } = api
  assert.match(await refusal(client.create(pods, podOf('p', PRIVILEGED))), /violates PodSecurity "baseline:v1.30"/)
  await api.clientFor({ username: 'robot', groups: ['system:masters'] }).create(pods, podOf('p', PRIVILEGED))
  await makeNamespace(client, 'kept-out')
  await client.create(pods, inNamespace(podOf('p', PRIVILEGED), 'kept-out'))
  const ask = (labels: Record<string, string>): Promise<string[]> =>
    warningsOf(client, 'PATCH', '/api/v1/namespaces/kept-out', { metadata: { labels } })
  assert.deepEqual(await ask({ [label('enforce')]: 'restricted', [label('warn')]: 'baseline' }), [
    'namespace "kept-out" is exempt from Pod Security, and the policy (enforce=restricted:v1.30, warn=baseline:latest) will be ignored',
  ])
  assert.deepEqual(await ask({ [label('enforce')]: 'privileged', [label('warn')]: 'privileged' }), [])
})

test('a running pod is judged again only when its images change', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await client.create(pods, podOf('p', PRIVILEGED))
  await client.patch(namespaces, 'work', { metadata: { labels: { [label('enforce')]: 'baseline' } } }, { type: 'merge' })
  await client.patch(pods, 'work/p', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
  const image = { spec: { containers: [{ name: 'c', image: 'j' }] } }
  assert.match(
    await refusal(client.patch(pods, 'work/p', image, { type: 'strategic' })),
    /violates PodSecurity "baseline:latest"/,
  )
})
