import assert from 'node:assert/strict'
import test from 'node:test'
import { settle, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { StatusError } from '#meta'
import type { AuthorizationAttributes, Decision } from '../authorization/index.ts'
import type { Timekeeper } from '../latencies.ts'
import { Impersonation } from './impersonation.ts'

const ANN: UserInfo = { username: 'ann', groups: ['dev'] }
const NODE_NAME = 'authentication.kubernetes.io/node-name'

/** A token of a pod on a node. */
const agentOn = (...nodes: string[]): UserInfo => ({
  username: 'system:serviceaccount:kube-system:agent',
  groups: ['system:serviceaccounts'],
  extra: { [NODE_NAME]: nodes, 'authentication.kubernetes.io/pod-name': [`agent-${nodes[0]}`] },
})

type Headers = Readonly<Record<string, string | readonly string[]>>

/** Asks for pods as others by what `allowed` says, and keeps what was asked of authorizers on the way, each question in a line. */
class Lab {
  readonly clock = new VirtualClock()
  readonly asked: AuthorizationAttributes[] = []
  readonly timed: string[] = []
  readonly impersonation: Impersonation
  #allowed: (line: string) => boolean | Partial<Decision> = () => false

  constructor(isConstrained = true) {
    const authorize = (attributes: AuthorizationAttributes): Decision => {
      this.asked.push(attributes)
      const said = this.#allowed(lineOf(attributes))
      return { decision: said === true ? 'allow' : 'no-opinion', reason: '', ...(typeof said === 'object' && said) }
    }
    this.impersonation = new Impersonation({ authorizers: [{ name: 'lab', authorize }], clock: this.clock, isConstrained })
  }

  allow(...lines: string[]): void {
    this.#allowed = (line) => lines.includes(line)
  }

  answer(said: (line: string) => boolean | Partial<Decision>): void {
    this.#allowed = said
  }

  /** The user and the verb that allowed it, or the refusal; and what was asked. */
  async as(wanted: string | Headers, of: { readonly user?: UserInfo; readonly uri?: string } = {}) {
    const { user = ANN, uri = '/api/v1/namespaces/work/pods' } = of
    const headers = typeof wanted === 'string' ? { 'impersonate-user': wanted } : wanted
    const values = (name: string): readonly string[] => [headers[name] ?? []].flat()
    const [path = '', query] = uri.split('?')
    const joined = Object.fromEntries(Object.keys(headers).map((name) => [name, values(name).join(', ')]))
    this.asked.length = 0
    const request = { method: 'GET', path, query: new URLSearchParams(query), headers: joined, headerValues: values } as const
    const keeper: Timekeeper = {
      timed: (layer, work) => {
        this.timed.push(layer)
        return work()
      },
    }
    const pods = { group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'work', name: '' }
    const attributes = { user, verb: 'list', isResource: true, ...pods, ...(query && { labelSelector: undefined }) } as const
    try {
      const found = await this.impersonation.impersonated(request, user, () => attributes, keeper)
      return { user: found?.user, constraint: found?.constraint, lines: this.lines }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      return { refused: error.message, lines: this.lines }
    }
  }

  get lines(): string[] {
    return this.asked.map(lineOf)
  }
}

function lineOf(attributes: AuthorizationAttributes): string {
  if (!attributes.isResource) return `${attributes.verb} ${attributes.path}`
  const { verb, group, resource, subresource, name } = attributes
  return `${verb} ${group === '' ? 'core' : 'auth'} ${resource}${subresource && `/${subresource}`} ${name}`.trim()
}

const ON_USER = 'impersonate-on:user-info:list core pods'
const BOB = 'impersonate:user-info auth users bob'

test('who may do something as a user, and be that user, is that user for it', async () => {
  const lab = new Lab()
  lab.allow(ON_USER, BOB)
  const { user, constraint, lines } = await lab.as('bob')
  assert.deepEqual(user, { username: 'bob', groups: ['system:authenticated'] })
  assert.equal(constraint, 'impersonate:user-info')
  assert.deepEqual(lines, [ON_USER, BOB])
  assert.deepEqual(lab.timed, ['impersonation'])
  const [on] = lab.asked
  assert.deepEqual(on, {
    user: ANN,
    verb: 'impersonate-on:user-info:list',
    isResource: true,
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: '',
    namespace: 'work',
    name: '',
  })
})

test('who may one of both falls back to the right to be that user for everything, and is told what the first mode lacked', async () => {
  const lab = new Lab()
  lab.allow(ON_USER)
  const refused = await lab.as('bob')
  assert.deepEqual(refused.lines, [ON_USER, BOB, 'impersonate core users bob'])
  assert.equal(
    refused.refused,
    'users.authentication.k8s.io "bob" is forbidden: User "ann" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope',
  )
  lab.allow('impersonate core users bob')
  const { user, constraint } = await lab.as('bob')
  assert.deepEqual([user?.username, constraint], ['bob', undefined])
  const { refused: otherwise } = await lab.as('carl')
  assert.match(String(otherwise), /^users "carl" is forbidden: User "ann" cannot impersonate resource "users" in API group ""/)
})

test('the mode that a user succeeded with the last time is tried first', async () => {
  const lab = new Lab()
  lab.allow('impersonate core users bob')
  assert.deepEqual((await lab.as('bob')).lines, [ON_USER, 'impersonate core users bob'])
  assert.deepEqual((await lab.as('bob')).lines, ['impersonate core users bob'])
  lab.allow(ON_USER, BOB)
  assert.deepEqual((await lab.as('bob')).lines, ['impersonate core users bob', ON_USER, BOB])
  assert.deepEqual((await lab.as('bob', { user: { ...ANN, username: 'eve' } })).lines, [ON_USER, BOB])
})

test('nodes and service accounts have modes of their own, of a name alone', async () => {
  const lab = new Lab()
  lab.answer((line) => !line.startsWith('impersonate '))
  const node = await lab.as('system:node:n1')
  assert.deepEqual(node.lines, ['impersonate-on:arbitrary-node:list core pods', 'impersonate:arbitrary-node auth nodes n1'])
  assert.deepEqual(node.user, { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] })
  assert.equal(node.constraint, 'impersonate:arbitrary-node')
  const robot = await lab.as('system:serviceaccount:work:robot')
  assert.deepEqual(robot.lines, [
    'impersonate-on:serviceaccount:list core pods',
    'impersonate:serviceaccount auth serviceaccounts robot',
  ])
  assert.deepEqual(robot.user?.groups, ['system:serviceaccounts', 'system:serviceaccounts:work', 'system:authenticated'])
  assert.deepEqual(
    lab.asked.map((each) => each.isResource && each.namespace),
    ['work', 'work'],
  )
  const others: Headers[] = [{ 'impersonate-uid': '1' }, { 'impersonate-group': 'system:nodes' }, { 'impersonate-extra-a': '1' }]
  for (const more of others)
    for (const name of ['system:node:n1', 'system:serviceaccount:work:robot']) {
      const { lines } = await lab.as({ 'impersonate-user': name, ...more })
      assert.deepEqual(
        lines.filter((line) => !line.startsWith('impersonate ')),
        [],
        `${name} ${Object.keys(more)}`,
      )
    }
  // What can be no node's or account's name is a user's.
  for (const name of ['system:node:', 'system:node:N1', 'system:serviceaccount:a', 'system:serviceaccount:A:b'])
    assert.equal((await lab.as(name)).constraint, 'impersonate:user-info', name)
})

test('a service account may be the node on which it runs, and is asked about once for all nodes', async () => {
  const lab = new Lab()
  lab.allow('impersonate-on:associated-node:list core pods', 'impersonate:associated-node auth nodes *')
  const { user, constraint, lines } = await lab.as('system:node:n1', { user: agentOn('n1') })
  assert.deepEqual(user, { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] })
  assert.equal(constraint, 'impersonate:associated-node')
  assert.deepEqual(lines, ['impersonate-on:associated-node:list core pods', 'impersonate:associated-node auth nodes *'])
  const keys = { 'authentication.kubernetes.io/associated-node-keys': [NODE_NAME, 'authentication.kubernetes.io/pod-name'] }
  for (const { user: asked } of lab.asked) assert.deepEqual(asked, { ...agentOn('n1'), extra: keys })
  // Another pod of it on another node.
  const other = await lab.as('system:node:n2', { user: agentOn('n2') })
  assert.deepEqual([other.user?.username, other.lines], ['system:node:n2', []])
  // What is remembered is nobody's who runs elsewhere, or may run anywhere, or is no service account.
  for (const stranger of [agentOn('n1'), agentOn('n2', 'n1'), agentOn(), { ...agentOn('n2'), username: 'ann' }]) {
    const { refused, lines: questions } = await lab.as('system:node:n2', { user: stranger })
    assert.match(String(refused), /cannot impersonate-on:arbitrary-node:list resource "pods"/)
    assert.ok(!questions.some((line) => line.includes('associated-node')))
  }
})

test('what is allowed is remembered for ten seconds, for what was asked as who was asked for; what is refused is not', async () => {
  const lab = new Lab()
  lab.allow(ON_USER, BOB)
  await lab.as('bob')
  lab.allow()
  assert.deepEqual((await lab.as('bob')).lines, [])
  assert.equal((await lab.as('carl')).user, undefined)
  assert.equal((await lab.as('bob', { user: { ...ANN, groups: [] } })).user, undefined)
  // As the same user for something else: only that is asked.
  lab.allow(ON_USER)
  assert.deepEqual((await lab.as('bob', { uri: '/api/v1/namespaces/work/pods/' })).lines, [ON_USER])
  const selected = (selector: string) => lab.as('bob', { uri: `/api/v1/pods?labelSelector=${encodeURIComponent(selector)}` })
  assert.deepEqual((await selected('a>1')).lines, [ON_USER])
  assert.deepEqual((await selected('a>1')).lines, [])
  assert.deepEqual((await selected('a>2')).lines, [ON_USER], 'also by what authorizers are not told')
  assert.deepEqual((await selected('a in')).lines, [ON_USER])
  assert.deepEqual((await selected('a in')).lines, [ON_USER], 'what is not understood is not remembered')
  lab.allow()
  await lab.clock.advance(9_999)
  assert.deepEqual((await lab.as('bob')).lines, [])
  await lab.clock.advance(1)
  assert.deepEqual((await lab.as('bob')).lines, [ON_USER, 'impersonate core users bob'])
  await settle()
})

test('uid, groups and extra are asked one by one, and many of them first all at once', async () => {
  const lab = new Lab()
  lab.answer((line) => !line.endsWith('*'))
  const extra = { 'impersonate-extra-acme.com%2fproject': ['a', 'b'] }
  const bob = { 'impersonate-user': 'bob', 'impersonate-uid': 'u', ...extra }
  assert.deepEqual((await lab.as({ ...bob, 'impersonate-group': ['dev', 'ops'] })).lines, [
    ON_USER,
    BOB,
    'impersonate:user-info auth uids u',
    'impersonate:user-info auth groups dev',
    'impersonate:user-info auth groups ops',
    'impersonate:user-info auth userextras/acme.com/project a',
    'impersonate:user-info auth userextras/acme.com/project b',
  ])
  const [all, one, another] = ['*', 'a', 'b'].map((name) => `impersonate:user-info auth groups ${name}`)
  const many = { 'impersonate-user': 'bob', 'impersonate-group': ['a', 'b', 'a', 'b'] }
  assert.deepEqual((await lab.as(many)).lines.slice(2), [all, one, another, one, another])
  lab.answer(() => true)
  assert.deepEqual((await lab.as({ ...many, 'impersonate-user': 'carl' })).lines.slice(2), [all])
  const wide = { 'impersonate-user': 'bob', 'impersonate-extra-acme.com%2fproject': ['a', 'b', 'c', 'd'] }
  assert.deepEqual((await lab.as(wide)).lines.slice(2), ['impersonate:user-info auth userextras/* *'])
})

test('some groups and extras are impersonated by nobody but who may impersonate everything', async () => {
  const lab = new Lab()
  lab.answer((line) => !line.startsWith('impersonate '))
  const why = async (more: Headers): Promise<string | undefined> => {
    const { refused } = await lab.as({ 'impersonate-user': 'bob', ...more })
    return refused?.replace(/^.* (in API group "authentication.k8s.io" )?at the cluster scope: /, '')
  }
  assert.equal(await why({ 'impersonate-group': '' }), 'impersonating the empty string group is not allowed')
  assert.equal(
    await why({ 'impersonate-group': ['a', 'system:masters'] }),
    'impersonating the system:masters group is not allowed',
  )
  const invalid =
    'impersonating an invalid key in extra is not allowed: extra.key: Invalid value: "scopes": must be a domain-prefixed path (such as "acme.io/foo")'
  assert.equal(await why({ 'impersonate-extra-scopes': 'a' }), invalid)
  assert.equal(await why({ 'impersonate-extra-': 'a' }), 'impersonating the empty string key in extra is not allowed')
  assert.equal(
    await why({ 'impersonate-extra-a.b%2f%41': 'a' }),
    'impersonating a non-lowercase key in extra is not allowed: "a.b/A"',
  )
  assert.equal(
    await why({ 'impersonate-extra-a.b%2fc': ['a', ''] }),
    'impersonating the empty string value in extra is not allowed',
  )
  lab.answer((line) => line.startsWith('impersonate '))
  assert.deepEqual((await lab.as({ 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' })).user?.groups, [
    'system:masters',
    'system:authenticated',
  ])
})

test('headers without a user’s name are refused with what they say', async () => {
  const lab = new Lab()
  const refused = async (headers: Headers): Promise<string | undefined> => (await lab.as(headers)).refused
  assert.equal(
    await refused({ 'impersonate-group': ['a"', ''], 'impersonate-extra-b': ['1', '2'], 'impersonate-extra-a': '3' }),
    'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"a\\"", ""}, Extra:map[string][]string{"a":[]string{"3"}, "b":[]string{"1", "2"}}} without impersonating a user name',
  )
  assert.equal(
    await refused({ 'impersonate-user': '', 'impersonate-uid': '7' }),
    'requested &user.DefaultInfo{Name:"", UID:"7", Groups:[]string(nil), Extra:map[string][]string(nil)} without impersonating a user name',
  )
  assert.deepEqual(await lab.as({ 'impersonate-user': '' }), { user: undefined, constraint: undefined, lines: [] })
})

test('an extra key is bytes that were percent-encoded, and is taken as it is where they were not', async () => {
  const lab = new Lab()
  lab.answer((line) => line.startsWith('impersonate '))
  const { user } = await lab.as({
    'impersonate-user': 'bob',
    'impersonate-extra-%c3%a9': '1',
    'impersonate-extra-%ff': '2',
    'impersonate-extra-a%2': '3',
    'impersonate-extra-%41%zz': '4',
  })
  assert.deepEqual(user?.extra, { é: ['1'], '\ufffd': ['2'], 'a%2': ['3'], '%41%zz': ['4'] })
})

test('an authorizer that fails is told of in the refusal, and its yes counts', async () => {
  const lab = new Lab()
  lab.answer(() => ({ error: 'broken', reason: 'no idea' }))
  assert.match(String((await lab.as('bob')).refused), /^pods is forbidden: .* in the namespace "work": broken: no idea$/)
  lab.answer(() => ({ decision: 'allow', error: 'half of it is broken' }))
  assert.equal((await lab.as('bob')).constraint, 'impersonate:user-info')
  const legacy = new Lab(false)
  legacy.answer(() => ({ error: 'broken', reason: 'no idea' }))
  assert.match(String((await legacy.as('bob')).refused), /^users "bob" is forbidden: .* at the cluster scope: no idea$/)
})

test('without the gate only the right to be that user for everything counts', async () => {
  const lab = new Lab(false)
  lab.answer((line) => !line.startsWith('impersonate '))
  assert.deepEqual((await lab.as('bob')).lines, ['impersonate core users bob'])
  lab.answer(() => true)
  const wanted = { 'impersonate-user': 'bob', 'impersonate-uid': 'u', 'impersonate-group': 'g', 'impersonate-extra-a': '1' }
  const { constraint, lines } = await lab.as(wanted)
  assert.equal(constraint, undefined)
  assert.deepEqual(lines, [
    'impersonate core users bob',
    'impersonate core groups g',
    'impersonate auth userextras/a 1',
    'impersonate auth uids u',
  ])
  assert.deepEqual(lab.timed, [])
  assert.deepEqual(
    lab.asked.map((each) => each.isResource && each.version),
    ['', '', 'v1', 'v1'],
  )
})

test('attempts and questions are counted by mode and decision', async () => {
  const lab = new Lab()
  lab.allow(ON_USER, BOB)
  await lab.as('bob')
  await lab.as('bob')
  await lab.as('carl')
  const lines = lab.impersonation.metrics.text().split('\n')
  const counts = lines.filter((line) => /^apiserver_impersonation_\w+_(total|count)/.test(line))
  assert.deepEqual(counts, [
    'apiserver_impersonation_attempts_total{decision="allowed",mode="user-info"} 2',
    'apiserver_impersonation_attempts_total{decision="denied",mode=""} 1',
    'apiserver_impersonation_attempts_duration_seconds_count{decision="allowed",mode="user-info"} 2',
    'apiserver_impersonation_attempts_duration_seconds_count{decision="denied",mode=""} 1',
    'apiserver_impersonation_authorization_attempts_total{decision="allowed",mode="user-info"} 3',
    'apiserver_impersonation_authorization_attempts_total{decision="denied",mode="user-info"} 1',
    'apiserver_impersonation_authorization_attempts_total{decision="denied",mode="legacy"} 1',
    'apiserver_impersonation_authorization_attempts_duration_seconds_count{decision="allowed",mode="user-info"} 3',
    'apiserver_impersonation_authorization_attempts_duration_seconds_count{decision="denied",mode="user-info"} 1',
    'apiserver_impersonation_authorization_attempts_duration_seconds_count{decision="denied",mode="legacy"} 1',
  ])
  assert.equal(lines.filter((line) => line.includes('attempts_duration_seconds_bucket{decision="denied",mode=""')).length, 16)
})
