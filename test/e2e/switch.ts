import { execFileSync } from 'node:child_process'
import type { Machine } from './machine.ts'

/** What connects machines: a router with as many Ethernets as are asked for, in a network namespace of its own. */
export class Switch implements Disposable {
  readonly #namespace = `test-switch-${process.pid}`
  readonly #networks = new Set<string>()
  #ports = 0

  constructor() {
    execFileSync('ip', ['netns', 'add', this.#namespace])
    this.#ip('link', 'set', 'lo', 'up')
    execFileSync('nsenter', [`--net=/run/netns/${this.#namespace}`, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
  }

  /** Puts the machine's cable into the Ethernet whose router has this address. */
  connect(machine: Machine, gateway = '10.89.0.254'): void {
    const bridge = `br${gateway.replaceAll('.', '')}`
    if (!this.#networks.has(bridge)) {
      this.#ip('link', 'add', bridge, 'type', 'bridge')
      this.#ip('addr', 'add', `${gateway}/24`, 'dev', bridge)
      this.#ip('link', 'set', bridge, 'up')
      this.#networks.add(bridge)
    }
    const port = `port${this.#ports++}`
    execFileSync('ip', ['-n', machine.namespace, 'link', 'set', 'up1', 'name', port, 'netns', this.#namespace])
    this.#ip('link', 'set', port, 'master', bridge)
    this.#ip('link', 'set', port, 'up')
  }

  [Symbol.dispose](): void {
    execFileSync('ip', ['netns', 'del', this.#namespace])
  }

  #ip(...words: string[]): void {
    execFileSync('ip', ['-n', this.#namespace, ...words])
  }
}
