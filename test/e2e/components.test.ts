import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { type Deployment, deployments, isPodReady, leases, pods } from '#api'
import { systemClock, systemRandom } from '#base'
import { type Client, createClient, httpTransport, inlineKubeconfig, printKubeconfig } from '#client'
import { createPki, identities, type Pki } from '#cluster'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

const LOG_KEPT = 10_000

/** Components as processes of their own, which know each other only by kubeconfigs and certificates. */
class Processes implements AsyncDisposable {
  readonly directory = mkdtempSync('/tmp/t8s-')
  readonly server: string
  readonly #pki: Pki
  readonly #port: number
  readonly #running = new Map<string, ChildProcess>()

  private constructor(pki: Pki, port: number) {
    this.#pki = pki
    this.#port = port
    this.server = `https://127.0.0.1:${port}`
  }

  static async create(): Promise<Processes> {
    const pki = await createPki({ clock: systemClock, random: systemRandom })
    return new Processes(pki, await freePort())
  }

  file(name: string, contents: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, contents, { mode: 0o600 })
    return path
  }

  async kubeconfigFor(name: string, identity: Parameters<Pki['clientCA']['issue']>[0]): Promise<string> {
    const pair = await this.#pki.clientCA.issue(identity)
    const ca = this.#pki.serverCA.certificate
    return this.file(`${name}.kubeconfig`, await printKubeconfig(inlineKubeconfig({ name, server: this.server, ca, ...pair })))
  }

  /** Starts a component and resolves when it says `ready` in its log. */
  async start(name: string, ready: string, ...words: readonly string[]): Promise<void> {
    const child = spawn(process.execPath, ['--conditions=source', '--disable-warning=ExperimentalWarning', MAIN, ...words], {
      stdio: ['ignore', 'inherit', 'pipe'],
    })
    this.#running.set(name, child)
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        log = (log + chunk).slice(-LOG_KEPT)
        if (log.includes(ready)) resolve()
      })
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code} before it was ready: ${log}`)))
    })
  }

  async end(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.#running.get(name)
    this.#running.delete(name)
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null
    child.kill(signal)
    return new Promise((resolve) => child.once('exit', (code) => resolve(code)))
  }

  async startApiServer(): Promise<void> {
    const { certificate, key } = await this.#pki.serverCA.issue(identities.apiServer(['127.0.0.1']))
    const flags = {
      'secure-port': String(this.#port),
      'bind-address': '127.0.0.1',
      'tls-cert-file': this.file('apiserver.crt', certificate),
      'tls-private-key-file': this.file('apiserver.key', key),
      'client-ca-file': this.file('client-ca.crt', this.#pki.clientCA.certificate),
      'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
      'service-account-signing-key-file': this.file('sa.key', this.#pki.serviceAccountKey.privateKey),
      'service-account-key-file': this.file('sa.pub', this.#pki.serviceAccountKey.publicKey),
      'service-cluster-ip-range': '10.96.0.0/12',
      'data-dir': join(this.directory, 'store'),
    }
    await this.start('apiserver', 'The API server serves', 'apiserver', ...flagsOf(flags))
  }

  async startControllerManager(name: string): Promise<void> {
    const kubeconfig = await this.kubeconfigFor(name, identities.controllerManager)
    const root = this.file('root-ca.crt', this.#pki.serverCA.certificate)
    const words = ['--use-service-account-credentials', '--leader-elect=true', ...flagsOf({ kubeconfig, 'root-ca-file': root })]
    await this.start(name, 'The controllers run', 'controller-manager', ...words)
  }

  async startScheduler(name: string, times: Readonly<Record<string, string>> = {}): Promise<void> {
    const kubeconfig = await this.kubeconfigFor(name, identities.scheduler)
    await this.start(name, 'The scheduler runs', 'scheduler', ...flagsOf({ kubeconfig, ...times }))
  }

  async startKubelet(name: string): Promise<void> {
    const kubeconfig = await this.kubeconfigFor(name, identities.node(name))
    const flags = { kubeconfig, 'hostname-override': name, 'node-ip': '127.0.0.1', 'container-runtime-endpoint': 'simulated:' }
    await this.start(name, 'The kubelet runs', 'kubelet', ...flagsOf(flags))
  }

  async client(stack: AsyncDisposableStack): Promise<Client> {
    const admin = await this.#pki.clientCA.issue(identities.admin)
    return createClient(stack.use(httpTransport({ server: this.server, ca: this.#pki.serverCA.certificate, ...admin })))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) await this.end(name, 'SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Of an election: another takes over soon. */
const HASTY = {
  'leader-elect-lease-duration': '3s',
  'leader-elect-renew-deadline': '2s',
  'leader-elect-retry-period': '500ms',
}
/** The leader stays one while a server starts on a busy machine: one that can't renew in time ends, as it should. */
const PATIENT = {
  'leader-elect-lease-duration': '60s',
  'leader-elect-renew-deadline': '45s',
  'leader-elect-retry-period': '500ms',
}

const flagsOf = (flags: Readonly<Record<string, string>>): string[] =>
  Object.entries(flags).map(([name, value]) => `--${name}=${value}`)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const deployment = (name: string, replicas: number): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'web:1' }] } },
  },
})

/** Follows a watch until `count` pods of an app are Ready. */
async function untilReady(client: Client, app: string, count: number): Promise<void> {
  const selector = { namespace: 'default', labelSelector: `app=${app}` }
  const { items, metadata } = await client.list(pods, selector)
  const ready = new Set(items.filter(isPodReady).map((pod) => pod.metadata?.name))
  if (ready.size >= count) return
  const signal = AbortSignal.timeout(30_000)
  for await (const event of client.watch(pods, { ...selector, resourceVersion: metadata.resourceVersion, signal })) {
    if (event.type === 'BOOKMARK') continue
    if (event.type !== 'DELETED' && isPodReady(event.object)) ready.add(event.object.metadata?.name)
    else ready.delete(event.object.metadata?.name)
    if (ready.size >= count) return
  }
  throw new Error(`only ${ready.size} of ${count} pods of ${app} became Ready`)
}

test('every component runs alone, and another can take its place', { timeout: 120_000 }, async (context) => {
  await using processes = await Processes.create()
  await using stack = new AsyncDisposableStack()
  await processes.startApiServer()
  const client = await processes.client(stack)
  await processes.startControllerManager('controller-manager')
  await processes.startScheduler('scheduler')
  await processes.startKubelet('node-a')

  await context.test('a deployment runs', async () => {
    await client.create(deployments, deployment('web', 3))
    await untilReady(client, 'web', 3)
  })

  await context.test('a scheduler that is told to end gives its lease up, and the next leads at once', async () => {
    assert.equal(await processes.end('scheduler', 'SIGTERM'), 0)
    assert.equal((await client.get(leases, 'kube-system/kube-scheduler')).spec?.holderIdentity, '')
    await processes.startScheduler('scheduler-2', HASTY)
    await client.create(deployments, deployment('second', 2))
    await untilReady(client, 'second', 2)
  })

  await context.test('a scheduler that is killed is replaced when its lease has run out', async () => {
    await processes.end('scheduler-2', 'SIGKILL')
    await processes.startScheduler('scheduler-3', HASTY)
    await client.create(deployments, deployment('third', 2))
    await untilReady(client, 'third', 2)
  })

  await context.test('a killed API server comes back with everything, and the others go on', async () => {
    assert.equal(await processes.end('scheduler-3', 'SIGTERM'), 0)
    await processes.startScheduler('scheduler-4', PATIENT)
    await processes.end('apiserver', 'SIGKILL')
    await processes.startApiServer()
    await client.create(deployments, deployment('fourth', 2))
    await untilReady(client, 'fourth', 2)
    assert.equal((await client.list(deployments, { namespace: 'default' })).items.length, 4)
  })

  await context.test('all end cleanly', async () => {
    for (const name of ['node-a', 'scheduler-4', 'controller-manager', 'apiserver'])
      assert.equal(await processes.end(name, 'SIGTERM'), 0, name)
  })
})

const refusals: readonly (readonly [words: string, sentence: RegExp])[] = [
  ['scheduler', /--kubeconfig/],
  ['scheduler --kubeconfig=/nowhere --frobnicate', /unknown option '--frobnicate'/],
  ['scheduler --kubeconfig=/nowhere --leader-elect=maybe', /--leader-elect takes true or false, not 'maybe'/],
  ['scheduler --kubeconfig=/nowhere --leader-elect-renew-deadline=20s', /lease-duration must be longer/],
  ['kubelet --kubeconfig=/nowhere --node-ip=here', /--node-ip takes an IP address, not 'here'/],
  ['controller-manager --kubeconfig=/nowhere --controllers=*,-nothing', /there is no controller 'nothing'/],
  ['controller-manager --kubeconfig=/nowhere --allocate-node-cidrs', /--cluster-cidr/],
  [
    'apiserver --service-account-signing-key-file=/x --client-ca-file=/x --service-cluster-ip-range=10.0.0.0/24,10.1.0.0/24',
    /--service-cluster-ip-range\[0\] and --service-cluster-ip-range\[1\] must be of different IP family/,
  ],
  [
    'controller-manager --kubeconfig=/nowhere --allocate-node-cidrs --cluster-cidr=10.0.0.0/16,fd00::/56 --node-cidr-mask-size=24',
    /usage of --node-cidr-mask-size is not allowed with dual-stack clusters/,
  ],
  ['proxy --kubeconfig=/nowhere --proxy-mode=ipvs', /--proxy-mode takes nftables/],
  ['dns --kubeconfig=/nowhere --cluster-ip=10.0.0.10 --listen=53', /--listen takes an address and a port/],
]
for (const [words, sentence] of refusals) {
  test(`'t8s ${words}' is refused with one sentence and exit code 2`, async () => {
    const child = spawn(process.execPath, ['--conditions=source', MAIN, ...words.split(' ')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [errors, code] = await Promise.all([text(child.stderr), new Promise((resolve) => child.once('exit', resolve))])
    assert.equal(code, 2)
    assert.match(errors, sentence)
    assert.match(errors, /^t8s: [^\n]+\n$/)
  })
}
