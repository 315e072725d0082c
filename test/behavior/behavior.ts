import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { namespaces, serviceAccounts } from '#api'
import type { Client } from '#client'
import table from '../../tools/data/behaviors.json' with { type: 'json' }
import { openTarget, TARGET_VARIABLE, type Target, type TargetOptions } from './target.ts'
import { until } from './waiting.ts'

/** What a behaviour is shown on: a cluster shared by its file, and a namespace of its own. */
export interface Scene {
  readonly target: Target
  readonly client: Client
  readonly namespace: string
}

export interface BehaviorOptions {
  /** A program; where it is not installed, nothing is shown and the table keeps what it says. */
  readonly needs?: string
  /** For what other clusters only do after minutes; two minutes by default. */
  readonly timeoutMs?: number
  /** Processes have to run, which nodes that only play have not: shown on a cluster that is named, as by test/e2e/behaviors.test.ts. */
  readonly containers?: boolean
}

export type Behavior = (codename: string, body: (scene: Scene) => Promise<void>, options?: BehaviorOptions) => void

/** Codenames of every behaviour that the conformance suite of the release checks. */
const KNOWN: ReadonlySet<string> = new Set(table.map(({ codename }) => codename))

const BEHAVIOR_MS_MAX = 120_000
/** In which controllers do what a new namespace needs. */
const SETTLE_MS = 1_000

/**
 * Behaviours of one file, on one target. Each names the codename of the conformance test that checks the same:
 * `tools/conformance-table.ts` reads the results by these names. What upstream's suite does not check has a plain sentence for a name.
 */
export function behaviors(title: string, define: (behavior: Behavior) => void, options: TargetOptions = {}): void {
  describe(title, () => {
    let target: Target | undefined
    let count = 0
    before(async () => {
      target = await openTarget(options)
    })
    after(async () => target?.[Symbol.asyncDispose]())
    define((codename, body, { needs, timeoutMs = BEHAVIOR_MS_MAX, containers = false } = {}) => {
      if (codename.startsWith('[') && !KNOWN.has(codename)) throw new Error(`no behaviour is called ${codename}`)
      const suffix = ++count
      const skip =
        (needs !== undefined && !isInstalled(needs) && `${needs} is not installed`) ||
        (containers && !process.env[TARGET_VARIABLE] && 'no containers run here')
      test(codename, { timeout: timeoutMs, skip }, async () => {
        const { client } = target!
        const generateName = `${title.replaceAll(' ', '-')}-${suffix}-`
        const { metadata } = await client.create(namespaces, { metadata: { generateName } })
        const namespace = metadata!.name!
        try {
          if (options.ownTime) await target!.pass(SETTLE_MS)
          // Pods are refused until their namespace has its account.
          await until(client, serviceAccounts, `${namespace}/default`, (account) => account !== undefined)
          await body({ target: target!, client, namespace })
        } finally {
          await client.delete(namespaces, namespace)
        }
      })
    })
  })
}

const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)))
