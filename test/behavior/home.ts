import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Target } from './target.ts'

const run = promisify(execFile)

/** A directory of the test's own with a kubeconfig in it; programs find nothing else. */
export class Home implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 't8s-behavior-'))
  readonly environment: NodeJS.ProcessEnv

  constructor({ kubeconfig }: Pick<Target, 'kubeconfig'>) {
    const path = join(this.directory, 'kubeconfig')
    writeFileSync(path, kubeconfig, { mode: 0o600 })
    this.environment = { PATH: process.env['PATH'], HOME: this.directory, KUBECONFIG: path }
  }

  async kubectl(...words: readonly string[]): Promise<string> {
    return (await run('kubectl', words, { env: this.environment })).stdout
  }

  /** What a program that says no by its exit code printed. */
  async refused(code: number, ...words: readonly string[]): Promise<string> {
    try {
      await run('kubectl', words, { env: this.environment })
    } catch (error) {
      const failure = error as { readonly code: number; readonly stdout: string; readonly stderr: string }
      assert.equal(failure.code, code, failure.stderr)
      return `${failure.stdout}${failure.stderr}`
    }
    throw new Error(`kubectl ${words.join(' ')} succeeded`)
  }

  /** Writes a manifest that `-f` takes. */
  manifest(name: string, object: object): string {
    const path = join(this.directory, `${name}.json`)
    writeFileSync(path, JSON.stringify(object))
    return path
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
