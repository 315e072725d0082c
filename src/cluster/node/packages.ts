import { spawn } from 'node:child_process'
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs, and the Debian package each is in. */
export type Programs = Readonly<Record<string, string>>

/** What a node with containers needs. */
const NODE_PROGRAMS: Programs = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  nft: 'nftables',
  iptables: 'iptables',
  conntrack: 'conntrack',
  ip: 'iproute2',
  mount: 'mount',
  nsenter: 'util-linux',
}

/** Where the distribution keeps CNI plugins. */
export const CNI_DIRECTORIES = ['/usr/lib/cni', '/opt/cni/bin']

const SEARCH_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

export function findProgram(name: string): string | undefined {
  const directories = new Set([...(process.env['PATH'] ?? '').split(delimiter), ...SEARCH_PATH])
  return [...directories].map((directory) => join(directory, name)).find((path) => existsSync(path))
}

export const cniDirectory = (): string | undefined => CNI_DIRECTORIES.find((directory) => existsSync(join(directory, 'bridge')))

/** What a server with an etcd member needs; `setpriv` ties the member's life to the server's. */
export const ETCD_PROGRAMS: Programs = { etcd: 'etcd-server', setpriv: 'util-linux' }

function missingPackages(programs: Programs): string[] {
  const missing = Object.entries(programs).flatMap(([program, name]) => (findProgram(program) === undefined ? [name] : []))
  if (programs === NODE_PROGRAMS && cniDirectory() === undefined) missing.push('containernetworking-plugins')
  return [...new Set(missing)]
}

const POLICY = '/usr/sbin/policy-rc.d'

/** Installs what is missing from Debian's packages, telling each step; by default what a node needs. Throws a sentence when it may not or can't. */
export async function ensurePackages(
  options: { readonly install: boolean; readonly progress: (step: string) => void },
  programs: Programs = NODE_PROGRAMS,
): Promise<void> {
  const missing = missingPackages(programs)
  if (missing.length === 0) return
  const list = missing.join(' ')
  if (!options.install) throw new Error(`these packages are missing: ${list}; install them, or run again without --no-install`)
  if (findProgram('apt-get') === undefined)
    throw new Error(
      `these programs are missing and there is no apt-get to install them: ${list}; install them${programs === NODE_PROGRAMS ? ', or use --runtime simulated' : ''}`,
    )
  options.progress(`installing Debian packages: ${list}`)
  // Packages start their daemons on installation; ours is started by us, with its own configuration.
  const guarded = !existsSync(POLICY)
  if (guarded) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
    chmodSync(POLICY, 0o755)
  }
  try {
    await apt(['update', '-qq'])
    await apt(['install', '-y', '-qq', '--no-install-recommends', ...missing])
  } finally {
    if (guarded) rmSync(POLICY, { force: true })
  }
  const still = missingPackages(programs)
  if (still.length > 0) throw new Error(`apt-get did not install ${still.join(' ')}; install them by hand and run again`)
}

async function apt(parameters: readonly string[]): Promise<void> {
  const child = spawn('apt-get', [...parameters], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2000)
  })
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  if (code !== 0) throw new Error(`apt-get ${parameters[0]} failed: ${errors.trim().split('\n').at(-1) ?? `exit code ${code}`}`)
}
