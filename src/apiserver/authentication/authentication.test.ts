import assert from 'node:assert/strict'
import test from 'node:test'
import { type Log, nullLog, VirtualClock } from '#base'
import type { TransportRequest, UserInfo } from '#client'
import { StatusError } from '#meta'
import { startTestApiServer } from '#testing'
import { type AnonymousOptions, isAnonymous } from './anonymous.ts'
import { Authentication } from './authentication.ts'
import { REQUEST_HEADERS } from './certificates.ts'
import { AuthenticationMetrics } from './metrics.ts'
import { together } from './problems.ts'

type Tokens = Readonly<Record<string, UserInfo | Error>>

/** Who a request from the network is by, or what is wrong with it; and of what it is warned. */
async function known(
  headers: Readonly<Record<string, string>>,
  of: { readonly tokens?: Tokens; readonly anonymous?: AnonymousOptions; readonly path?: string } = {},
) {
  const { tokens = {}, anonymous = { enabled: false }, path = '/' } = of
  const warnings: string[] = []
  let problem = 'nobody'
  const log: Log = { ...nullLog, debug: (_, data) => void (problem = String(data?.['error'])) }
  const authenticateToken = async (token: string) => {
    const found = tokens[token]
    if (found instanceof Error) throw found
    return found && { user: found }
  }
  const authentication = new Authentication({
    requestHeaders: REQUEST_HEADERS,
    tokens: [{ name: 'known', authenticateToken }],
    audiences: ['api'],
    anonymous,
    clock: new VirtualClock(),
    metrics: new AuthenticationMetrics(),
    log,
  })
  const request: TransportRequest = { method: 'GET', path, headers }
  const notes = { annotate: () => undefined, warn: (text: string) => void warnings.push(text) }
  try {
    const user = await authentication.authenticate(request, { kind: 'tls', address: '192.0.2.1' }, notes)
    return { user, warnings }
  } catch (error) {
    assert.ok(error instanceof StatusError)
    return { problem, warnings }
  }
}

const ANN: UserInfo = { username: 'ann', groups: ['system:authenticated'] }
const protocolOf = (token: string): string => `base64url.bearer.authorization.k8s.io.${token}`
const webSocket = (...protocols: string[]) => ({
  connection: 'keep-alive, Upgrade',
  upgrade: 'WebSocket',
  'sec-websocket-protocol': protocols.join(', '),
})

test('a token among the protocols of a WebSocket is one, whatever the header says, and bits that are left over are anything', async () => {
  const tokens = { a: ANN }
  const named = async (headers: Readonly<Record<string, string>>) => {
    const { user, problem } = await known(headers, { tokens })
    return user?.username ?? problem
  }
  assert.equal(await named(webSocket(protocolOf('YQ'), 'v4.channel.k8s.io')), 'ann')
  assert.equal(await named(webSocket('v4.channel.k8s.io', protocolOf('YR'))), 'ann')
  assert.equal(await named({ ...webSocket('v4', protocolOf('YQ')), authorization: 'Bearer b' }), 'ann')
  assert.equal(await named({ ...webSocket('v4', protocolOf('YQ')), connection: 'close' }), 'nobody')
  assert.equal(await named({ ...webSocket('v4', protocolOf('YQ')), upgrade: 'spdy' }), 'nobody')
  assert.equal(await named(webSocket('v4', protocolOf(''))), 'nobody')
})

test('the first thing that is wrong with a token among protocols is told', async () => {
  const why = async (...protocols: string[]) => (await known(webSocket(...protocols))).problem
  const encoding = 'invalid base64.bearer.authorization token encoding'
  for (const text of ['Y', 'YQ==', 'Y+', 'Y Q']) assert.equal(await why('v4', protocolOf(text)), encoding)
  assert.equal(await why('v4', protocolOf('Y'), protocolOf('YQ')), encoding)
  assert.equal(await why('v4', protocolOf('_w')), 'invalid base64.bearer.authorization token')
  const several = 'multiple base64.bearer.authorization tokens specified'
  assert.equal(await why(protocolOf('YQ'), protocolOf('Y')), several)
  assert.equal(await why(protocolOf('YQ')), 'missing additional subprotocol')
  assert.equal(await why(protocolOf('YQ'), 'v4'), 'invalid bearer token')
})

test('a space too many before a token is warned of', async () => {
  const tokens = { a: ANN }
  const text = 'the provided Authorization header contains extra space before the bearer token, and is ignored'
  assert.deepEqual(await known({ authorization: 'Bearer  a' }, { tokens }), { problem: 'nobody', warnings: [text] })
  assert.deepEqual(await known({ authorization: 'Bearer' }, { tokens }), { problem: 'nobody', warnings: [] })
  assert.deepEqual(await known({ authorization: 'Bearer a  b' }, { tokens }), { user: ANN, warnings: [] })
})

test('whoever is known to be anonymous is not in the group of those who are known', async () => {
  const tokens = {
    a: { username: 'system:anonymous', groups: [] },
    b: { username: 'ann', groups: ['system:unauthenticated'] },
    c: { username: 'ann', groups: [] },
  }
  const groupsOf = async (token: string) => (await known({ authorization: `Bearer ${token}` }, { tokens })).user?.groups
  assert.deepEqual(
    [await groupsOf('a'), await groupsOf('b'), await groupsOf('c')],
    [[], ['system:unauthenticated'], ['system:authenticated']],
  )
  assert.deepEqual(Object.values(tokens).map(isAnonymous), [true, true, false])
})

test('connections of those who are known to be anonymous end with the answer like those of the unknown', async () => {
  const tokens: Tokens = { a: { username: 'system:anonymous', groups: [] }, c: ANN }
  const functions = [(token: string) => tokens[token] as UserInfo | undefined]
  await using api = await startTestApiServer({ authentication: { functions } })
  const connectionOf = async (token: string) => {
    const request = { method: 'GET', path: '/version', headers: { authorization: `Bearer ${token}` } } as const
    const { headers } = await api.server.handle(request, { kind: 'tls', address: '192.0.2.1' })
    return headers['connection']
  }
  assert.deepEqual([await connectionOf('a'), await connectionOf('c')], ['close', undefined])
})

test('anonymous requests are for paths as they are once decoded', async () => {
  const anonymous = { enabled: true, conditions: [{ path: '/livez' }, { path: '/a b' }] }
  const isLetIn = async (path: string) => (await known({}, { anonymous, path })).user !== undefined
  const paths = ['/livez', '/live%7A', '/%6civez', '/a%20b', '/livez/', '/livez%2F', '/readyz', '/%zz']
  assert.deepEqual(await Promise.all(paths.map(isLetIn)), [true, true, true, true, false, false, false, false])
})

test('of several failures each is told once, also where one of them was several', () => {
  const [a, b] = [new Error('a'), new Error('b')]
  assert.equal(together([a]).message, 'a')
  assert.equal(together([a, together([b, together([a, b])])]).message, '[a, b]')
})
