import { failure, StatusError } from '#meta'
import type { Runtime } from '../runtimes/runtime.ts'
import type { UpgradeHandler } from '../server/server.ts'
import { parseStreamOptions, type StreamingDependencies, serveCommand } from './command.ts'
import { servePortForward } from './port-forward.ts'
import { refuse } from './upgrade.ts'

export type StreamingRuntime = Pick<Runtime, 'exec' | 'attach' | 'portForward'>

/** Serves exec, attach and port-forward over WebSocket and SPDY from a runtime's streams. */
export function streamUpgrades(runtime: StreamingRuntime, dependencies: StreamingDependencies): UpgradeHandler {
  return async (request, socket, head, { action, id, query }) => {
    const upgrade = { request, socket, head }
    try {
      switch (action) {
        case 'exec': {
          const options = parseStreamOptions(query)
          const command = query.getAll('command')
          if (command.length === 0) throw failure(400, 'BadRequest', 'you must specify a command')
          return await serveCommand(upgrade, options, () => runtime.exec(id, { ...options, command }), dependencies)
        }
        case 'attach': {
          const options = parseStreamOptions(query)
          return await serveCommand(upgrade, options, () => runtime.attach(id, options), dependencies)
        }
        case 'portForward':
          return await servePortForward(upgrade, query, (port) => runtime.portForward(id, port), dependencies)
        default:
          throw failure(404, 'NotFound', '404 page not found')
      }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      refuse(upgrade, error)
    }
  }
}
