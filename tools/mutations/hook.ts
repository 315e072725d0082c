import { registerHooks } from 'node:module'
import { type Edit, edited } from './edit.ts'

/** Preloaded into a process of tests: modules are changed while they are loaded, so that no file ever is. */
const edits = JSON.parse(process.env['T8S_MUTATION'] ?? '[]') as readonly Edit[]

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const own = edits.filter(({ file }) => url.endsWith(`/${file}`))
    if (own.length === 0) return loaded
    return { ...loaded, source: own.reduce(edited, String(loaded.source)) }
  },
})
