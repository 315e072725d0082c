import type { CommandDefinition } from '../command.ts'
import { agent } from './agent.ts'
import { down } from './down.ts'
import { image } from './image.ts'
import { kubeconfig } from './kubeconfig.ts'
import { logs } from './logs.ts'
import { reset } from './reset.ts'
import { server } from './server.ts'
import { status } from './status.ts'
import { up } from './up.ts'

/** In the order of `t8s --help`. */
export const commands: readonly CommandDefinition[] = [up, down, status, reset, logs, kubeconfig, image, server, agent]
