// Requests on behalf of others are held against upstream's filters, by what they are answered, by whom they go on, what is recorded of that, and which questions
// authorizers were asked on the way, over several requests of one server, which remembers. What differs on purpose:
// - Upstream walks through the extra in an order of its own each time: of several keys the questions are compared in no order, and refusals by their code alone.
// - A value or a percent-encoded key that is no UTF-8 is bytes in Go; ours has U+FFFD for them, as Go's JSON shows them, also where Go quotes them.
// - An authorizer whose error is itself a refusal by another API server is told as such by upstream, where no union of authorizers is in between; ours always
//   tells its text.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { AuditEvent, AuditPolicy } from '#apiserver'
import { VirtualClock } from '#base'
import type { TransportRequest, UserInfo } from '#client'
import { startCluster } from '#cluster'
import { StatusError } from '#meta'
import { openDoor, startTestApiServer } from '#testing'
import type { AuthorizationAttributes, Authorizer, Decision } from '../../src/apiserver/authorization/index.ts'
import { Impersonation } from '../../src/apiserver/impersonation/index.ts'
import { attributesOf } from '../../src/apiserver/request-attributes.ts'
import { requestInfoOf } from '../../src/apiserver/request-info.ts'
import { Home } from '../behavior/home.ts'
import { Peer, UPSTREAM_ROOT } from './peer.ts'

const RUNS = Number(process.env.T8S_UPSTREAM_RUNS ?? 3_000)
const peer = new Peer('impersonation')
after(() => peer[Symbol.asyncDispose]())

interface Rule {
  readonly verb?: string
  readonly resource?: string
  readonly name?: string
  readonly subresource?: string
  readonly decision: Decision['decision']
  readonly reason?: string
  readonly error?: string
}

interface Asked {
  readonly method: TransportRequest['method']
  readonly uri: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly user: UserInfo
  readonly rules: readonly Rule[]
}

interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly user?: UserInfo
  readonly questions: readonly unknown[]
  readonly audited?: UserInfo
  readonly constraint?: string
  readonly text?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** A server of ours. Its answers have the form of the peer's. */
class Ours {
  readonly clock = new VirtualClock()
  readonly impersonation: Impersonation
  #rules: readonly Rule[] = []
  #questions: unknown[] = []

  constructor(isConstrained: boolean) {
    const authorizer: Authorizer = { name: 'script', authorize: (attributes) => this.#authorize(attributes) }
    this.impersonation = new Impersonation({ authorizers: [authorizer], clock: this.clock, isConstrained })
  }

  async serve({ method, uri, headers, user, rules }: Asked): Promise<Answer> {
    this.#rules = rules
    this.#questions = []
    const [path = '', query = ''] = uri.split('?')
    const lower = headers.map(([name, value]) => [name.toLowerCase(), value] as const)
    const request: TransportRequest = {
      method,
      path,
      query: new URLSearchParams(query),
      headers: Object.fromEntries(lower),
      headerValues: (name) => lower.filter(([each]) => each === name).map(([, value]) => value),
    }
    const attributes = () => attributesOf(requestInfoOf(request), user, request.query)
    try {
      const found = await this.impersonation.impersonated(request, user, attributes, undefined)
      const audited = found && { audited: plain(found.user) }
      const constraint = found?.constraint && { constraint: found.constraint }
      return { status: 200, user: plain(found?.user ?? user), questions: this.#questions, ...audited, ...constraint }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      return { status: error.code, body: error.status, questions: this.#questions }
    }
  }

  #authorize(attributes: AuthorizationAttributes): Decision {
    const { user, verb } = attributes
    const { resource, name, subresource } = attributes.isResource ? attributes : { resource: '', name: '', subresource: '' }
    this.#questions.push(shown(attributes))
    const fits = (wanted: string | undefined, actual: string): boolean => wanted === undefined || wanted === actual
    assert.ok(user)
    for (const rule of this.#rules) {
      const isMeant = fits(rule.verb, verb) && fits(rule.resource, resource) && fits(rule.name, name)
      if (!isMeant || !fits(rule.subresource, subresource)) continue
      return { decision: rule.decision, reason: rule.reason ?? '', ...(rule.error && { error: rule.error }) }
    }
    return { decision: 'no-opinion', reason: '' }
  }
}

const plain = ({ username, uid, groups, extra }: UserInfo): UserInfo => ({
  username,
  ...(uid && { uid }),
  groups,
  ...(extra && Object.keys(extra).length > 0 && { extra }),
})

function shown(attributes: AuthorizationAttributes): unknown {
  const { user, verb } = attributes
  if (!attributes.isResource) return { user: plain(user), verb, path: attributes.path }
  const { group, version, resource, subresource, namespace, name, fieldSelector = [], labelSelector = [] } = attributes
  const texts = Object.entries({ group, version, resource, subresource, namespace, name }).filter(([, text]) => text !== '')
  const selectors = [...fieldSelector, ...labelSelector].map(({ key }) => key)
  return { user: plain(user), verb, ...Object.fromEntries(texts), ...(selectors.length > 0 && { selectors }) }
}

const NODE_NAME = 'authentication.kubernetes.io/node-name'
const agent = (...nodes: string[]): UserInfo => ({
  username: 'system:serviceaccount:kube-system:agent',
  uid: 'u-1',
  groups: ['system:serviceaccounts', 'system:authenticated'],
  extra: { [NODE_NAME]: nodes, 'authentication.kubernetes.io/pod-name': ['p'] },
})
const users: readonly UserInfo[] = [
  { username: 'ann', groups: ['dev', 'system:authenticated'] },
  { username: 'ann', uid: '7', groups: ['dev'], extra: { b: ['1'], a: ['2', '3'] } },
  { username: 'a<b>&"\u0001é\u200b', groups: [] },
  { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  { username: 'system:node:n1', groups: ['system:nodes'], extra: { [NODE_NAME]: ['n1'] } },
  agent('n1'),
  agent('n2'),
  agent('n1', 'n2'),
  { ...agent(), extra: {} },
]

const usernames = fc.constantFrom(
  'bob',
  'carl',
  'system:node:n1',
  'system:node:n2',
  'system:node:a.b',
  'system:node:BAD_',
  'system:node:',
  'system:node:*',
  'SYSTEM:NODE:n1',
  'system:serviceaccount:work:robot',
  'system:serviceaccount:work:a.b',
  'system:serviceaccount:wo.rk:robot',
  'system:serviceaccount:Work:robot',
  'system:serviceaccount:work:robot:x',
  'system:serviceaccount:work:',
  'system:serviceaccount:work',
  'system:anonymous',
  'system:masters',
  'x y',
  '<i>&"\\',
  'é',
  '*',
  '',
)
const groups = fc.constantFrom(
  'dev',
  'ops',
  'a, b',
  '',
  'system:masters',
  'system:authenticated',
  'system:unauthenticated',
  'system:nodes',
  '*',
  '<é>',
)
const extraName = fc.constantFrom(
  'acme.com%2Fproject',
  'acme.com%2fproject',
  'Acme.Com%2FPROJECT',
  'acme.com%2F%41',
  'a.b%2F',
  '%2Fx',
  'scopes',
  '',
  'bad%zz',
  'bad%',
  '%C3%A9',
  '__proto__',
  'a.b%2Fc%20d',
  'A_.b%2F%0a',
)
const header = (name: string, value: fc.Arbitrary<string>) => value.map((text) => [name, text] as const)
const several = (name: string, value: fc.Arbitrary<string>, maxLength: number) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(header(name, value), { maxLength }) })
const extraValue = fc.constantFrom('1', '2', 'a b', '', 'é')
const extras = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  {
    weight: 2,
    arbitrary: extraName.chain((name) => fc.array(header(`Impersonate-Extra-${name}`, extraValue), { maxLength: 5 })),
  },
  {
    weight: 1,
    arbitrary: fc.array(
      extraName.chain((name) => header(`impersonate-extra-${name}`, extraValue)),
      { maxLength: 5 },
    ),
  },
)
const headers = fc
  .tuple(
    fc.oneof({ weight: 9, arbitrary: header('Impersonate-User', usernames).map((each) => [each]) }, several('impersonate-user', usernames, 2)),
    several('Impersonate-Group', groups, 5),
    several('Impersonate-Uid', fc.constantFrom('1', '', 'é'), 2),
    extras,
  )
  .map((parts) => parts.flat()) // biome-ignore format: a tree

const verb = fc.constantFrom('get', 'list', 'create', 'watch')
const mode = fc.constantFrom('associated-node', 'arbitrary-node', 'serviceaccount', 'user-info')
const verbs = fc.oneof(
  fc.constant('impersonate'),
  mode.map((name) => `impersonate:${name}`),
  fc.tuple(mode, verb).map(([name, on]) => `impersonate-on:${name}:${on}`),
)
const rule: fc.Arbitrary<Rule> = fc.record(
  {
    verb: verbs,
    resource: fc.constantFrom('users', 'groups', 'nodes', 'serviceaccounts', 'uids', 'userextras', 'pods', ''),
    name: fc.constantFrom('*', 'n1', 'bob', 'dev', 'robot', '1', ''),
    subresource: fc.constantFrom('*', 'acme.com/project', 'scopes', ''),
    decision: fc.constantFrom<Decision['decision']>('allow', 'allow', 'allow', 'deny', 'no-opinion'),
    reason: fc.constantFrom('', 'because <of> this', 'b'),
    error: fc.constantFrom('', 'failed', 'a: b'),
  },
  { requiredKeys: ['decision'] },
)
const rules = fc.tuple(fc.array(rule, { maxLength: 6 }), fc.constantFrom<Rule[]>([], [{ decision: 'allow' }], [{ decision: 'deny', reason: 'x' }]))
  .map((parts) => parts.flat()) // biome-ignore format: a tree
const uri = fc.constantFrom(
  ['GET', '/api/v1/namespaces/default/pods'],
  ['GET', '/api/v1/namespaces/default/pods/p'],
  ['GET', '/api/v1/namespaces/default/pods/p/log'],
  ['GET', '/api/v1/pods?watch=1'],
  ['GET', '/api/v1/pods?labelSelector=a%3E1'],
  ['GET', '/api/v1/pods?labelSelector=a%3E2'],
  ['GET', '/api/v1/pods?labelSelector=b,a%20in%20(d,c)'],
  ['GET', '/api/v1/pods?labelSelector=a%20in%20(c,d),b'],
  ['GET', '/api/v1/pods?labelSelector=a%20in'],
  ['GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1'],
  ['GET', '/api/v1/pods?fieldSelector=spec.nodeName'],
  ['GET', '/api/v1/pods?fieldSelector=metadata.name%3Dp'],
  ['POST', '/apis/apps/v1/namespaces/default/deployments'],
  ['DELETE', '/api/v1/nodes/n1'],
  ['GET', '/api/v1/nodes/n1/proxy/a'],
  ['GET', '/api/v1/nodes/n1/proxy/b'],
  ['GET', '/healthz'],
  ['POST', '/apis'],
  ['GET', '/no/where?a=1&b=2'],
) as fc.Arbitrary<[TransportRequest['method'], string]>
const asked: fc.Arbitrary<Asked> = fc
  .tuple(uri, headers, fc.constantFrom(...users), rules)
  .map(([[method, path], sent, user, all]) => ({ method, uri: path, headers: sent, user, rules: all }))

/** A pod that would be a node by name alone, mostly its own. */
const node: fc.Arbitrary<Asked> = fc
  .tuple(uri, fc.constantFrom('n1', 'n1', 'n2'), fc.constantFrom(agent('n1'), agent('n2'), agent('n1', 'n2')), rules)
  .map(([[method, path], name, user, all]) => ({
    method,
    uri: path,
    headers: [['Impersonate-User', `system:node:${name}`]],
    user,
    rules: all,
  }))

/** One request after the other, often of the same kind as before, by rules that are others. */
const requests = fc.oneof(
  fc.array(asked, { minLength: 1, maxLength: 4 }),
  fc.array(node, { minLength: 1, maxLength: 4 }),
  fc.tuple(asked, fc.array(rules, { minLength: 1, maxLength: 4 })).map(([first, others]) => [first, ...others.map((all) => ({ ...first, rules: all }))]),
  fc.tuple(asked, fc.array(fc.tuple(uri, rules, fc.constantFrom(...users)), { minLength: 1, maxLength: 4 }))
    .map(([first, others]) => [first, ...others.map(([[method, path], all, user]) => ({ ...first, method, uri: path, rules: all, user }))]),
) // biome-ignore format: a tree

const keysOf = ({ headers: sent }: Asked): Set<string> =>
  new Set(sent.map(([name]) => name.toLowerCase()).filter((name) => name.startsWith('impersonate-extra-')))

function compare(ours: Answer, theirs: Answer, { hasOneKey }: { readonly hasOneKey: boolean }): void {
  if (hasOneKey) assert.deepEqual(ours, theirs)
  assert.equal(ours.status, theirs.status)
  if (ours.status !== 200) return
  assert.deepEqual({ ...ours, questions: sorted(ours.questions) }, { ...theirs, questions: sorted(theirs.questions) })
}

const sorted = (questions: readonly unknown[]): unknown[] =>
  questions.map((each) => JSON.stringify(each, Object.keys(each as object).sort())).sort()

for (const isConstrained of [true, false]) {
  test(`requests on behalf of others are served as by upstream, with the gate ${isConstrained ? 'on' : 'off'}`, async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (all) => {
        const ours = new Ours(isConstrained)
        await peer.ask({ begin: isConstrained })
        for (const each of all) {
          const theirs = normal(await peer.ask<Answer>(each))
          compare(await ours.serve(each), theirs, { hasOneKey: keysOf(each).size < 2 })
        }
      }),
      { numRuns: RUNS },
    )
  })
}

/** Go has an empty map where we have none. */
const normal = ({ user, audited, ...rest }: Answer): Answer => ({
  ...rest,
  ...(user && { user: plain(user) }),
  ...(audited && { audited: plain(audited) }),
})

/** Only what an authorizer of ours can say as well: it fails, or decides. */
const denial: fc.Arbitrary<Rule> = fc.oneof(
  fc.record({ decision: fc.constantFrom<Decision['decision']>('deny', 'no-opinion'), reason: fc.constantFrom('', 'because <of> this') }),
  fc.record({ decision: fc.constant<Decision['decision']>('no-opinion'), error: fc.constantFrom('failed', '<a> & b') }),
) // biome-ignore format: a tree

test('a request that is not allowed is answered and recorded as by upstream', async () => {
  let rule: Rule = { decision: 'deny' }
  const handle = () => {
    if (rule.error) throw new Error(rule.error)
    return { denied: rule.decision === 'deny', reason: rule.reason }
  }
  const events: AuditEvent[] = []
  const policy: AuditPolicy = { rules: [{ level: 'Metadata' }], omitStages: ['RequestReceived'] }
  const audit = { policy, record: (event: AuditEvent) => void events.push(event) }
  await using api = await startTestApiServer({ audit, authorization: { functions: [handle] } })
  await peer.ask({ begin: true, authorize: true })
  const strangers = users.filter(({ username }) => !username.startsWith('system:'))
  // Everybody who is known may ask whether the server is well.
  const closed = uri.filter(([, path]) => path !== '/healthz' && path !== '/apis')
  await fc.assert(
    fc.asyncProperty(closed, fc.constantFrom(...strangers), denial, async ([method, path], user, said) => {
      const theirs = await peer.ask<Answer>({ method, uri: path, user, rules: [said], headers: [] })
      rule = said
      events.length = 0
      const [plainPath = '', query] = path.split('?')
      const request = { method, path: plainPath, query: new URLSearchParams(query), uri: path, headers: {} }
      const { status, body } = await api.server.handle(request, { kind: 'in-process', user })
      const answered = body.kind === 'object' ? { body: body.object } : body.kind === 'bytes' && { text: String(body.bytes) }
      const { questions, ...rest } = theirs
      assert.equal(questions.length, 1)
      assert.deepEqual({ status, ...answered, annotations: events.at(-1)!.annotations }, rest)
    }),
    { numRuns: Math.min(RUNS, 500) },
  )
})

/** What stands between a header's name and the end of its line, byte by byte. */
const valueBytes = fc.constantFrom(
  ...[' a', 'a', '  a  ', ' \ta\t', '', ' ', ' a b', ' a, b', ' a,', ' "a"', ' \xc3\xa9', ' \xe4\xb8\xad', ' \xff', ' \xe9 ', ' \xa0a', ' a\x01', ' a\x7f', ' %41'],
) // biome-ignore format: a list
const lineBytes = fc
  .tuple(
    fc.constantFrom(
      ...['Impersonate-User', 'impersonate-user', 'IMPERSONATE-GROUP', 'Impersonate-Group', 'Impersonate-Uid', 'Impersonate_User'],
      ...['Impersonate-Extra-a.b%2Fc', 'impersonate-extra-A.b%2fC', 'Impersonate-Extra-', 'Impersonate-Extra-x', 'Impersonate-Extra-%C3%A9'],
      ...['Impersonate-User ', 'Impersonate-Foo', "Impersonate-Extra-~!#$&'*+^_`|."],
    ),
    valueBytes,
  )
  .map(([name, value]) => `${name}:${value}`) // biome-ignore format: a list

test('headers are read from the wire as by upstream', async () => {
  const { text = '' } = await peer.ask<Answer>({ listen: true })
  const [host, port] = text.split(':')
  const askTheirs = async (bytes: string): Promise<string> => {
    const socket = connect({ host: host!, port: Number(port) })
    socket.end(bytes, 'latin1')
    return Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString()
  }
  await using api = await startTestApiServer()
  await using door = await openDoor(api)
  const body = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
  const start = 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'
  await fc.assert(
    fc.asyncProperty(fc.array(lineBytes, { maxLength: 4 }), fc.boolean(), async (lines, isNamed) => {
      const all = isNamed ? [...lines, 'Impersonate-User: bob'] : lines
      const head = `${start}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${all.join('\r\n')}`
      const bytes = `${head}${all.length > 0 ? '\r\n' : ''}\r\n${body}`
      assert.deepEqual(readAnswer(await door.send(Buffer.from(bytes, 'latin1'))), readAnswer(await askTheirs(bytes)))
    }),
    { numRuns: Math.min(RUNS, 1_000) },
  )
})

/** The user, or what was wrong; of what is no request for a server the code alone. */
function readAnswer(answered: string): unknown {
  const [, code] = /^HTTP\/1\.1 (\d+)/.exec(answered) ?? []
  const text = /\{.*\}/s.exec(answered)?.[0]
  if (text === undefined) return code
  const { status, message, ...rest } = JSON.parse(text) as { status?: { userInfo?: UserInfo }; message?: string }
  if (message !== undefined) return [code, message.replace(/\\x(e9|ff|a0)/g, '\ufffd')]
  const user = (status?.userInfo ?? rest) as UserInfo
  return user.username === 'admin' ? 'admin' : plain(user)
}

test('kubectl may say all that a user has', async () => {
  await using cluster = await startCluster({ nodes: 0 })
  using home = new Home(cluster)
  home.environment['PATH'] = `${join(UPSTREAM_ROOT, 'root/usr/bin')}:${process.env['PATH']}`
  const flags = [
    '--as=é',
    '--as-uid=7',
    '--as-group=a',
    '--as-user-extra=acme.com/Project=x',
    '--as-user-extra=acme.com/Project=y',
  ]
  const review = JSON.parse(await home.kubectl('auth', 'whoami', '-o', 'json', ...flags)) as { status: { userInfo: UserInfo } }
  assert.deepEqual(review.status.userInfo, {
    username: 'é',
    uid: '7',
    groups: ['a', 'system:authenticated'],
    extra: { 'acme.com/project': ['x', 'y'] },
  })
})

test('what is allowed is remembered for ten seconds', async () => {
  const ours = new Ours(true)
  await peer.ask({ begin: true })
  const request = (rules: readonly Rule[], of = agent('n1')): Asked => {
    const [name] = of.extra![NODE_NAME]!
    return { method: 'GET', uri: '/healthz', headers: [['Impersonate-User', `system:node:${name}`]], user: of, rules }
  }
  const steps: readonly (Asked | number)[] = [
    request([{ decision: 'allow' }]),
    request([]),
    request([], agent('n2')),
    9_000,
    request([]),
    1_100,
    request([]),
  ]
  const codes: number[] = []
  for (const step of steps) {
    if (typeof step === 'number') {
      await Promise.all([peer.ask({ sleepMs: step }), ours.clock.advance(step)])
      continue
    }
    const theirs = normal(await peer.ask<Answer>(step))
    assert.deepEqual(await ours.serve(step), theirs)
    codes.push(theirs.status)
  }
  assert.deepEqual(codes, [200, 200, 200, 200, 403])
})

test('metrics have upstream’s names, labels, bounds and help', async () => {
  const { text = '' } = await peer.ask<Answer>({ metrics: true })
  const families = (of: string): string[] =>
    of
      .split('\n')
      .filter((line) => /^# (HELP|TYPE) apiserver_impersonation_/.test(line))
      .map((line) => line.replace('[ALPHA] ', ''))
      .sort()
  const ours = new Ours(true)
  const bob: Asked = { method: 'GET', uri: '/', headers: [['Impersonate-User', 'bob']], user: users[0]!, rules: [] }
  await ours.serve({ ...bob, rules: [{ decision: 'allow' }] })
  const own = ours.impersonation.metrics.text()
  assert.deepEqual(families(own), families(text))
  const bounds = (of: string): string[] =>
    of.split('\n').flatMap((line) => /^(apiserver_impersonation_\w+_bucket\{.*mode="user-info".*\})/.exec(line)?.[1] ?? [])
  const allowed = bounds(text).filter((line) => line.includes('decision="allowed"'))
  assert.deepEqual(bounds(own).sort(), allowed.sort())
})
