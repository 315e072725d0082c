import assert from 'node:assert/strict'
import test from 'node:test'
import { StatusError } from '#meta'
import { requireAuthorization } from './require.ts'
import type { AuthorizationAttributes, Decision } from './types.ts'

/** What is answered to a request when each authorizer decides so. */
async function answered(
  attributes: { readonly username?: string } & Partial<Extract<AuthorizationAttributes, { isResource: true }>>,
  ...decisions: readonly Decision[]
): Promise<string> {
  const { username = 'ann', ...rest } = attributes
  const authorizers = decisions.map((decision, index) => ({ name: `${index}`, authorize: () => decision }))
  const pods = { group: '', version: 'v1', resource: 'pods', subresource: '', namespace: '', name: '' }
  const asked = { user: { username, groups: [] }, verb: 'get', isResource: true, ...pods, ...rest } as const
  try {
    await requireAuthorization(authorizers, asked, undefined)
    return 'allowed'
  } catch (error) {
    assert.ok(error instanceof StatusError)
    return `${error.code} ${error.message}`
  }
}

const unsure = (reason: string, error?: string): Decision => ({ decision: 'no-opinion', reason, ...(error && { error }) })

test('a refusal quotes what a client sent as Go does, and shows nothing that could be HTML', async () => {
  assert.equal(
    await answered({ username: '<b>"\u0001é', name: 'a\u200b"', namespace: 'x&y', subresource: '<s>' }, unsure('<why>')),
    '403 pods "a\\u200b\\"" is forbidden: User "&lt;b&gt;\\"\\x01é" cannot get resource "pods/&lt;s&gt;" in API group "" in the namespace "x&amp;y": <why>',
  )
})

test('what kept authorizers from an opinion is told once each', async () => {
  assert.equal(await answered({}, unsure('', 'broken'), unsure('', 'broken')), '500 Internal error occurred: broken')
  assert.equal(await answered({}, unsure('', 'a'), unsure('', 'b'), unsure('', 'a')), '500 Internal error occurred: [a, b]')
})
