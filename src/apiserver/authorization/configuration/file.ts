import { readFileSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '#base'
import { type AuthorizationConfiguration, configured, readAuthorizers } from './configuration.ts'
import { findingsOf } from './validate.ts'

/** Where a configuration comes from, and what tells that it changed. */
export interface AuthorizationSource {
  /** Rejects with a sentence that says what is wrong. */
  read(): Promise<AuthorizationConfiguration>
  onChange?(listener: () => void): Disposable
}

/**
 * Reads a document of `AuthorizationConfiguration`, in YAML or JSON. Rejects with a sentence for each thing that is wrong. Policies of ABAC, which only flags can name, are in
 * `policyFile`.
 */
export async function parseAuthorizationConfiguration(text: string, policyFile?: string): Promise<AuthorizationConfiguration> {
  const authorizers = await readAuthorizers(text)
  const wrong: string[] = []
  for await (const { field, message } of findingsOf(authorizers, policyFile !== undefined)) wrong.push(`${field}: ${message}`)
  if (wrong.length > 0) throw new Error(wrong.length === 1 ? wrong[0]! : `[${wrong.join(', ')}]`)
  return { authorizers: authorizers.map((each) => configured(each, policyFile)) }
}

/** The file of `--authorization-config`: read again whenever what it says has changed, also when it is a link that turns elsewhere. */
export function authorizationFile(path: string, log: Log): AuthorizationSource {
  let known: string | undefined
  const text = (): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw new Error(`failed to read the authorization configuration ${path}: ${(error as Error).message}`, { cause: error })
    }
  }
  return {
    async read() {
      known = text()
      return parseAuthorizationConfiguration(known)
    },
    onChange(listener) {
      const watcher = watch(dirname(path), { persistent: false }, () => {
        try {
          if (text() !== known) listener()
        } catch (error) {
          log.warn('The authorization configuration can not be read; the last one stays', {
            path,
            error: (error as Error).message,
          })
        }
      })
      watcher.on('error', (error) =>
        log.warn('The authorization configuration is no longer followed', { path, error: error.message }),
      )
      return { [Symbol.dispose]: () => watcher.close() }
    },
  }
}
