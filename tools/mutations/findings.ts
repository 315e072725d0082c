import { hash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Run } from './run.ts'

/** Behaviours of a file that pass without a change. */
interface Passing {
  /** Of the file that was run. */
  readonly digest: string
  readonly behaviors: readonly string[]
}

/** What runs have shown so far, kept in a file if one is named, so that a run that was stopped goes on where it was. */
export class Findings {
  readonly #path: string | undefined
  readonly #passing: Map<string, Passing>
  readonly #mutants: Map<string, Pick<Run, 'failed' | 'broken'>>

  constructor(path: string | undefined) {
    const kept = path !== undefined && existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { passing: [], mutants: [] }
    this.#path = path
    this.#passing = new Map(kept.passing)
    this.#mutants = new Map(kept.mutants)
  }

  /** Behaviours of some files, or of all that have been run. */
  behaviors(files: readonly string[] = [...this.#passing.keys()]): string[] {
    return files.flatMap((file) => this.#passing.get(file)?.behaviors ?? [])
  }

  /** Mutants on which a behaviour fails. */
  killers(behavior: string): string[] {
    return [...this.#mutants].filter(([, { failed }]) => failed.includes(behavior)).map(([name]) => name)
  }

  /** Undefined before the mutant has been run. */
  of(mutant: string): Pick<Run, 'failed' | 'broken'> | undefined {
    return this.#mutants.get(mutant)
  }

  isSeen(mutant: string): boolean {
    const found = this.#mutants.get(mutant)
    return found !== undefined && found.broken === undefined && found.failed.length > 0
  }

  isKnown(file: string, text: string): boolean {
    return this.#passing.get(file)?.digest === hash('sha256', text)
  }

  notePassing(file: string, text: string, behaviors: readonly string[]): void {
    this.#passing.set(file, { digest: hash('sha256', text), behaviors })
    this.#write()
  }

  noteMutant(name: string, { failed, broken }: Pick<Run, 'failed' | 'broken'>): void {
    // Where no cluster comes up everything fails, which shows nothing.
    this.#mutants.set(name, broken === undefined ? { failed } : { failed: [], broken })
    this.#write()
  }

  #write(): void {
    if (this.#path === undefined) return
    writeFileSync(this.#path, JSON.stringify({ passing: [...this.#passing], mutants: [...this.#mutants] }, undefined, 1))
  }
}
