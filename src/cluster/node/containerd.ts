import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock, Log } from '#base'
import { imagesInArchive } from './image-archive.ts'
import { cniDirectory, findProgram } from './packages.ts'
import { PAUSE_IMAGE, pauseImage } from './pause-image.ts'

const run = promisify(execFile)

export interface ContainerdOptions {
  /** Holds its configuration, images and state. */
  readonly directory: string
  readonly cniConfigDirectory: string
  readonly logFile: string
  readonly clock: Clock
  readonly log: Log
}

/** CAP_SYS_RESOURCE, without which nothing may lower its out-of-memory score. */
const CAP_SYS_RESOURCE = 24
const READY_TIMEOUT_MS = 30_000
const RESTART_DELAY_MS = 1_000

export const socketOf = (directory: string): string => join(directory, 'containerd.sock')

/** containerd's configuration for one node: everything below the node's own directory, so that several run side by side. */
export function containerdConfig({
  directory,
  cniConfigDirectory,
}: Pick<ContainerdOptions, 'directory' | 'cniConfigDirectory'>): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  return `version = 2
root = ${quote(join(directory, 'root'))}
state = ${quote(join(directory, 'state'))}
[grpc]
  address = ${quote(socketOf(directory))}
[${cri}]
  sandbox_image = ${quote(PAUSE_IMAGE)}
  restrict_oom_score_adj = ${!hasCapability(CAP_SYS_RESOURCE)}
  disable_apparmor = ${!existsSync('/sys/kernel/security/apparmor')}
  disable_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  [${cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [${cri}.containerd.runtimes.runc.options]
      SystemdCgroup = false
  [${cri}.cni]
    bin_dir = ${quote(cniDirectory() ?? '/usr/lib/cni')}
    conf_dir = ${quote(cniConfigDirectory)}
  [${cri}.registry]
    config_path = ${quote(join(directory, 'certs.d'))}
`
}

const quote = (text: string): string => JSON.stringify(text)

function hasCapability(number: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${effective}`) & (1n << BigInt(number))) !== 0n
}

/** A containerd of this node. Pods live in its shims, so they outlive both it and us; an instance that is still there is taken over. */
export class Containerd implements AsyncDisposable {
  readonly #options: ContainerdOptions
  #child: ChildProcess | undefined
  #stopping = false

  constructor(options: ContainerdOptions) {
    this.#options = options
  }

  static async start(options: ContainerdOptions): Promise<Containerd> {
    mkdirSync(join(options.directory, 'certs.d'), { recursive: true, mode: 0o700 })
    writeFileSync(join(options.directory, 'config.toml'), containerdConfig(options))
    const containerd = new Containerd(options)
    if (!(await answers(socketOf(options.directory)))) await containerd.#spawn()
    await containerd.#ensurePauseImage()
    return containerd
  }

  get endpoint(): string {
    return `unix://${socketOf(this.#options.directory)}`
  }

  /** Of containerd itself, whoever started it; undefined when it does not run. */
  get pid(): number | undefined {
    const pid = existsSync(this.#pidFile()) ? Number(readFileSync(this.#pidFile(), 'utf8')) : 0
    return isContainerd(pid) ? pid : undefined
  }

  /** Stops containerd itself, whoever started it. */
  async stop(): Promise<void> {
    this.#stopping = true
    const { pid } = this
    if (pid === undefined) return
    const ended =
      this.#child === undefined ? undefined : new Promise<void>((resolve) => this.#child!.once('exit', () => resolve()))
    process.kill(pid, 'SIGTERM')
    await ended
  }

  /** Leaves containerd running for the next one. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    this.#child?.unref()
  }

  /** Imports a docker-archive or OCI tar; resolves with the references in it. */
  async importImage(file: string): Promise<string[]> {
    const references = await imagesInArchive(readFileSync(file), file)
    await this.#ctr(['images', 'import', '--all-platforms', file]).catch(() => this.#ctr(['images', 'import', file]))
    return references
  }

  async #spawn(): Promise<void> {
    const { directory, logFile, log, clock } = this.#options
    const out = openSync(logFile, 'a', 0o600)
    const program = findProgram('containerd') ?? 'containerd'
    const child = spawn(program, ['--config', join(directory, 'config.toml')], {
      detached: true,
      stdio: ['ignore', out, out],
      cwd: '/',
    })
    this.#child = child
    const failed = new Promise<never>((_, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) =>
        reject(new Error(`containerd ended with ${signal ?? `exit code ${code}`}; see ${logFile}`)),
      )
    })
    failed.catch(() => undefined)
    writeFileSync(this.#pidFile(), String(child.pid))
    await Promise.race([untilItAnswers(directory, clock), failed])
    child.once('exit', () => {
      if (this.#stopping) return
      log.warn('containerd ended and is started again', {})
      clock.after(
        RESTART_DELAY_MS,
        () => void this.#spawn().catch((error: unknown) => log.error('containerd could not be started', { error })),
      )
    })
  }

  async #ensurePauseImage(): Promise<void> {
    const { stdout } = await this.#ctr(['images', 'list', '--quiet'])
    if (stdout.split('\n').includes(PAUSE_IMAGE)) return
    const file = join(this.#options.directory, 'pause.tar')
    writeFileSync(file, await pauseImage())
    await this.#ctr(['images', 'import', file])
  }

  #ctr(parameters: readonly string[]): Promise<{ stdout: string }> {
    return run(findProgram('ctr') ?? 'ctr', [
      '--address',
      socketOf(this.#options.directory),
      '--namespace',
      'k8s.io',
      ...parameters,
    ])
  }

  #pidFile(): string {
    return join(this.#options.directory, 'containerd.pid')
  }
}

/** A process id may have been given to another program since it was written down. */
function isContainerd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'containerd'
  } catch {
    return false
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Waits for the socket file to appear in its directory and then to be served. */
async function untilItAnswers(directory: string, clock: Clock): Promise<void> {
  const controller = new AbortController()
  using _timer = clock.after(READY_TIMEOUT_MS, () => controller.abort())
  let wake: () => void = () => undefined
  const watcher = watch(directory, () => wake())
  controller.signal.addEventListener('abort', () => wake())
  try {
    while (!controller.signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve
      })
      if (await answers(socketOf(directory))) return
      await changed
    }
  } finally {
    watcher.close()
  }
  throw new Error(`containerd did not answer on ${socketOf(directory)} within ${READY_TIMEOUT_MS / 1000} seconds`)
}
