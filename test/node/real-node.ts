import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { configMaps, type Event, events, type Pod, pods, type ResourceDefinition, serviceAccounts } from '#api'
import { systemClock as clock, nullLog, systemRandom as random } from '#base'
import type { Client } from '#client'
import { createPki, identities, type Pki } from '#cluster'
import { CgroupFs, type Kubelet, openCriRuntime, type Runtime, startKubelet, streamUpgrades } from '#kubelet'
import type { KubernetesObject } from '#meta'
import { openMemoryStore } from '#store'
import { ADMIN, type ControlPlane, startControlPlane } from '../../src/cluster/control-plane.ts'
import { Containerd } from '../../src/cluster/node/containerd.ts'
import { setUpPodNetwork } from '../../src/cluster/node/network.ts'
import { PAUSE_IMAGE } from '../../src/cluster/node/pause-image.ts'
import type { Alone } from './alone.ts'

const run = promisify(execFile)
const WAIT_MS = 30_000
export const NODE = 'node-1'
export const NODE_IP = '10.89.0.1'

const log = nullLog

/** A control plane and one kubelet over a containerd of its own, all in this process's namespaces (alone.ts). */
export class RealNode implements AsyncDisposable {
  readonly client: Client
  readonly runtime: Runtime
  readonly containerd: Containerd
  readonly place: Alone
  readonly #stack: AsyncDisposableStack
  readonly #controlPlane: ControlPlane
  readonly #pki: Pki
  #kubelet: Kubelet | undefined

  private constructor(
    place: Alone,
    parts: { stack: AsyncDisposableStack; controlPlane: ControlPlane; pki: Pki; containerd: Containerd; runtime: Runtime },
  ) {
    this.place = place
    this.#stack = parts.stack
    this.#controlPlane = parts.controlPlane
    this.#pki = parts.pki
    this.containerd = parts.containerd
    this.runtime = parts.runtime
    this.client = parts.controlPlane.clientFor(ADMIN)
  }

  /** `build` makes the archives of the images to load into a directory. */
  static async start(place: Alone, build: (directory: string) => Promise<readonly string[]>): Promise<RealNode> {
    await using stack = new AsyncDisposableStack()
    setUpMachine(place)
    const pki = await createPki({ clock, random })
    const store = stack.use(openMemoryStore({ clock }))
    const controlPlane = stack.use(
      await startControlPlane({
        store,
        pki,
        clock,
        random,
        log,
        listen: { host: NODE_IP, port: 6443 },
        advertiseAddress: NODE_IP,
        clusterCIDR: '10.71.0.0/16',
        serviceCIDR: '10.96.0.0/16',
        clusterDomain: 'cluster.local',
      }),
    )
    await setUpPodNetwork({
      bridge: 'cni0',
      podCIDR: '10.71.1.0/24',
      cniDirectory: join(place.directory, 'cni'),
      stateDirectory: place.directory,
    })
    const containerd = await Containerd.start({
      directory: place.directory,
      cniConfigDirectory: join(place.directory, 'cni'),
      logFile: join(place.directory, 'containerd.log'),
      clock,
      log,
    })
    stack.defer(() => containerd.stop())
    for (const image of await build(place.directory)) await containerd.importImage(image)
    const runtime = stack.use(await openCriRuntime({ endpoint: containerd.endpoint, clock, log }))
    const node = new RealNode(place, { stack: stack.move(), controlPlane, pki, containerd, runtime })
    await node.#writeKubeconfig()
    await node.startKubelet()
    await node.until(serviceAccounts, 'default/default', (account) => account !== undefined)
    await node.until(configMaps, 'default/kube-root-ca.crt', (found) => found !== undefined)
    return node
  }

  async startKubelet(): Promise<void> {
    const serving = await this.#pki.serverCA.issue(identities.kubeletServer(NODE, [NODE_IP]))
    const { directory, cgroup } = this.place
    this.#kubelet = await startKubelet({
      client: this.#controlPlane.clientFor({ username: `system:node:${NODE}`, groups: ['system:nodes', 'system:authenticated'] }),
      runtime: this.runtime,
      nodeName: NODE,
      nodeIPs: [NODE_IP],
      rootDirectory: join(directory, 'kubelet'),
      podLogs: join(directory, 'logs'),
      clusterDNS: '10.96.0.10',
      clusterDomain: 'cluster.local',
      resolvConf: join(directory, 'resolv.conf'),
      staticPodPath: join(directory, 'manifests'),
      sandboxImage: PAUSE_IMAGE,
      cgroups: new CgroupFs({ parent: cgroup }),
      serve: { host: NODE_IP, port: 10250, tls: { ...serving, clientCA: this.#pki.clientCA.certificate } },
      upgrades: streamUpgrades(this.runtime, { clock, log }),
      version: 'v1.36.0',
      clock,
      random,
      log,
    })
  }

  /** Leaves containers running. */
  async stopKubelet(): Promise<void> {
    await this.#kubelet?.[Symbol.asyncDispose]()
    this.#kubelet = undefined
  }

  /** Creates the pod on the node and waits until it is as wanted. */
  async run(pod: Pod, wanted: (pod: Pod) => boolean = isReady): Promise<Pod> {
    await this.client.create(pods, pod)
    return this.untilPod(pod.metadata!.name!, wanted)
  }

  async untilPod(name: string, wanted: (pod: Pod) => boolean): Promise<Pod> {
    return (await this.until(pods, `default/${name}`, (pod) => pod !== undefined && wanted(pod)))!
  }

  /** Follows one object until it is as wanted; undefined stands for an object that is not there. */
  async until<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    key: string,
    wanted: (object: T | undefined) => boolean,
  ): Promise<T | undefined> {
    const [namespace, name] = key.includes('/') ? key.split('/') : [undefined, key]
    const signal = AbortSignal.timeout(WAIT_MS)
    let last: T | undefined
    try {
      const options = { namespace, fieldSelector: `metadata.name=${name}`, signal }
      const { items, metadata } = await this.client.list(resource, options)
      last = items[0]
      if (wanted(last)) return last
      for await (const event of this.client.watch(resource, { ...options, resourceVersion: metadata.resourceVersion })) {
        if (event.type === 'BOOKMARK') continue
        last = event.type === 'DELETED' ? undefined : event.object
        if (wanted(last)) return last
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
    const told = (await this.events(name!)).map(({ reason, message, count }) => `${reason}: ${message} (${count} times)`)
    throw new Error(
      `${key} never became as wanted: ${JSON.stringify((last as Pod | undefined)?.status ?? last)} ${told.join('; ')}`,
    )
  }

  async delete(name: string, gracePeriodSeconds?: number): Promise<void> {
    await this.client.delete(pods, `default/${name}`, { gracePeriodSeconds })
    await this.until(pods, `default/${name}`, (pod) => pod === undefined)
  }

  /** Of a pod, oldest first. */
  async events(name: string): Promise<readonly Event[]> {
    const { items } = await this.client.list(events, { namespace: 'default', fieldSelector: `involvedObject.name=${name}` })
    return items
  }

  /** Waits for an event of a pod. */
  async untilEvent(name: string, reason: string, message: RegExp): Promise<Event> {
    const fits = (event: Event): boolean => event.reason === reason && message.test(event.message ?? '')
    const signal = AbortSignal.timeout(WAIT_MS)
    const options = { namespace: 'default', fieldSelector: `involvedObject.name=${name}`, signal }
    const { items, metadata } = await this.client.list(events, options)
    const known = items.find(fits)
    if (known !== undefined) return known
    try {
      for await (const event of this.client.watch(events, { ...options, resourceVersion: metadata.resourceVersion }))
        if (event.type !== 'BOOKMARK' && fits(event.object)) return event.object
    } catch (error) {
      if (!signal.aborted) throw error
    }
    const told = (await this.events(name)).map((event) => `${event.reason}: ${event.message}`)
    throw new Error(`${name} had no event ${reason} ${message}: ${told.join('; ')}`)
  }

  /** Runs a command in the pod's first container, or the one that is named before `--`. */
  async exec(pod: string, script: string, container?: string): Promise<string> {
    return this.kubectl('exec', pod, ...(container === undefined ? [] : ['-c', container]), '--', 'sh', '-c', script)
  }

  async logs(pod: string, ...words: readonly string[]): Promise<string> {
    return this.kubectl('logs', pod, ...words)
  }

  async kubectl(...words: readonly string[]): Promise<string> {
    const { stdout } = await run('kubectl', words, { env: this.#environment(), timeout: WAIT_MS, maxBuffer: 1 << 26 })
    return stdout
  }

  /** A kubectl that goes on; ended by `kill`. */
  startKubectl(...words: readonly string[]): ReturnType<typeof spawn> {
    return spawn('kubectl', words, { env: this.#environment(), stdio: ['pipe', 'pipe', 'pipe'] })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kubelet?.stopPods()
    await this.stopKubelet()
    await this.#stack.disposeAsync()
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, HOME: this.place.directory, KUBECONFIG: join(this.place.directory, 'kubeconfig') }
  }

  async #writeKubeconfig(): Promise<void> {
    const admin = await this.#pki.clientCA.issue(identities.admin)
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      clusters: [
        {
          name: 'test',
          cluster: {
            server: `https://${NODE_IP}:6443`,
            'certificate-authority-data': base64(this.#pki.serverCA.certificate),
          },
        },
      ],
      users: [
        { name: 'test', user: { 'client-certificate-data': base64(admin.certificate), 'client-key-data': base64(admin.key) } },
      ],
    }
    writeFileSync(join(this.place.directory, 'kubeconfig'), JSON.stringify(config), { mode: 0o600 })
  }
}

/** Reads on until the text matches; the stream goes on flowing afterwards. */
export function untilOutput(stream: Readable, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const found = pattern.exec(text)
      if (found !== null) resolve(found)
    })
    stream.once('end', () => reject(new Error(`${pattern} is not in ${text}`)))
  })
}

export const isReady = (pod: Pod): boolean => pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
export const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** A pod on the node with one container `main` that runs a script by busybox; `container` and `spec` add to it. */
export function shell(name: string, script: string, container: object = {}, spec: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: NODE,
      terminationGracePeriodSeconds: 1,
      containers: [busybox('main', script, container)],
      ...spec,
    },
  }
}

export const busybox = (name: string, script: string, more: object = {}) => ({
  name,
  image: 't8s.local/busybox:1',
  command: ['sh', '-c', script],
  ...more,
})

/** Stays until it is told to go, and then goes at once. */
export const STAY = 'trap "exit 0" TERM; while :; do sleep 0.1; done'

/** An address, a default route (without one, traffic of the node itself fails), and a place where mounts propagate. */
function setUpMachine({ directory }: Alone): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const ip = (...words: string[]): void => void execFileSync('ip', words)
  ip('link', 'set', 'lo', 'up')
  ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1')
  ip('addr', 'add', `${NODE_IP}/24`, 'dev', 'up0')
  for (const link of ['up0', 'up1']) ip('link', 'set', link, 'up')
  ip('route', 'add', 'default', 'via', '10.89.0.254', 'dev', 'up0')
  execFileSync('mount', ['--bind', directory, directory])
  execFileSync('mount', ['--make-rshared', directory])
  writeFileSync(join(directory, 'resolv.conf'), 'nameserver 192.0.2.53\nsearch example.test\noptions timeout:3\n')
}
