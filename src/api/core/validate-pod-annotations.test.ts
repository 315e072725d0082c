import assert from 'node:assert/strict'
import test from 'node:test'
import { findingsOf, made, updateFindings, warningsOf } from '#testing'
import { deployments, type Pod, type PodTemplateSpec, pods } from '../index.ts'

const container = { name: 'c', image: 'nginx:1' }
const A = 'metadata.annotations'
const POD_SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/c'
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/c'
const COST = 'controller.kubernetes.io/pod-deletion-cost'
const MIRROR = 'kubernetes.io/config.mirror'
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations'

const podOf = (annotations: object, spec: object = {}) => ({
  metadata: { name: 'p', namespace: 'default', annotations },
  spec: { containers: [container], ...spec },
})
const within = (securityContext: object): object => ({ containers: [{ ...container, securityContext }] })

const cases: readonly (readonly [what: string, annotations: object, refusals: readonly string[], spec?: object])[] = [
  ['nothing of these', { a: 'b', [COST]: '-5', [SECCOMP]: 'docker/default', [POD_SECCOMP]: 'localhost/a/b' }, []],
  [
    'a mirror of no node',
    { [MIRROR]: 'x' },
    [`${A}[${MIRROR}]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set`],
  ],
  ['a mirror', { [MIRROR]: 'x' }, [], { nodeName: 'n' }],
  ...['x', '1.5', '01', '2147483648', '+1', ''].map(
    (cost) => ['a cost', { [COST]: cost }, [`${A}[${COST}]: Invalid value: "${cost}": must be a 32bit integer`]] as const,
  ),
  [
    'profiles of seccomp',
    { [POD_SECCOMP]: 'x', [SECCOMP]: 'localhost//a' },
    [
      `${A}.${POD_SECCOMP}: Invalid value: "x": must be a valid seccomp profile`,
      `${A}.${SECCOMP}: Invalid value: "/a": must be a relative path`,
    ],
  ],
  [
    'profiles of AppArmor',
    { [APP_ARMOR]: 'x', [`${APP_ARMOR}2`]: 'unconfined' },
    [
      `${A}[${APP_ARMOR}]: Invalid value: "x": invalid AppArmor profile name: "x"`,
      `${A}[${APP_ARMOR}2]: Invalid value: "c2": container not found`,
    ],
  ],
  [
    'tolerations',
    { [TOLERATIONS]: '[{"key":"a","operator":"Near"}]' },
    [`${A}.${TOLERATIONS}[0].operator: Unsupported value: "Near": supported values: "Equal", "Exists"`],
  ],
  [
    'tolerations that are none',
    { [TOLERATIONS]: '{}' },
    [`${A}: Invalid value: "${TOLERATIONS}": json: cannot unmarshal object into Go value of type []v1.Toleration`],
  ],
  [
    'another type of seccomp in the field',
    { [POD_SECCOMP]: 'unconfined', [SECCOMP]: 'runtime/default' },
    [
      'spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
      'spec.containers[0].securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
    ],
    {
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      ...within({ seccompProfile: { type: 'Localhost', localhostProfile: 'a' } }),
    },
  ],
  [
    'another profile in the field',
    { [POD_SECCOMP]: 'localhost/b', [SECCOMP]: 'docker/default' },
    ['spec.securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match'],
    {
      securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'a' } },
      ...within({ seccompProfile: { type: 'RuntimeDefault' } }),
    },
  ],
  [
    'another profile of AppArmor in the field',
    { [APP_ARMOR]: 'localhost/b' },
    [
      'spec.containers[0].securityContext.appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field must match',
    ],
    within({ appArmorProfile: { type: 'Localhost', localhostProfile: 'a' } }),
  ],
  [
    'another type of AppArmor in the field',
    { [APP_ARMOR]: 'unconfined' },
    ['spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match'],
    within({ appArmorProfile: { type: 'RuntimeDefault' } }),
  ],
]

for (const [what, annotations, refusals, spec] of cases) {
  test(`annotations of a pod: ${what} ${JSON.stringify(annotations)}`, () => {
    assert.deepEqual(findingsOf(pods, podOf(annotations, spec)), refusals)
  })
}

test('annotations of a pod are rules of its template too, which keeps a cost that was none', () => {
  const labels = { app: 'x' }
  const deploymentOf = (annotations: object, replicas = 1) =>
    made(deployments, {
      metadata: { name: 'd', namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels, annotations }, spec: { containers: [container] } },
      },
    })
  const annotations = { [COST]: 'x', [SECCOMP]: 'x', 'not ok': '' }
  assert.deepEqual(
    updateFindings(deployments, deploymentOf(annotations), deploymentOf({})).map((each) => each.slice(0, each.indexOf(': '))),
    ['spec.template.annotations', `spec.template.annotations[${COST}]`, `spec.template.annotations.${SECCOMP}`],
  )
  assert.deepEqual(updateFindings(deployments, deploymentOf({ [COST]: 'y' }, 2), deploymentOf({ [COST]: 'x' })), [])
  assert.deepEqual(updateFindings(deployments, deploymentOf({ big: 'x'.repeat(256 * 1024) }), deploymentOf({})), [
    'spec.template.annotations: Too long: may not be more than 262144 bytes',
  ])
})

test('what a kubelet began by stays', () => {
  const change = (now: object, was: object): string[] =>
    updateFindings(pods, made(pods, podOf(now, { nodeName: 'n' })), made(pods, podOf(was, { nodeName: 'n' })))
  const profile = { [APP_ARMOR]: 'unconfined' }
  assert.deepEqual(change(profile, profile), [])
  assert.equal(change({}, profile)[0], `${A}[${APP_ARMOR}]: Forbidden: may not remove or update AppArmor annotations`)
  assert.ok(change(profile, {}).includes(`${A}[${APP_ARMOR}]: Forbidden: may not add AppArmor annotations`))
  assert.deepEqual(change({ [MIRROR]: 'b' }, { [MIRROR]: 'a' }), [
    `${A}[${MIRROR}]: Forbidden: may not remove or update mirror pod annotation`,
  ])
  assert.deepEqual(change({ [MIRROR]: 'b' }, {}), [`${A}[${MIRROR}]: Forbidden: may not add mirror pod annotation`])
  assert.deepEqual(change({ [COST]: 'b' }, { [COST]: 'a' }), [])
  assert.deepEqual(change({ [COST]: 'b' }, { [COST]: '1' })[0], `${A}[${COST}]: Invalid value: "b": must be a 32bit integer`)
})

test('what only annotations say of AppArmor becomes fields of a new pod', () => {
  const profileOf = (text: string, spec: object = {}): [unknown, string[]] => {
    const warnings: string[] = []
    const pod = made(pods, podOf({ [APP_ARMOR]: text }, spec), warnings)
    return [pod.spec!.containers[0]!.securityContext?.appArmorProfile, warnings]
  }
  const warning = [`${A}[${APP_ARMOR}]: deprecated since v1.30; use the "appArmorProfile" field instead`]
  assert.deepEqual(profileOf('unconfined'), [{ type: 'Unconfined' }, warning])
  assert.deepEqual(profileOf('runtime/default'), [{ type: 'RuntimeDefault' }, warning])
  assert.deepEqual(profileOf('localhost/a'), [{ type: 'Localhost', localhostProfile: 'a' }, warning])
  assert.deepEqual(profileOf('localhost/'), [undefined, warning])
  assert.deepEqual(profileOf('x'), [undefined, warning])
  const same = { securityContext: { appArmorProfile: { type: 'Unconfined' } } }
  assert.deepEqual(profileOf('unconfined', same), [undefined, []])
  assert.deepEqual(profileOf('unconfined', within({ appArmorProfile: { type: 'RuntimeDefault' } })), [
    { type: 'RuntimeDefault' },
    [],
  ])
  assert.deepEqual(profileOf('unconfined', { os: { name: 'windows' } }), [undefined, []])
})

test('a template is warned of what its annotations say of AppArmor', () => {
  const labels = { app: 'x' }
  const template = { metadata: { labels, annotations: { [APP_ARMOR]: 'unconfined' } }, spec: { containers: [container] } }
  const sent = { metadata: { name: 'd', namespace: 'default' }, spec: { selector: { matchLabels: labels }, template } }
  const deployment = made(deployments, sent)
  const { spec }: PodTemplateSpec = deployment.spec!.template
  assert.equal(spec!.containers[0]!.securityContext, undefined)
  assert.deepEqual(warningsOf(deployments, deployment), [
    `spec.template.metadata.annotations[${APP_ARMOR}]: deprecated since v1.30; use the "appArmorProfile" field instead`,
  ])
  assert.deepEqual(warningsOf(pods, made(pods, podOf({ [APP_ARMOR]: 'unconfined' })) as Pod), [])
})
