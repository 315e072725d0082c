import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { systemClock, systemRandom, VirtualClock } from '#base'
import { createAuthority, createPki, identities } from '#cluster'
import { run } from '../program.ts'

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Row {
  readonly name: string
  readonly expires: string | null
  readonly expired: boolean
  readonly authority: string
  readonly problem?: string
}

const YEAR_MS = 365 * 24 * 3_600_000

/** Runs a command line in this process. */
async function say(context: TestContext, ...words: readonly string[]): Promise<Said> {
  const said = { out: '', err: '' }
  const take = (to: 'out' | 'err') => (text: string | Uint8Array) => {
    said[to] += String(text)
    return true
  }
  const streams = [
    context.mock.method(process.stdout, 'write', take('out')),
    context.mock.method(process.stderr, 'write', take('err')),
  ]
  try {
    const code = await run(words)
    return { code, ...said }
  } finally {
    for (const stream of streams) stream.mock.restore()
    // It is this process's own, too.
    process.exitCode = 0
  }
}

const openssl = (...words: readonly string[]): string => execFileSync('openssl', words, { encoding: 'utf8' })

/** A data directory as a server and a node leave it when they are stopped. */
class Home implements Disposable {
  readonly data = mkdtempSync(join(tmpdir(), 't8s-certs-'))
  readonly context: TestContext

  constructor(context: TestContext) {
    this.context = context
  }

  async fill(): Promise<void> {
    const pki = await createPki({ clock: systemClock, random: systemRandom })
    for (const [name, { certificate, key }] of Object.entries({
      'server-ca': pki.serverCA,
      'client-ca': pki.clientCA,
      'front-proxy-ca': pki.frontProxyCA,
      admin: await pki.clientCA.issue(identities.admin),
    })) {
      this.write(`pki/${name}.crt`, certificate)
      this.write(`pki/${name}.key`, key)
    }
    this.write('cluster.json', JSON.stringify({ formatVersion: 1, id: 'a', nodes: 1, runtime: 'simulated', store: 'embedded' }))
    this.write('nodes/node-1/node.json', JSON.stringify({ formatVersion: 1, name: 'node-1' }))
    const kubelet = await pki.clientCA.issue(identities.node('node-1'))
    const serving = await pki.serverCA.issue(identities.kubeletServer('node-1', ['127.0.0.1']))
    this.write('nodes/node-1/pki/kubelet.pem', kubelet.certificate + kubelet.key)
    this.write('nodes/node-1/pki/kubelet-server.pem', serving.certificate + serving.key)
  }

  path(name: string): string {
    return join(this.data, name)
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  write(name: string, text: string): void {
    mkdirSync(join(this.path(name), '..'), { recursive: true })
    writeFileSync(this.path(name), text)
  }

  certs(...words: readonly string[]): Promise<Said> {
    return say(this.context, 'certs', ...words, '--data-dir', this.data)
  }

  async rows(): Promise<{ readonly code: number; readonly err: string; readonly rows: readonly Row[] }> {
    const { code, out, err } = await this.certs('check', '-o', 'json')
    return { code, err, rows: JSON.parse(out) as Row[] }
  }

  /** What is wrong with one of them. */
  async problemOf(name: string): Promise<readonly [code: number, problem: string | undefined]> {
    const { code, err, rows } = await this.rows()
    const problem = rows.find((each) => each.name === name)?.problem
    if (problem !== undefined) assert.ok(err.includes(`t8s: ${problem}\n`), err)
    return [code, problem]
  }

  [Symbol.dispose](): void {
    rmSync(this.data, { recursive: true, force: true })
  }
}

test('certs check lists every certificate of a machine, its end as openssl reads it, and who issued it', async (context) => {
  using home = new Home(context)
  await home.fill()
  const { code, err, rows } = await home.rows()
  assert.deepEqual([code, err], [0, ''])
  assert.deepEqual(
    rows.map(({ name, authority }) => `${name} ${authority}`),
    [
      'server-ca ',
      'client-ca ',
      'front-proxy-ca ',
      'admin kubernetes-client-ca',
      'node-1/kubelet kubernetes-client-ca',
      'node-1/kubelet-server kubernetes-server-ca',
    ],
  )
  const files = [
    'pki/server-ca.crt',
    'pki/client-ca.crt',
    'pki/front-proxy-ca.crt',
    'pki/admin.crt',
    'nodes/node-1/pki/kubelet.pem',
  ]
  for (const [index, file] of files.entries()) {
    const [, end] = /notAfter=(.*)/.exec(openssl('x509', '-in', home.path(file), '-noout', '-enddate'))!
    assert.equal(rows[index]?.expires, new Date(end!).toISOString(), file)
    assert.equal(rows[index]?.expired, false)
  }
  const table = await home.certs('check')
  assert.deepEqual([table.code, table.err], [0, ''])
  assert.match(table.out, /^CERTIFICATE +EXPIRES +RESIDUAL +AUTHORITY\nserver-ca +\d{4}-\S+Z +\d+y +<itself>\n/)
  assert.match(table.out, /\nadmin +\S+Z +36\dd +kubernetes-client-ca\n/)
})

test('certs check tells of what has expired, is broken, missing or of another authority, by one sentence each and its exit code', async (context) => {
  using home = new Home(context)
  await home.fill()
  const admin = home.read('pki/admin.crt')
  const old = new VirtualClock(Date.now() - 2 * YEAR_MS)
  const past = await createAuthority('kubernetes-client-ca', { clock: old, random: systemRandom })
  const expired = await past.issue(identities.admin)
  home.write('pki/admin.crt', expired.certificate)
  const { code, rows } = await home.rows()
  assert.deepEqual([code, rows.find(({ name }) => name === 'admin')?.expired], [1, true])
  assert.match((await home.certs('check')).out, /\nadmin +\S+Z +<expired> +<unknown>\n/)
  const foreign = await createAuthority('kubernetes-client-ca', { clock: systemClock, random: systemRandom })
  home.write('pki/admin.crt', (await foreign.issue(identities.admin)).certificate)
  assert.deepEqual(await home.problemOf('admin'), [1, `${home.path('pki/admin.crt')} was issued by no authority of this cluster`])
  for (const text of [
    '',
    'nonsense',
    admin.slice(0, 300),
    admin.replaceAll('\n', ''),
    '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
  ]) {
    home.write('pki/admin.crt', text)
    const [failed, problem] = await home.problemOf('admin')
    assert.deepEqual([failed, problem], [1, `${home.path('pki/admin.crt')} holds no certificate`], text)
  }
  home.write('pki/admin.crt', admin)
  assert.equal((await home.rows()).code, 0)
  const bundle = home.read('nodes/node-1/pki/kubelet.pem')
  home.write('nodes/node-1/pki/kubelet.pem', bundle.slice(0, 100))
  assert.deepEqual(await home.problemOf('node-1/kubelet'), [
    1,
    `${home.path('nodes/node-1/pki/kubelet.pem')} holds no certificate`,
  ])
  rmSync(home.path('nodes/node-1/pki'), { recursive: true })
  assert.deepEqual(await home.problemOf('node-1/kubelet'), [1, `${home.path('nodes/node-1/pki/kubelet.pem')} is missing`])
  rmSync(home.path('nodes'), { recursive: true })
  const authority = home.read('pki/client-ca.crt')
  home.write('pki/client-ca.crt', admin)
  assert.deepEqual(await home.problemOf('client-ca'), [1, `${home.path('pki/client-ca.crt')} is no authority`])
  rmSync(home.path('pki/client-ca.crt'))
  assert.deepEqual(await home.problemOf('client-ca'), [1, `${home.path('pki/client-ca.crt')} is missing`])
  assert.match((await home.certs('check')).out, /\nclient-ca +<none> +<none> +<unknown>\n/)
  home.write('pki/client-ca.crt', authority)
  assert.equal((await home.rows()).code, 0)
})

test('certs check warns of an authority in its last year, and says so when it is over', async (context) => {
  using home = new Home(context)
  await home.fill()
  const authorityOf = (age: number) => createAuthority('old', { clock: new VirtualClock(Date.now() - age), random: systemRandom })
  home.write('pki/front-proxy-ca.crt', (await authorityOf(9.5 * YEAR_MS)).certificate)
  const near = await home.rows()
  assert.equal(near.code, 0)
  assert.match(
    near.err,
    /^t8s: the authority front-proxy-ca ends in 18\dd, and what it issues ends with it; renew does not replace it\n$/,
  )
  home.write('pki/front-proxy-ca.crt', (await authorityOf(11 * YEAR_MS)).certificate)
  const over = await home.rows()
  assert.equal(over.code, 1)
  assert.match(
    over.err,
    /^t8s: the authority front-proxy-ca has expired, and with it all that it issued; put another in its place\n$/,
  )
})

test('certs says in one sentence that there is no cluster, that none runs, and what it does not understand', async (context) => {
  using home = new Home(context)
  const none = { code: 1, out: '', err: "t8s: there is no cluster here; start one with 't8s up'\n" }
  assert.deepEqual(await home.certs('check'), none)
  assert.deepEqual(await home.certs('renew'), none)
  await home.fill()
  const stopped = "t8s: the control plane does not run; start it with 't8s up', which renews what has expired\n"
  assert.deepEqual(await home.certs('renew'), { code: 1, out: '', err: stopped })
  assert.equal((await home.certs('check', '-o', 'yaml')).code, 2)
  rmSync(home.path('cluster.json'))
  // A node alone: nothing fails, and it is said why nothing was renewed.
  const node = await home.certs('renew')
  assert.deepEqual(node, { code: 0, out: '', err: 't8s: node node-1 does not run; it renews its certificates when it starts\n' })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('certs renew replaces everything but the authorities of a running server, as openssl sees it, or says what stands in the way', async (context) => {
  using home = new Home(context)
  const port = await freePort()
  const running = run([
    'server',
    '--data-dir',
    home.data,
    '--store=embedded',
    '--advertise-address=127.0.0.1',
    '--api-port',
    String(port),
  ])
  let hasEnded = false
  void running.then(() => (hasEnded = true))
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) {
      assert.ok(!hasEnded, 'the server ended')
      await systemClock.sleep(10)
    }
  }
  await until(() => existsSync(home.path('kubeconfig')))
  await until(async () => (await home.certs('check')).out.split('\n').length >= 8)
  const before = await home.rows()
  const served = (): string => openssl('x509', '-noout', '-fingerprint', '-in', home.path('pki/admin.crt'))
  const [authorities, admin, kubeconfig] = [home.read('pki/client-ca.crt'), served(), home.read('kubeconfig')]
  const { code, out, err } = await home.certs('renew')
  assert.deepEqual([code, err], [0, ''])
  assert.equal(
    out,
    ['apiserver', 'apiserver-kubelet-client', 'front-proxy-client', 'admin'].map((name) => `renewed ${name}\n`).join(''),
  )
  assert.equal(home.read('pki/client-ca.crt'), authorities)
  assert.notEqual(served(), admin)
  await until(() => home.read('kubeconfig') !== kubeconfig)
  const verified = openssl(
    'verify',
    '-purpose',
    'sslclient',
    '-CAfile',
    home.path('pki/client-ca.crt'),
    home.path('pki/admin.crt'),
  )
  assert.match(verified, /: OK\n$/)
  assert.match(
    openssl('x509', '-noout', '-subject', '-in', home.path('pki/admin.crt')),
    /O = system:masters, CN = kubernetes-admin/,
  )
  const publicKey = openssl('x509', '-noout', '-pubkey', '-in', home.path('pki/admin.crt'))
  assert.equal(openssl('pkey', '-pubout', '-in', home.path('pki/admin.key')), publicKey)
  const after = await home.rows()
  assert.deepEqual(
    after.rows.map(({ name }) => name),
    before.rows.map(({ name }) => name),
  )
  // Nothing can be written in the place of the pair: root is held back by no mode, so the name of the unfinished file is taken.
  mkdirSync(home.path('pki/admin.key.new'))
  chmodSync(home.path('pki'), 0o500)
  const held = await home.certs('renew')
  chmodSync(home.path('pki'), 0o700)
  rmSync(home.path('pki/admin.key.new'), { recursive: true })
  assert.equal(held.code, 1)
  assert.match(held.err, /^t8s: admin could not be renewed: E(ISDIR|ACCES)[^\n]*\n$/)
  assert.equal((await home.rows()).code, 0)
  await say(context, 'down', '--data-dir', home.data)
  assert.equal(await running, 0)
})
