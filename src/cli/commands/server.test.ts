import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { configMaps, pods, secrets, serviceAccounts, type TokenRequest } from '#api'
import { systemClock } from '#base'
import { type Client, connectionOf, createClient, httpTransport, readKubeconfig } from '#client'
import { isForbidden, isUnauthorized } from '#meta'
import { run } from '../program.ts'

const POLICY = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n'
const ADMISSION = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: PodSecurity
    configuration:
      apiVersion: pod-security.admission.config.k8s.io/v1
      kind: PodSecurityConfiguration
      defaults: { enforce: baseline }
`
const CONFIGURATION = 'apiVersion: apiserver.config.k8s.io/v1\n'

const authorizers = (...types: readonly string[]): string =>
  `${CONFIGURATION}kind: AuthorizationConfiguration\nauthorizers: ${JSON.stringify(types.map((type) => ({ type, name: type.toLowerCase() })))}\n`

const encryption = (...names: readonly string[]): string => {
  const keys = names.map((name) => ({ name, secret: Buffer.alloc(32, name).toString('base64') }))
  const resources = [{ resources: ['configmaps'], providers: [{ secretbox: { keys } }, { identity: {} }] }]
  return `${CONFIGURATION}kind: EncryptionConfiguration\nresources: ${JSON.stringify(resources)}\n`
}

/** A data directory whose server this process runs, and files that its flags name. */
class Home implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 't8s-flags-'))
  readonly data = join(this.root, 'data')
  readonly #transports: AsyncDisposable[] = []
  #running: Promise<number> = Promise.resolve(0)

  path(name: string): string {
    return join(this.root, name)
  }

  /** Puts a file in the place of another, as who writes well does. */
  put(name: string, text: string): string {
    writeFileSync(`${this.path(name)}.new`, text)
    renameSync(`${this.path(name)}.new`, this.path(name))
    return this.path(name)
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  /** Resolves with an administrator's client once the server serves. */
  async start(...flags: readonly string[]): Promise<Client> {
    rmSync(join(this.data, 'kubeconfig'), { force: true })
    this.#running = run(['server', '--data-dir', this.data, ...flags])
    await eventually(async () => {
      assert.equal(await Promise.race([this.#running, systemClock.sleep(5)]), undefined, 'the server ended')
      return existsSync(join(this.data, 'kubeconfig'))
    })
    return this.connect()
  }

  async connect(token?: string): Promise<Client> {
    const { certificate, key, ...connection } = connectionOf(await readKubeconfig(join(this.data, 'kubeconfig')), {
      directory: this.data,
    })
    const transport = httpTransport({ ...connection, ...(token === undefined ? { certificate, key } : { token }) })
    this.#transports.push(transport)
    return createClient(transport)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#transports.splice(0).map((transport) => transport[Symbol.asyncDispose]()))
    await run(['down', '--data-dir', this.data])
    assert.equal(await this.#running, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** Files are noticed when the system says so. */
async function eventually(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await check()); tries++) {
    assert.ok(tries < 3_000, 'it never came true')
    await systemClock.sleep(10)
  }
}

async function freePort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return String(port)
}

/** What a command says on standard error, and its exit code. */
async function failing(context: TestContext, ...words: readonly string[]): Promise<[code: number, said: string]> {
  const said: string[] = []
  const write = context.mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0)
  try {
    return [await run(words), said.join('')]
  } finally {
    write.mock.restore()
  }
}

const may = (question: Promise<unknown>): Promise<boolean> =>
  question.then(
    () => true,
    (error: unknown) => {
      if (isForbidden(error)) return false
      throw error
    },
  )

const tokenOf = async (client: Client): Promise<string> => {
  const ask: TokenRequest = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: { audiences: [] } }
  await client.create(serviceAccounts, { metadata: { name: 'robot', namespace: 'default' } }).catch(() => undefined)
  return (await client.createSubresource(serviceAccounts, 'default/robot', 'token', ask)).status!.token!
}

const claimsOf = (token: string): { readonly iss: string; readonly aud: readonly string[] } =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())

test('the API server of a cluster is told what upstream’s flags say, follows their files, and remembers them', async () => {
  await using home = new Home()
  const flags = [
    '--anonymous-auth=false',
    '--service-account-issuer=https://issuer.example',
    '--api-audiences=here,there',
    `--authorization-config=${home.put('authorizers.yaml', authorizers('Node', 'RBAC'))}`,
    '--enable-admission-plugins=AlwaysPullImages',
    '--disable-admission-plugins=ServiceAccount',
    `--admission-control-config-file=${home.put('admission.yaml', ADMISSION)}`,
    `--audit-policy-file=${home.put('policy.yaml', POLICY)}`,
    `--audit-log-path=${home.path('audit.log')}`,
    `--encryption-provider-config=${home.put('encryption.yaml', encryption('first'))}`,
    '--encryption-provider-config-automatic-reload',
  ]
  const place = ['--store=embedded', '--advertise-address=127.0.0.1', `--api-port=${await freePort()}`]
  const client = await home.start(...place, ...flags)

  // Who asks.
  await assert.rejects((await home.connect('')).request({ method: 'GET', path: '/version' }), isUnauthorized)
  const token = await tokenOf(client)
  assert.deepEqual([claimsOf(token).iss, claimsOf(token).aud], ['https://issuer.example', ['here', 'there']])

  // What they may; the file is read again.
  const robot = await home.connect(token)
  assert.equal(await may(robot.list(secrets, { namespace: 'default' })), false)
  home.put('authorizers.yaml', authorizers('AlwaysAllow'))
  await eventually(() => may(robot.list(secrets, { namespace: 'default' })))
  home.put('authorizers.yaml', authorizers('Sometimes'))

  // Admission, by plugins that are not the usual ones.
  const pod = await client.create(pods, {
    metadata: { name: 'one', namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i', imagePullPolicy: 'IfNotPresent' }] },
  })
  assert.deepEqual([pod.spec?.containers[0]?.imagePullPolicy, pod.spec?.serviceAccountName], ['Always', undefined])

  const spec = { hostNetwork: true, containers: [{ name: 'c', image: 'i' }] }
  await assert.rejects(
    client.create(pods, { metadata: { name: 'two', namespace: 'default' }, spec }),
    /violates PodSecurity "baseline:latest"/,
  )

  // What is recorded, and how it is stored: by a key that is changed while the server runs.
  assert.match(home.read('audit.log'), /"verb":"create".*"resource":"pods".*"name":"one"/)
  const storedWith = async (key: string, name: string): Promise<boolean> => {
    await client.create(configMaps, { metadata: { name, namespace: 'default' } })
    const store = join(home.data, 'store')
    const files = readdirSync(store).map((each) => readFileSync(join(store, each), 'latin1'))
    return files.some((text) => text.includes(`k8s:enc:secretbox:v1:${key}:`))
  }
  assert.equal(await storedWith('first', 'plain'), true)
  home.put('encryption.yaml', encryption('second', 'first'))
  let tries = 0
  await eventually(() => storedWith('second', `later-${tries++}`))

  // At the next start they hold, but for what is said anew.
  await home.stop()
  const again = await home.start('--anonymous-auth=true', '--api-audiences=', '--authorization-config=')
  await (await home.connect('')).request({ method: 'GET', path: '/version' })
  const later = await tokenOf(again)
  assert.deepEqual([claimsOf(later).iss, claimsOf(later).aud], ['https://issuer.example', ['https://issuer.example']])
  assert.equal(await may((await home.connect(later)).list(secrets, { namespace: 'default' })), false)
})

test('a server does not start with flags that are wrong, says why in one sentence, and keeps none of them', async (context) => {
  const root = mkdtempSync(join(tmpdir(), 't8s-flags-'))
  context.after(() => rmSync(root, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(root, name), text)
    return join(root, name)
  }
  const begin = ['server', '--store=embedded', '--advertise-address=127.0.0.1', '--data-dir', join(root, 'data')]
  const usage: [flags: string[], said: RegExp][] = [
    [['--authorization-mode=Sometimes'], /--authorization-mode knows .*, not 'Sometimes'/],
    [['--authorization-mode=ABAC'], /authorization-mode ABAC's authorization policy file not passed/],
    [['--anonymous-auth=perhaps'], /--anonymous-auth takes true or false, not 'perhaps'/],
    [['--oidc-issuer-url=https://a'], /oidc-issuer-url and oidc-client-id must be specified together/],
    [
      ['--oidc-issuer-url=https://a', '--oidc-client-id=b', `--oidc-ca-file=${join(root, 'none')}`],
      /--oidc-ca-file .*none cannot be read: ENOENT/,
    ],
    [['--encryption-provider-config-automatic-reload'], /must be set with --encryption-provider-config/],
    [['--audit-log-mode=later'], /--audit-log-mode takes batch, blocking, blocking-strict, not 'later'/],
    [['--service-account-max-token-expiration=1m'], /must be between 1 hour and 2\^32 seconds/],
    [['--requestheader-extra-headers-prefix=X-Remote-Extra-, '], /empty value in "requestheader-extra-headers-prefix"/],
    [['--requestheader-uid-headers=X-Uid'], /--requestheader-uid-headers is set without .* the standard X-Remote-Uid header/],
    [['--authentication-webhook=x'], /unknown option '--authentication-webhook=x'/],
  ]
  for (const [flags, said] of usage) {
    for (const command of [begin, ['up', '--runtime=simulated', '--data-dir', join(root, 'up')]]) {
      const [code, error] = await failing(context, ...command, ...flags)
      assert.equal(code, 2, error)
      assert.match(error, said)
      assert.doesNotMatch(error.trim(), /\n/)
    }
  }
  assert.deepEqual(readdirSync(root).includes('data'), false)
  const unreadable = join(root, 'none')
  const files: [flag: string, said: RegExp][] = [
    [`--authorization-config=${unreadable}`, /failed to read the authorization configuration .*none: ENOENT/],
    [`--authorization-config=${file('a', authorizers('Sometimes'))}`, /authorizers\[0\]\.type: Unsupported value: "Sometimes"/],
    [`--authentication-config=${unreadable}`, /cannot read .*none: ENOENT/],
    [
      `--authentication-config=${file('b', `${CONFIGURATION}kind: Odd\n`)}`,
      /expected AuthenticationConfiguration in .*, but got kind "Odd"/,
    ],
    [`--encryption-provider-config=${file('c', `${CONFIGURATION}kind: EncryptionConfiguration\nresources: []\n`)}`, /resources/],
    [`--admission-control-config-file=${unreadable}`, /unable to read admission control configuration from ".*none" \[ENOENT/],
    ['--enable-admission-plugins=Odd', /enable-admission-plugins plugin "Odd" is unknown/],
    [`--service-account-key-file=${file('d', 'nothing')}`, /--service-account-key-file .*d cannot be read/],
  ]
  const port = await freePort()
  for (const [flag, said] of files) {
    const [code, error] = await failing(context, ...begin, `--api-port=${port}`, flag)
    assert.equal(code, 1, error)
    assert.match(error, said)
    rmSync(join(root, 'data'), { recursive: true })
  }
})

test('help names the flags by what they are about, with times as they are written', async (context) => {
  for (const command of ['server', 'up', 'apiserver']) {
    const said: string[] = []
    const write = context.mock.method(process.stdout, 'write', (text: string) => said.push(text) > 0)
    assert.equal(await run([command, '--help']), 0)
    write.mock.restore()
    const help = said.join('')
    for (const flag of ['authentication-config', 'oidc-issuer-url', 'authorization-mode', 'admission-control-config-file'])
      assert.match(help, new RegExp(`--${flag} <`))
    assert.match(help, /Audit of the API server:\n {2}--audit-policy-file <file>/)
    assert.match(help, /--authorization-webhook-cache-authorized-ttl <duration> .*\(default: 5m0s\)/)
  }
})
