import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { serviceAccounts, type TokenRequest } from '#api'
import { nullLog, systemClock, systemRandom } from '#base'
import { createClient, httpTransport } from '#client'
import { StatusError } from '#meta'
import { startIssuer } from '#testing'
import { createAuthority, publicKeysIn } from '../pki.ts'
import { startApiServerProcess } from './api-server.ts'

const ISSUER = 'https://issuer.example'

/** Puts a file in the place of another, as who writes well does. */
function put(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

const keyPair = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

async function lab() {
  await using stack = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 't8s-apiserver-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const path = (name: string): string => join(directory, name)
  const dependencies = { clock: systemClock, random: systemRandom }
  const [servers, clients] = [await createAuthority('servers', dependencies), await createAuthority('clients', dependencies)]
  const serving = await servers.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  const first = keyPair()
  put(path('sa.key'), first.privateKey)
  put(path('sa.pub'), first.publicKey)
  put(path('ca.crt'), clients.certificate)
  put(path('authentication.yaml'), 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n')
  const read = (name: string): string => readFileSync(path(name), 'utf8')
  const credentials = () => ({
    serving,
    clientCA: read('ca.crt'),
    frontProxyCA: undefined,
    serviceAccounts: {
      issuer: ISSUER,
      otherIssuers: ['https://former.example'],
      signingKey: read('sa.key'),
      verificationKeys: publicKeysIn(read('sa.pub'), 'sa.pub'),
    },
  })
  const server = stack.use(
    await startApiServerProcess(
      {
        listen: { host: '127.0.0.1', port: 0 },
        advertiseAddress: '127.0.0.1',
        credentials: credentials(),
        renewal: { paths: ['ca.crt', 'sa.key', 'sa.pub'].map(path), read: credentials },
        certificateDirectory: directory,
        servingHosts: [],
        proxyClient: undefined,
        serviceClusterIPRanges: ['10.0.0.0/24'],
        serviceNodePortRange: { from: 30_000, to: 32_767 },
        kubelets: undefined,
        authentication: { configurationFile: path('authentication.yaml') },
        authorization: undefined,
        admission: { enable: [], disable: [] },
        storage: { store: 'embedded' },
        dataDirectory: directory,
      },
      { ...dependencies, log: nullLog, stop: () => undefined },
    ),
  )
  const owned = stack.move()
  const connect = (more: { certificate?: string; key?: string; token?: string }) =>
    createClient(owned.use(httpTransport({ server: `https://127.0.0.1:${server.port}`, ca: servers.certificate, ...more })))
  return { path, clients, first, connect, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

type Lab = Awaited<ReturnType<typeof lab>>

const adminOf = async ({ connect }: Lab, authority: Lab['clients']) =>
  connect(await authority.issue({ commonName: 'admin', organizations: ['system:masters'], usages: ['client'] }))

/** Files are noticed when the system says so. */
async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await check()); tries++) {
    assert.ok(tries < 1_000, 'it never came true')
    await systemClock.sleep(10)
  }
}

async function json(client: ReturnType<Lab['connect']>, path: string): Promise<unknown> {
  const { status, body } = await client.request({ method: 'GET', path })
  assert.equal(status, 200, path)
  assert.ok(body.kind === 'stream' || body.kind === 'bytes')
  const chunks: Uint8Array[] = []
  if (body.kind === 'bytes') chunks.push(body.bytes)
  else for await (const chunk of body.stream) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

/** Whether the server knows who this is. */
const isKnownAs = (client: ReturnType<Lab['connect']>): Promise<boolean> =>
  client.request({ method: 'GET', path: '/api' }).then(
    () => true,
    (error: unknown) => {
      assert.ok(error instanceof StatusError && error.code === 401, String(error))
      return false
    },
  )

test('keys of service accounts change while the server runs: tokens of both are accepted, and an independent library verifies them by what is served', async () => {
  await using api = await lab()
  const { clients, connect, path, first } = api
  const client = await adminOf(api, clients)
  await client.create(serviceAccounts, { metadata: { name: 'robot', namespace: 'default' } })
  const ask: TokenRequest = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: { audiences: [] } }
  const issue = async (): Promise<string> =>
    (await client.createSubresource(serviceAccounts, 'default/robot', 'token', ask)).status!.token!
  const keys = async (): Promise<JSONWebKeySet> => (await json(client, '/openid/v1/jwks')) as JSONWebKeySet
  const isAccepted = (token: string): Promise<boolean> => isKnownAs(connect({ token }))
  const old = await issue()
  const document = (await json(client, '/.well-known/openid-configuration')) as Record<string, unknown>
  assert.deepEqual(
    [document['issuer'], document['jwks_uri'], document['id_token_signing_alg_values_supported']],
    [ISSUER, `${ISSUER}/openid/v1/jwks`, ['ES256']],
  )
  const { payload } = await jwtVerify(old, createLocalJWKSet(await keys()), { issuer: ISSUER, audience: ISSUER })
  assert.equal(payload.sub, 'system:serviceaccount:default:robot')

  const next = keyPair()
  put(path('sa.pub'), next.publicKey + first.publicKey)
  await eventually(async () => (await keys()).keys.length === 2)
  put(path('sa.key'), next.privateKey)
  const isNew = async (): Promise<boolean> =>
    jwtVerify(await issue(), createLocalJWKSet({ keys: [(await keys()).keys[0]!] })).then(
      () => true,
      () => false,
    )
  await eventually(isNew)
  const fresh = await issue()
  await jwtVerify(fresh, createLocalJWKSet(await keys()), { issuer: ISSUER, audience: ISSUER })
  assert.deepEqual([await isAccepted(old), await isAccepted(fresh)], [true, true])

  put(path('sa.pub'), next.publicKey)
  await eventually(async () => !(await isAccepted(old)))
  assert.equal(await isAccepted(fresh), true)
})

test('the authority of clients changes while the server runs, and a file that is none changes nothing', async () => {
  await using api = await lab()
  const { clients, path } = api
  const another = await createAuthority('others', { clock: systemClock, random: systemRandom })
  const isKnown = async (authority: Lab['clients']): Promise<boolean> => isKnownAs(await adminOf(api, authority))
  assert.deepEqual([await isKnown(clients), await isKnown(another)], [true, false])
  put(path('ca.crt'), clients.certificate + another.certificate)
  await eventually(() => isKnown(another))
  put(path('ca.crt'), 'nothing')
  put(path('sa.pub'), 'nothing')
  assert.deepEqual([await isKnown(clients), await isKnown(another)], [true, true])
})

test('an authentication configuration is a file that is read anew when it changes', async () => {
  await using api = await lab()
  await using issuer = await startIssuer()
  const token = await issuer.sign({ sub: 'ann', exp: systemClock.now() / 1000 + 3600 })
  const isKnown = (): Promise<boolean> => isKnownAs(api.connect({ token }))
  assert.equal(await isKnown(), false)
  const jwt = [
    {
      issuer: { url: issuer.url, audiences: ['kubernetes'], certificateAuthority: issuer.ca },
      claimMappings: { username: { claim: 'sub', prefix: '' } },
    },
  ]
  const configuration = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt }
  put(api.path('authentication.yaml'), JSON.stringify(configuration))
  await eventually(isKnown)
})
