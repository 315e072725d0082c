import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

/** A component of `t8s` in a process of its own. Disposing kills it. */
export class ComponentProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  #said = ''
  #heard = Promise.withResolvers<void>()
  /** Its exit code and the lines that it said, once it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly lines: readonly string[] }>

  constructor(words: readonly string[]) {
    const program = ['--conditions=source', '--disable-warning=ExperimentalWarning', MAIN]
    this.#child = spawn(process.execPath, [...program, ...words], { stdio: ['ignore', 'inherit', 'pipe'] })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text
      this.#heard.resolve()
      this.#heard = Promise.withResolvers()
    })
    this.ended = once(this.#child, 'close').then(([code]) => ({
      code: code as number | null,
      lines: this.#said.trim().split('\n'),
    }))
  }

  /** Resolves once it has said something. */
  async says(part: string): Promise<void> {
    while (!this.#said.includes(part)) {
      const end = await Promise.race([this.#heard.promise, this.ended])
      if (end !== undefined) throw new Error(`it ended with ${end.code} and never said ${part}: ${this.#said}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }
}
