import { nullLog, type Random, settle, VirtualClock } from '#base'
import { type Client, createClient, type Transport, type UserInfo } from '#client'
import { startSchedulerOn, startSimulatedNodes } from '#cluster'
import { controllerNames, type Signing, startControllers } from '#controllers'
import { startTestApiServer, TEST_ADMIN } from './test-api-server.ts'
import { TRANSPORTS } from './transports.ts'

/** A control plane under a virtual clock, to be used by its clients alone. */
export interface TestCluster extends AsyncDisposable {
  readonly client: Client
  readonly clock: VirtualClock
  readonly random: Random
  clientFor(user: UserInfo): Client
}

export interface TestClusterOptions {
  /** A name in {@link TRANSPORTS}: how every component reaches the API server. */
  readonly transport: string
  /** Simulated nodes and a scheduler; without any, tests play the kubelet themselves. */
  readonly nodes?: number
  readonly seed?: number
  /** Which controllers run, by their flags; all by default. */
  readonly controllers?: readonly string[]
  /** What certificates are issued with. */
  readonly signing?: Signing
  /** Whether pods and Services have addresses of both families, IPv4 first. */
  readonly isDualStack?: boolean
}

const RANGES = { clusterCIDR: '10.244.0.0/16', clusterDomain: 'cluster.local', clusterDNS: '10.96.0.10' }
const DUAL_CLUSTER_CIDR = '10.244.0.0/16,fd00:10:244::/56'
const DUAL_SERVICE_RANGES = ['10.96.0.0/12', 'fd00:10:96::/112']
/** Real milliseconds without a sign of life on any connection after which nothing is under way. */
const QUIET_MS = 2

export async function startTestCluster(options: TestClusterOptions): Promise<TestCluster> {
  const { transport: name, nodes = 0, seed = 1, isDualStack = false } = options
  const ranges = isDualStack ? { ...RANGES, clusterCIDR: DUAL_CLUSTER_CIDR } : RANGES
  await using stack = new AsyncDisposableStack()
  const traffic = new Traffic()
  const clock = new VirtualClock(undefined, name === 'in process' ? settle : () => traffic.settle())
  const api = stack.use(
    await startTestApiServer({ clock, seed, ...(isDualStack && { serviceClusterIPRanges: DUAL_SERVICE_RANGES }) }),
  )
  const { random, log } = { random: api.random, log: nullLog }
  // Connections are opened on demand, for as long as the cluster lives.
  const connect = await TRANSPORTS[name]!(api, stack.use(new AsyncDisposableStack()))
  const clients = new Map<string, Client>()
  const clientFor = (user: UserInfo): Client => {
    const key = JSON.stringify(user)
    const client = clients.get(key) ?? createClient(traffic.counted(connect(user)))
    clients.set(key, client)
    return client
  }
  const serviceAccount = (account: string): UserInfo => ({
    username: `system:serviceaccount:kube-system:${account}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  })
  const component = (username: string): UserInfo => ({ username, groups: ['system:authenticated'] })
  stack.use(
    await startControllers({
      clientFor: (account) => clientFor(serviceAccount(account)),
      reader: clientFor(component('system:kube-controller-manager')),
      rootCA: '',
      clusterCIDR: ranges.clusterCIDR,
      only: options.controllers ?? controllerNames(),
      signing: options.signing,
      clock,
      random,
      log,
    }),
  )
  if (nodes > 0) {
    stack.use(await startSchedulerOn(clientFor(component('system:kube-scheduler')), { clock, random, log }))
    const names = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
    stack.use(await startSimulatedNodes({ controlPlane: { clientFor }, names, clock, random, log, ...ranges }))
  }
  const owned = stack.move()
  return { client: clientFor(TEST_ADMIN), clock, random, clientFor, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Counts what goes over the connections of a cluster, so that virtual time stands still while anything is under way. */
class Traffic {
  #open = 0
  #seen = 0

  counted(transport: Transport): Transport {
    return {
      request: async (request) => {
        this.#open++
        this.#seen++
        try {
          const response = await transport.request(request)
          const { body } = response
          return body.kind === 'watch' ? { ...response, body: { ...body, frames: this.#frames(body.frames) } } : response
        } finally {
          this.#open--
        }
      },
      [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
    }
  }

  async settle(): Promise<void> {
    for (;;) {
      const before = this.#seen
      await settle()
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
      await settle()
      if (this.#open === 0 && this.#seen === before) return
    }
  }

  async *#frames<T>(frames: AsyncIterable<T>): AsyncIterable<T> {
    for await (const frame of frames) {
      this.#seen++
      yield frame
    }
  }
}
