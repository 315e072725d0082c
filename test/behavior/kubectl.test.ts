import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { behaviors } from './behavior.ts'
import type { Target } from './target.ts'

const run = promisify(execFile)
const needs = 'kubectl'

/** A directory of the test's own with a kubeconfig in it; programs find nothing else. */
class Home implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 't8s-behavior-'))
  readonly environment: NodeJS.ProcessEnv

  constructor({ kubeconfig }: Target) {
    const path = join(this.directory, 'kubeconfig')
    writeFileSync(path, kubeconfig, { mode: 0o600 })
    this.environment = { PATH: process.env['PATH'], HOME: this.directory, KUBECONFIG: path }
  }

  async kubectl(...words: readonly string[]): Promise<string> {
    return (await run('kubectl', words, { env: this.environment })).stdout
  }

  /** Runs `kubectl proxy` for as long as `body` takes, and hands it the line that the program starts with. */
  async proxying(words: readonly string[], body: (line: string) => Promise<void>): Promise<void> {
    const child = spawn('kubectl', ['proxy', ...words], { env: this.environment, stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      child.stdout.setEncoding('utf8')
      const [line] = (await Array.fromAsync(child.stdout.take(1))) as string[]
      await body(line!)
    } finally {
      child.kill()
      await new Promise((resolve) => child.once('close', resolve))
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true })
  }
}

const getVersions = async (where: { port: number } | { socketPath: string }): Promise<string[]> => {
  const body = await new Promise<string>((resolve, reject) => {
    request({ host: '127.0.0.1', ...where, path: '/api/', agent: false }, (response) => resolve(text(response)))
      .on('error', reject)
      .end()
  })
  return (JSON.parse(body) as { versions: string[] }).versions
}

behaviors('kubectl', (behavior) => {
  behavior(
    '[sig-cli] Kubectl client Kubectl api-versions should check if v1 is in available api versions [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      assert.ok((await home.kubectl('api-versions')).split('\n').includes('v1'))
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      assert.match(await home.kubectl('cluster-info'), /Kubernetes control plane.* is running at .*https:\/\//)
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl version should check is all data is printed [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      const printed = await home.kubectl('version')
      assert.match(printed, /Client Version: /)
      assert.match(printed, /Server Version: v1\.\d+\.\d+/)
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Proxy server should support proxy with --port 0 [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      await home.proxying(['--port=0', '--disable-filter'], async (line) => {
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1])
        assert.ok((await getVersions({ port })).includes('v1'))
      })
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Proxy server should support --unix-socket=/path [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      const socketPath = join(home.directory, 's')
      await home.proxying([`--unix-socket=${socketPath}`], async (line) => {
        assert.match(line, /^Starting to serve on /)
        assert.ok((await getVersions({ socketPath })).includes('v1'))
      })
    },
    { needs },
  )
})
