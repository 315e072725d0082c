import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../test/node/etcd-cluster.ts'
import type { TlsFiles } from './lab.ts'
import type { Target } from './process.ts'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/t8s/nginx')
const ANSWER = 'answer'
const LOOK_AGAIN_MS = 20

/** nginx, which serves one file over TLS and HTTP/2 in one process. */
export class Nginx implements Target, AsyncDisposable {
  readonly name = 'nginx, a file'
  readonly pid: number
  readonly port: number
  readonly path = `/${ANSWER}`
  readonly #root: string
  readonly #stop: () => Promise<void>

  private constructor(pid: number, port: number, root: string, stop: () => Promise<void>) {
    this.pid = pid
    this.port = port
    this.#root = root
    this.#stop = stop
  }

  static async start(program: string, directory: string, tls: TlsFiles): Promise<Nginx> {
    const [port = 0] = await freePorts(1)
    const root = join(directory, 'html')
    mkdirSync(root, { recursive: true })
    const file = join(directory, 'nginx.conf')
    writeFileSync(file, configuration(directory, root, port, tls))
    const child = spawn(program, ['-e', 'stderr', '-p', directory, '-c', file], { stdio: ['ignore', 'ignore', 'inherit'] })
    const gone = once(child, 'exit')
    await Promise.race([
      listening(port),
      gone.then(([code]) => {
        throw new Error(`nginx ended with ${code}`)
      }),
    ])
    return new Nginx(child.pid!, port, root, async () => {
      child.kill('SIGTERM')
      await gone
    })
  }

  serve(bytes: Buffer): void {
    writeFileSync(join(this.#root, ANSWER), bytes)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop()
  }
}

/** Resolves when somebody listens. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const there = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (there) return
    // Nobody is told when it begins to listen.
    await sleep(LOOK_AGAIN_MS)
  }
}

/** As Debian ships it, but for one process, no log of requests, and connections that live as long as ours. */
const configuration = (directory: string, root: string, port: number, { ca, certificate, key }: TlsFiles): string => `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
events { worker_connections 2048; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  default_type application/json;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_client_certificate ${ca};
    ssl_verify_client on;
    ssl_protocols TLSv1.2 TLSv1.3;
    root ${root};
  }
}
`

/** On the PATH, or unpacked from Debian's package beside the other things that tests use; nothing is installed. Undefined when there is no such package. */
export function findNginx(): string | undefined {
  for (const directory of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin']) {
    if (existsSync(join(directory, 'nginx'))) return join(directory, 'nginx')
  }
  const unpacked = join(CACHE, 'usr/sbin/nginx')
  if (existsSync(unpacked)) return unpacked
  mkdirSync(CACHE, { recursive: true })
  const run = (program: string, ...words: string[]): void => void execFileSync(program, words, { cwd: CACHE, stdio: 'ignore' })
  try {
    run('apt-get', 'download', '-qq', 'nginx')
    const [archive = ''] = readdirSync(CACHE).filter((name) => name.endsWith('.deb'))
    run('dpkg', '-x', archive, '.')
    rmSync(join(CACHE, archive))
    run(unpacked, '-v')
    return unpacked
  } catch {
    rmSync(CACHE, { recursive: true, force: true })
    return undefined
  }
}
