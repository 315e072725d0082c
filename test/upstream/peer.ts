import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

/** Where `script/upstream` keeps what it fetched and built. */
export const UPSTREAM_ROOT = process.env.T8S_UPSTREAM ?? '/var/tmp/t8s-upstream'

/** A program that `script/upstream` built, by name. */
export function upstreamProgram(name: string): string {
  const file = join(UPSTREAM_ROOT, 'bin', name)
  if (!existsSync(file)) throw new Error(`${file} is missing: run script/upstream, which builds it`)
  return file
}

/** Upstream's libraries in a process of their own (`test/upstream/NAME/main.go`): it answers each line, a JSON value, with one line, a JSON value, in order. */
export class Peer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: Interface
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = []

  constructor(name: string, parameters: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, ...environment }
    this.#child = spawn(upstreamProgram(name), [...parameters], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })
    this.#lines.on('line', (line) => this.#waiting.shift()?.resolve(line))
    this.#child.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${name} ended with ${code ?? signal}`))
    })
  }

  async ask<T>(question: unknown): Promise<T> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error('the peer has ended')
    const answered = new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    this.#child.stdin.write(`${JSON.stringify(question)}\n`)
    return JSON.parse(await answered) as T
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.stdin.end()
    await gone
  }
}
