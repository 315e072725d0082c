import { execFile } from 'node:child_process'
import type { Clock } from '#base'
import type { ClusterEntry, ExecEntry } from './kubeconfig.ts'

interface ExecCredential {
  readonly kind?: string
  readonly status?: {
    readonly expirationTimestamp?: string
    readonly token?: string
  }
}

const OUTPUT_BYTES_MAX = 1024 * 1024
const TIMEOUT_MS = 60_000

/** Bearer tokens from a plugin (`users[].user.exec`), kept until they expire or a server refused them. */
export function execToken(
  exec: ExecEntry,
  cluster: ClusterEntry,
  clock: Clock,
): (options: { readonly refresh: boolean }) => Promise<string> {
  let kept: { readonly token: string; readonly expiresMs: number } | undefined
  let running: Promise<string> | undefined
  const obtain = async (): Promise<string> => {
    const { status } = await run(exec, cluster)
    if (!status?.token) throw new Error(`${exec.command}: the credential plugin gave no token`)
    const expiresMs = status.expirationTimestamp ? Date.parse(status.expirationTimestamp) : Number.POSITIVE_INFINITY
    kept = { token: status.token, expiresMs }
    return status.token
  }
  return ({ refresh }) => {
    if (!refresh && kept !== undefined && kept.expiresMs > clock.now()) return Promise.resolve(kept.token)
    running ??= obtain().finally(() => {
      running = undefined
    })
    return running
  }
}

async function run(exec: ExecEntry, cluster: ClusterEntry): Promise<ExecCredential> {
  const spec = {
    interactive: false,
    ...(exec.provideClusterInfo && {
      cluster: {
        server: cluster.server,
        'certificate-authority-data': cluster['certificate-authority-data'],
        'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
        'tls-server-name': cluster['tls-server-name'],
      },
    }),
  }
  const info = JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', spec })
  const added = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]))
  const environment = { ...process.env, ...added, KUBERNETES_EXEC_INFO: info }
  const output = await new Promise<string>((resolve, reject) => {
    const options = { env: environment, timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX }
    execFile(exec.command, exec.args ?? [], options, (error, stdout) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${exec.command}: the credential plugin failed: ${error.message}${hint(exec)}`, { cause: error }))
    })
  })
  try {
    return JSON.parse(output) as ExecCredential
  } catch (error) {
    throw new Error(`${exec.command}: the credential plugin did not print an ExecCredential`, { cause: error })
  }
}

const hint = ({ installHint }: ExecEntry): string => (installHint ? `\n${installHint}` : '')
