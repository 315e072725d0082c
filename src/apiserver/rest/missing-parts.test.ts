import assert from 'node:assert/strict'
import test from 'node:test'
import { pods } from '#api'
import { podOf, startAdmissionTest, TEST_ADMIN } from '#testing'

const REVIEWS = '/apis/authorization.k8s.io/v1'
const NOTHING =
  '[spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified'
const NOBODY = 'spec.user: Invalid value: "": at least one of user or group must be specified'
const NOWHERE = 'Binding "p" is invalid: target.name: Required value'

/** What is asked of nothing, and why that is refused: the part that says what is simply not there. */
const CASES: readonly (readonly [path: string, body: object, code: number, message: string])[] = [
  ['/api/v1/namespaces/work/pods/p/binding', { apiVersion: 'v1', kind: 'Binding' }, 422, NOWHERE],
  ['/api/v1/namespaces/work/bindings', { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' } }, 422, NOWHERE],
  [`${REVIEWS}/subjectaccessreviews`, {}, 422, `SubjectAccessReview.authorization.k8s.io "" is invalid: ${NOTHING}, ${NOBODY}]`],
  [
    `${REVIEWS}/namespaces/work/localsubjectaccessreviews`,
    {},
    422,
    `LocalSubjectAccessReview.authorization.k8s.io "" is invalid: ${NOTHING}, ${NOBODY}]`,
  ],
  [
    `${REVIEWS}/selfsubjectaccessreviews`,
    {},
    422,
    `SelfSubjectAccessReview.authorization.k8s.io "" is invalid: ${NOTHING.slice(1)}`,
  ],
  [`${REVIEWS}/selfsubjectrulesreviews`, {}, 400, 'no namespace on request'],
  ['/apis/authentication.k8s.io/v1/tokenreviews', {}, 400, 'token is required for TokenReview in authentication'],
]

test('a question without what it asks is refused like one that asks nothing', async () => {
  await using api = await startAdmissionTest()
  await api.client.create(pods, podOf('p'))
  for (const [path, body, code, message] of CASES) {
    const answer = await api.server.handle(
      {
        method: 'POST',
        path,
        query: new URLSearchParams(),
        headers: { 'content-type': 'application/json' },
        body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(body)) },
      },
      { kind: 'in-process', user: TEST_ADMIN },
    )
    const status = answer.body.kind === 'object' ? (answer.body.object as { message?: string }) : {}
    assert.deepEqual([path, answer.status, status.message], [path, code, message])
  }
})
