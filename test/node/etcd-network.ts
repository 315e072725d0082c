import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { basename } from 'node:path'
import type { Alone } from './alone.ts'
import type { MemberPlace } from './etcd-cluster.ts'

const SUBNET = '10.78.0'

/** Machines on a bridge with this one, each a network namespace. All of it is in the namespaces of the test and goes with them. */
export class EtcdNetwork {
  readonly #name: string

  private constructor(name: string) {
    this.#name = name
  }

  static build({ directory }: Alone, count: number): EtcdNetwork {
    const network = new EtcdNetwork(basename(directory))
    // The names of namespaces are files: those of the test are its own.
    mkdirSync('/run/netns', { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run/netns'])
    ip('link set lo up')
    ip('link add br0 type bridge')
    ip(`address add ${SUBNET}.254/24 dev br0`)
    ip('link set br0 up')
    for (let index = 0; index < count; index++) network.#add(index)
    return network
  }

  readonly placeOf = (index: number): MemberPlace => ({
    address: `${SUBNET}.${index + 1}`,
    through: ['nsenter', `--net=/run/netns/${this.#namespaceOf(index)}`],
  })

  /** `down`: nobody hears of the machine, and it of nobody; connections stay as they were. */
  cable(index: number, state: 'up' | 'down'): void {
    ip(`link set v${index} ${state}`)
  }

  /** What one machine sends to others of them is lost; this one still hears of it. */
  silence(index: number, others: readonly number[], state: 'on' | 'off'): void {
    const verb = state === 'on' ? 'add' : 'del'
    for (const other of others) ip(`-n ${this.#namespaceOf(index)} route ${verb} blackhole ${this.placeOf(other).address}/32`)
  }

  #namespaceOf(index: number): string {
    return `${this.#name}-${index}`
  }

  #add(index: number): void {
    const namespace = this.#namespaceOf(index)
    ip(`netns add ${namespace}`)
    ip(`link add v${index} type veth peer name eth0 netns ${namespace}`)
    ip(`link set v${index} master br0 up`)
    ip(`-n ${namespace} link set lo up`)
    ip(`-n ${namespace} address add ${this.placeOf(index).address}/24 dev eth0`)
    ip(`-n ${namespace} link set eth0 up`)
  }
}

const ip = (line: string): void => void execFileSync('ip', line.split(' '))
