import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * A node with pods on a bridge and an outside client, each a network namespace of this machine. Needs root.
 * Disposing removes all of it; so does the process's end, should a test never get that far.
 */
export class NetworkLab implements AsyncDisposable {
  static readonly nodeIP = '192.168.77.1'
  static readonly outsideIP = '192.168.77.2'
  static readonly podCIDR = '10.71.1.0/24'
  readonly #prefix = `t8s-test-${process.pid}`
  readonly #namespaces: string[] = []
  readonly #children = new Set<ReturnType<typeof spawn>>()
  readonly #onExit = (): void => this.#remove()

  constructor() {
    process.once('exit', this.#onExit)
  }

  static async create(): Promise<NetworkLab> {
    const lab = new NetworkLab()
    try {
      lab.#build()
      return lab
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Path of a namespace: `node`, `outside`, or a pod's name. */
  path(name: string): string {
    return `/run/netns/${this.#prefix}-${name}`
  }

  /** A pod on the node's bridge, with a default route through it. */
  addPod(name: string, address: string): void {
    this.#namespace(name)
    const [inside, outside] = ['eth0', `v${name}`]
    this.ip('node', `link add ${outside} type veth peer name ${inside} netns ${this.#prefix}-${name}`)
    this.ip('node', `link set ${outside} master cni0 up`)
    this.run('node', [
      'sh',
      '-c',
      `echo 1 > /sys/class/net/${outside}/brport/hairpin_mode || ip link set ${outside} type bridge_slave hairpin on`,
    ])
    this.ip(name, `address add ${address}/24 dev ${inside}`)
    this.ip(name, `link set ${inside} up`)
    this.ip(name, 'route add default via 10.71.1.1')
  }

  /** A server that tells each client its own name and the address it sees; resolves once it listens. */
  async serve(pod: string, protocol: 'tcp' | 'udp', port: number): Promise<void> {
    const script =
      protocol === 'tcp'
        ? `require('net').createServer((s) => { s.on('error', () => {}); s.end('${pod} ' + s.remoteAddress.replace('::ffff:', '')) }).listen(${port}, () => console.log('up'))`
        : `const s = require('dgram').createSocket('udp4'); s.on('message', (m, r) => s.send('${pod} ' + r.address, r.port, r.address)); s.bind(${port}, () => console.log('up'))`
    await this.start(pod, ['-e', script])
  }

  /** A Node.js process in a namespace; resolves once it has printed something. */
  async start(name: string, args: readonly string[]): Promise<void> {
    const child = spawn('nsenter', [`--net=${this.path(name)}`, process.execPath, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#children.add(child)
    await once(child.stdout!, 'data')
  }

  /** Connects `count` times from a namespace; each answer is `<pod> <address it saw>` or an error code. */
  async fetch(from: string, host: string, port: number, count = 1): Promise<string[]> {
    const script = `
      const go = (left) => { if (left === 0) return
        let text = '', code
        const s = require('net').connect({ host: '${host}', port: ${port}, timeout: 1000 })
        s.on('data', (d) => (text += d)).on('error', (e) => (code = e.code)).on('timeout', () => { code = 'TIMEOUT'; s.destroy() })
        s.on('close', () => { console.log(code ?? text); go(left - 1) }) }
      go(${count})`
    return this.#output(from, script)
  }

  /** Sends datagrams from one fixed source port. */
  async ask(from: string, host: string, port: number, sourcePort: number): Promise<string[]> {
    const script = `
      const s = require('dgram').createSocket('udp4')
      const end = (text) => { console.log(text); s.close(); clearTimeout(timer) }
      const timer = setTimeout(() => end('TIMEOUT'), 1000)
      s.on('message', (m) => end(String(m))).on('error', (e) => end(e.code))
      s.bind(${sourcePort}, () => s.connect(${port}, '${host}', () => s.send('?')))`
    return this.#output(from, script)
  }

  /** Looks a name up at a server; the addresses, or an error code. */
  async lookUp(from: string, server: string, name: string): Promise<string[]> {
    const script = `
      const { Resolver } = require('dns').promises
      const resolver = new Resolver({ timeout: 1000, tries: 2 })
      resolver.setServers(['${server}'])
      resolver.resolve4('${name}').then((all) => all.forEach((one) => console.log(one)), (error) => console.log(error.code))`
    return this.#output(from, script)
  }

  run(from: string, [command, ...args]: readonly [string, ...string[]]): string {
    return execFileSync('nsenter', [`--net=${this.path(from)}`, command, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  ip(from: string, line: string): void {
    this.run(from, ['ip', ...line.split(' ')])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit)
    const running = [...this.#children].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    const ended = running.map((child) => once(child, 'exit'))
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(ended)
    this.#remove()
  }

  #build(): void {
    this.#namespace('node')
    this.#namespace('outside')
    this.run('node', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
    this.ip('node', 'link add cni0 address 0a:58:0a:47:01:01 type bridge')
    this.ip('node', 'address add 10.71.1.1/24 dev cni0')
    this.ip('node', 'link set cni0 up')
    this.ip('node', `link add uplink type veth peer name eth0 netns ${this.#prefix}-outside`)
    this.ip('node', `address add ${NetworkLab.nodeIP}/24 dev uplink`)
    this.ip('node', 'link set uplink up')
    this.ip('outside', `address add ${NetworkLab.outsideIP}/24 dev eth0`)
    this.ip('outside', 'link set eth0 up')
    this.ip('outside', `route add default via ${NetworkLab.nodeIP}`)
    // Without a default route the node's own traffic to a ClusterIP fails before any rule sees it.
    this.ip('node', `route add default via ${NetworkLab.outsideIP}`)
  }

  #namespace(name: string): void {
    execFileSync('ip', ['netns', 'add', `${this.#prefix}-${name}`])
    this.#namespaces.push(name)
    this.ip(name, 'link set lo up')
  }

  #remove(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    this.#children.clear()
    for (const name of this.#namespaces.splice(0).reverse()) {
      try {
        execFileSync('ip', ['netns', 'del', `${this.#prefix}-${name}`], { stdio: 'ignore' })
      } catch {
        // Gone already: all that is wanted.
      }
    }
  }

  async #output(from: string, script: string): Promise<string[]> {
    const child = spawn('nsenter', [`--net=${this.path(from)}`, process.execPath, '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#children.add(child)
    let text = ''
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    await once(child, 'close')
    this.#children.delete(child)
    return text.trim().split('\n')
  }
}
