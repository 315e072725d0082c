import assert from 'node:assert/strict'
import test from 'node:test'
import { localSubjectAccessReviews, selfSubjectAccessReviews, selfSubjectRulesReviews, subjectAccessReviews } from '#api'
import { grant, refusal, ruleOf, startAdmissionTest } from '#testing'

const AUTH = { apiVersion: 'authorization.k8s.io/v1' } as const
const ANN = { username: 'ann', groups: ['system:authenticated'] }
const review = (spec: object, rest: object = {}) => ({ ...AUTH, kind: 'SubjectAccessReview', spec, ...rest }) as never

test('a review that can not be understood is refused, field by field', async () => {
  await using api = await startAdmissionTest()
  const invalid = (spec: object, rest?: object): Promise<string> =>
    refusal(api.client.create(subjectAccessReviews, review(spec, rest)))
  const about = 'SubjectAccessReview.authorization.k8s.io "" is invalid: '
  const resourceAttributes = { verb: 'get', resource: 'pods' }
  assert.equal(
    await invalid({}),
    `${about}[spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]`,
  )
  assert.match(
    await invalid({ user: 'a', resourceAttributes, nonResourceAttributes: { path: '/', verb: 'get' } }),
    /spec.nonResourceAttributes: Invalid value: .*: cannot be specified in combination with resourceAttributes$/,
  )
  assert.match(
    await invalid({ user: 'a', resourceAttributes }, { metadata: { name: 'x' } }),
    /metadata: Invalid value: .*: must be empty$/,
  )
  assert.match(
    await invalid({ user: 'a', resourceAttributes: { ...resourceAttributes, fieldSelector: {} } }),
    /spec.resourceAttributes.fieldSelector.requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required$/,
  )
  const local = (namespace: string, spec: object, metadata?: object): Promise<string> =>
    refusal(
      api.client.create(localSubjectAccessReviews, {
        ...AUTH,
        kind: 'LocalSubjectAccessReview',
        metadata: { namespace, ...metadata },
        spec,
      } as never),
    )
  assert.match(
    await local('work', { user: 'a', resourceAttributes: { ...resourceAttributes, namespace: 'other' } }),
    /spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace$/,
  )
  assert.match(
    await local('work', { user: 'a', nonResourceAttributes: { path: '/', verb: 'get' } }),
    /spec.nonResourceAttributes: Invalid value: .*: disallowed on this kind of request$/,
  )
})

test('selectors that are not understood limit nothing, and the answer says so', async () => {
  await using api = await startAdmissionTest()
  const ask = async (resourceAttributes: object): Promise<string | undefined> => {
    const spec = { user: 'ann', resourceAttributes: { verb: 'list', resource: 'pods', ...resourceAttributes } }
    return (await api.client.create(subjectAccessReviews, review(spec))).status?.evaluationError
  }
  const unknown = { key: 'a', operator: 'Sounds', values: ['like'] }
  assert.equal(await ask({ fieldSelector: { rawSelector: 'spec.nodeName=a' } }), undefined)
  assert.equal(
    await ask({
      fieldSelector: { rawSelector: 'a' },
      labelSelector: { requirements: [unknown, { ...unknown, operator: 'In' }] },
    }),
    '[spec.resourceAttributes.fieldSelector ignored due to parse error, spec.resourceAttributes.labelSelector partially ignored due to parse error]',
  )
})

test('who asks for its own rights gets those of its bindings in the namespace and everywhere', async () => {
  await using api = await startAdmissionTest()
  const ann = api.clientFor(ANN)
  await grant(api.client, 'ann', [ruleOf('core', 'secrets', 'get', 'one')], { namespace: 'work' })
  await grant(api.client, 'ann', [{ nonResourceURLs: ['/mine'], verbs: ['get'] }])
  const own = async (client = ann) =>
    (await client.create(selfSubjectRulesReviews, { ...AUTH, kind: 'SelfSubjectRulesReview', spec: { namespace: 'work' } }))
      .status!
  const { resourceRules, nonResourceRules, incomplete, evaluationError } = await own()
  assert.deepEqual([incomplete, evaluationError], [false, undefined])
  assert.deepEqual(
    resourceRules.filter(({ resources }) => resources?.includes('secrets')),
    [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['one'] }],
  )
  assert.ok(resourceRules.some(({ resources }) => resources?.includes('selfsubjectrulesreviews')))
  assert.ok(nonResourceRules.some(({ nonResourceURLs }) => nonResourceURLs?.includes('/mine')))
  const other = { ...AUTH, kind: 'SelfSubjectRulesReview', spec: { namespace: 'default' } }
  const elsewhere = (await ann.create(selfSubjectRulesReviews, other)).status!
  assert.ok(!elsewhere.resourceRules.some(({ resources }) => resources?.includes('secrets')))
  const node = await own(api.clientFor({ username: 'system:node:n', groups: ['system:nodes', 'system:authenticated'] }))
  assert.deepEqual([node.incomplete, node.evaluationError], [true, 'node authorizer does not support user rule resolution'])
  const self = {
    ...AUTH,
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'get', resource: 'secrets', name: 'one', namespace: 'work' } },
  }
  assert.deepEqual((await ann.create(selfSubjectAccessReviews, self)).status, {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "ann/work" of Role "ann" to User "ann"',
  })
})
